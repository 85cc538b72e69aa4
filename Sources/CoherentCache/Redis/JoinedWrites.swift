import InventoryKit
import NIOCore
import RedisClient

/// BEGINs of one product that leave in the same turn of an event loop go as one command, and so do its ENDs: to Redis it
/// is as if they had come one right after the other. When everybody buys the same product, its buyers do come together:
/// what combines their purchases answers many at once.
final class JoinedWrites: Sendable {
    typealias Completion = (Result<RedisValue, RedisError>) -> Void
    private typealias Send = (_ tokens: [RedisArgument], @escaping Completion) -> Void

    /// More would make the command long; the rest takes another.
    private static let most = 128

    /// What may go as one: the same step for the same product over the same connection in the same namespace.
    private struct Step: Hashable {
        let isEnd: Bool
        let id: ProductID
        let generation: String
        let connection: ObjectIdentifier

        init(isEnd: Bool, _ id: ProductID, _ leases: Leases) {
            self.isEnd = isEnd
            self.id = id
            generation = leases.generation
            connection = ObjectIdentifier(leases.connection)
        }
    }

    private struct Unsent {
        var tokens: [LeaseToken] = []
        var completions: [Completion] = []
        var send: Send?
    }

    private let turns: [ObjectIdentifier: NIOLoopBoundBox<[Step: Unsent]>]

    init(on group: any EventLoopGroup) {
        turns = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: loop))
            })
    }

    /// Notes writers of a product. On the connection's event loop only.
    func begin(
        _ id: ProductID, token: LeaseToken, limit: Duration, with leases: Leases, _ completion: @escaping Completion
    ) {
        join(Step(isEnd: false, id, leases), token, leases, completion) { tokens, completion in
            leases.scripts.begin.run(
                over: leases.connection, keys: CacheKeys(id, in: leases.generation).all,
                [RedisArgument(limit.wholeMilliseconds)] + tokens, timeout: Leases.readTimeout, completion)
        }
    }

    /// Ends writers of a product. On the connection's event loop only.
    ///
    /// - Parameter document: put in only for a writer who ends alone; of those who end together each overlapped the others.
    func end(
        _ id: ProductID, token: LeaseToken, document: (value: ByteBuffer, timeToLive: Duration)?, with leases: Leases,
        _ completion: @escaping Completion
    ) {
        join(Step(isEnd: true, id, leases), token, leases, completion) { tokens, completion in
            var arguments = [RedisArgument(tokens.count)] + tokens
            if tokens.count == 1, let document {
                arguments += [
                    RedisArgument(document.value), RedisArgument(max(1, document.timeToLive.wholeMilliseconds)),
                ]
            }
            leases.scripts.end.run(
                over: leases.connection, keys: CacheKeys(id, in: leases.generation).all, arguments,
                timeout: Leases.endTimeout, completion)
        }
    }

    /// - Parameter send: sends the step for all who have joined. That of the last is called, so alone it is one's own.
    private func join(
        _ step: Step, _ token: LeaseToken, _ leases: Leases, _ completion: @escaping Completion,
        send: @escaping Send
    ) {
        let loop = leases.connection.eventLoop
        guard let turn = turns[ObjectIdentifier(loop)] else { return send([token.argument], completion) }
        let isFirst = turn.value[step] == nil
        turn.value[step, default: Unsent()].tokens.append(token)
        turn.value[step, default: Unsent()].completions.append(completion)
        turn.value[step]?.send = send
        let leave = {
            guard let unsent = turn.value.removeValue(forKey: step) else { return }
            unsent.send?(unsent.tokens.map(\.argument)) { result in
                for completion in unsent.completions { completion(result) }
            }
        }
        if isFirst {
            loop.assumeIsolated().execute(leave)
        } else if turn.value[step]?.tokens.count == Self.most {
            leave()
        }
    }
}
