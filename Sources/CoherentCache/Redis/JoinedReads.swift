import InventoryKit
import NIOCore
import RedisClient

/// `GET`s of one event loop. Who asks for a product while another's question for it has not left yet, joins that one.
/// Never one that has left: its answer may be older than a write that the newcomer has to see.
final class JoinedReads: Sendable {
    typealias Completion = (Result<CachedValue?, RedisError>) -> Void

    /// A question and who waits for its answer.
    private final class Question {
        var waiting: [Completion]

        init(_ first: @escaping Completion) { waiting = [first] }
    }

    private struct Unsent {
        var questions: [ProductID: Question] = [:]
        /// What they belong to: all of it has to be the same for one to be joined.
        var connection: ObjectIdentifier?
        var generation = ""
        var departure: UInt64 = 0
    }

    private let unsent: NIOLoopBoundBox<Unsent>
    private let counters: CacheCounters

    init(on loop: any EventLoop, counters: CacheCounters) {
        unsent = NIOLoopBoundBox.makeBoxSendingValue(Unsent(), eventLoop: loop)
        self.counters = counters
    }

    /// Asks for what a product's key holds; nothing where it holds nothing. On the connection's event loop only.
    func get(_ id: ProductID, with leases: Leases, _ completion: @escaping Completion) {
        let connection = leases.connection
        forgetWhatHasLeft(connection, leases.generation)
        if let question = unsent.value.questions[id] {
            counters.countJoin()
            question.waiting.append(completion)
            return
        }
        let question = Question(completion)
        unsent.value.questions[id] = question
        let command = RedisCommand(["GET", RedisArgument(CacheKeys.value(id, in: leases.generation))])
        connection.send(command, timeout: Leases.readTimeout) { result in
            // A question may end without having left, where the connection has ended: nobody may join it then.
            if self.unsent.value.questions[id] === question { self.unsent.value.questions[id] = nil }
            let answer = Self.value(result, of: id)
            for completion in question.waiting { completion(answer) }
        }
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

    private func forgetWhatHasLeft(_ connection: RedisConnection, _ generation: String) {
        let isSame =
            unsent.value.connection == ObjectIdentifier(connection) && unsent.value.departure == connection.departures
            && unsent.value.generation == generation
        guard !isSame else { return }
        // With its room kept, which each turn of the loop needs again.
        unsent.value.questions.removeAll(keepingCapacity: true)
        unsent.value.connection = ObjectIdentifier(connection)
        unsent.value.generation = generation
        unsent.value.departure = connection.departures
    }

    private static func value(
        _ result: Result<RedisValue, RedisError>, of id: ProductID
    ) -> Result<CachedValue?, RedisError> {
        switch result {
        case .success(.null): .success(nil)
        case .success(.bytes(let bytes)):
            if let value = CachedValue(bytes, of: id) { .success(value) } else { .failure(Leases.foreignValue) }
        case .success: .failure(Leases.foreignValue)
        case .failure(let error): .failure(error)
        }
    }
}
