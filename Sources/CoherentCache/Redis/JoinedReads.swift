import InventoryKit
import NIOCore
import RedisClient

/// Questions of one event loop for what products' keys hold. Those of one turn leave as one `MGET`, and who asks for a
/// product for which another does already, joins that one. Never one that has left: its answer may be older than a write
/// that the newcomer has to see.
final class JoinedReads: Sendable {
    typealias Completion = (Result<CachedValue?, RedisError>) -> Void

    /// More would make the reply long, which is there only as a whole; the rest takes another.
    private static let most = 32

    /// Questions that leave together, over one connection and in one namespace.
    private final class Turn {
        let leases: Leases
        var places: [ProductID: Int] = [:]
        var ids: [ProductID] = []
        /// Who waits for the answer at which place.
        var waiting: [(place: Int, Completion)] = []

        init(_ leases: Leases) {
            self.leases = leases
            places.reserveCapacity(JoinedReads.most)
            ids.reserveCapacity(JoinedReads.most)
            waiting.reserveCapacity(JoinedReads.most)
        }
    }

    /// Of which none has left.
    private let current: NIOLoopBoundBox<Turn?>
    private let counters: CacheCounters

    init(on loop: any EventLoop, counters: CacheCounters) {
        current = NIOLoopBoundBox.makeBoxSendingValue(nil, eventLoop: loop)
        self.counters = counters
    }

    /// Asks for what a product's key holds; nothing where it holds nothing. On the connection's event loop only.
    func get(_ id: ProductID, with leases: Leases, _ completion: @escaping Completion) {
        let turn = turn(over: leases)
        if let place = turn.places[id] {
            counters.countJoin()
            turn.waiting.append((place, completion))
            return
        }
        turn.places[id] = turn.ids.count
        turn.waiting.append((turn.ids.count, completion))
        turn.ids.append(id)
        if turn.ids.count == Self.most { send(turn) }
    }

    /// The same from anywhere.
    func get(_ id: ProductID, with leases: Leases) async throws(RedisError) -> CachedValue? {
        let result: Result<CachedValue?, RedisError> = await withCheckedContinuation { continuation in
            leases.connection.eventLoop.execute {
                self.get(id, with: leases) { continuation.resume(returning: $0) }
            }
        }
        return try result.get()
    }

    private func turn(over leases: Leases) -> Turn {
        if let turn = current.value {
            if turn.leases.connection === leases.connection, turn.leases.generation == leases.generation { return turn }
            send(turn)
        }
        let turn = Turn(leases)
        current.value = turn
        leases.connection.beforeDeparture { if self.current.value === turn { self.send(turn) } }
        return turn
    }

    private func send(_ turn: Turn) {
        current.value = nil
        let keys = turn.ids.map { RedisArgument(CacheKeys.value($0, in: turn.leases.generation)) }
        turn.leases.connection.send(RedisCommand(["MGET"] + keys), timeout: Leases.readTimeout) { result in
            let answers = Self.values(result, of: turn.ids)
            for (place, completion) in turn.waiting { completion(answers[place]) }
        }
    }

    /// - Returns: an answer for each of the products.
    private static func values(
        _ result: Result<RedisValue, RedisError>, of ids: [ProductID]
    ) -> [Result<CachedValue?, RedisError>] {
        switch result {
        case .success(.array(let values)) where values.count == ids.count:
            zip(values, ids).map { value, id in
                switch value {
                case .null: .success(nil)
                case .bytes(let bytes): CachedValue(bytes, of: id).map { .success($0) } ?? .failure(Leases.foreignValue)
                default: .failure(Leases.foreignValue)
                }
            }
        case .success: ids.map { _ in .failure(Leases.foreignValue) }
        case .failure(let error): ids.map { _ in .failure(error) }
        }
    }
}
