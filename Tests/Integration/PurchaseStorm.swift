import InventoryKit
import Synchronization
import TestSupport

/// Many buyers at once, who go on whatever happens to the daemons and to the database, and note what they are told.
///
/// Some name a product by its id and some by its sku. Some who get no answer ask again until they have one, and some
/// give up; some repeat what has succeeded, and some send everything twice at once. There is never enough of the last
/// product, so some are refused, and now and then one of those brings new stock, which must not undo a refusal.
final class PurchaseStorm: Sendable {
    struct Shelf: Sendable {
        let id: String
        let sku: String
        let opening: Int64
    }

    /// A request that is the same whenever it is sent.
    struct Order: Sendable {
        let key: String
        let shelf: Shelf
        let path: String
        let body: String

        /// The units that are bought; none where stock is brought.
        let quantity: Int64?
    }

    private struct State {
        var doors: [HTTPTestClient] = []
        var orders: [Order] = []
        var restocks: [String: Set<String>] = [:]
        var oddities: [String] = []
        var isOver = false
        var waves = 0
        var acknowledgements = 0
        var refusals = 0
        var silences = 0
    }

    /// Buyers become slow when so many purchases of a wave are acknowledged: the ledger has to be read to its end.
    private static let haste = 2_000

    /// They stop when so many are.
    private static let limit = 12_000

    /// Much longer than any deadline of a daemon: who waits so long waits for ever.
    private static let patience = Duration.seconds(40)

    let shelves: [Shelf]
    let history = PurchaseHistory()
    private let state = Mutex(State())

    /// Puts products on the shelves.
    ///
    /// - Parameter openings: the stock of each; the last should be little.
    init(at daemons: [DaemonProcess], openings: [Int64] = [1_000_000, 1_000_000, 40]) async throws {
        var shelves: [Shelf] = []
        for (index, opening) in openings.enumerated() {
            let sku = "STORM-\(index)"
            let id = try await daemons[0].client.create(sku, stock: Int(opening))
            shelves.append(Shelf(id: id, sku: sku, opening: opening))
        }
        self.shelves = shelves
        enter(through: daemons)
    }

    /// From now on buyers turn to these daemons, to each as often.
    func enter(through daemons: [DaemonProcess]) { state.withLock { $0.doors = daemons.map(\.client) } }

    /// Lets the storm rage for as long as `body` runs.
    func rage<Value>(buyers: Int = 24, _ body: () async throws -> Value) async throws -> Value {
        let wave = state.withLock { state in
            state.isOver = false
            state.waves += 1
            return state.waves
        }
        let start = acknowledgements
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { state.withLock { $0.isOver = true } }
            for buyer in 0..<buyers { group.addTask { await self.buy(buyer, wave: wave, since: start) } }
            let value = try await body()
            state.withLock { $0.isOver = true }
            try await group.waitForAll()
            return value
        }
    }

    // MARK: What happens in it

    var acknowledgements: Int { state.withLock { $0.acknowledgements } }
    var refusals: Int { state.withLock { $0.refusals } }

    /// Sendings that nobody knows the outcome of, by then.
    var silences: Int { state.withLock { $0.silences } }

    /// Everything that may be sent again.
    var orders: [Order] { state.withLock { $0.orders } }

    /// The movements that were answered to those who brought stock, by their keys.
    var restocks: [String: Set<String>] { state.withLock { $0.restocks } }

    /// Answers that no client should ever get.
    var oddities: [String] { state.withLock { $0.oddities } }

    /// Waits for so many more acknowledgements.
    func acknowledges(_ count: Int) async throws {
        let goal = acknowledgements + count
        try await eventually("\(count) more purchases") { acknowledgements >= goal ? () : nil }
    }

    /// Waits for so many more sendings that remain without a good answer.
    func fallsSilent(_ count: Int) async throws {
        let goal = silences + count
        try await eventually("\(count) more purchases without an answer") { silences >= goal ? () : nil }
    }

    /// A daemon to ask about the outcome.
    var anyDoor: HTTPTestClient? { state.withLock { $0.doors.first } }

    func note(_ oddity: String) { state.withLock { $0.oddities.append(oddity) } }

    // MARK: Buyers

    private func buy(_ buyer: Int, wave: Int, since start: Int) async {
        var number = 0
        while !isOver, acknowledgements - start < Self.limit {
            number += 1
            let turn = buyer + number
            let order = purchase("storm-\(wave)-\(buyer)-\(number)", turn: turn)
            if turn.isMultiple(of: 11) {
                async let other = send(order, through: turn + 1)
                _ = (await send(order, through: turn), await other)
                continue
            }
            switch await send(order, through: turn) {
            case .unknown:
                await pause(.milliseconds(20))
                if number.isMultiple(of: 2) { await insist(on: order, turn) }
            case .acknowledged:
                if turn.isMultiple(of: 5) { await send(order, through: turn + 1) }
            case .refused:
                if turn.isMultiple(of: 3) { await send(order, through: turn + 1) }
                if turn.isMultiple(of: 7) { await insist(on: restock(order), turn) }
            }
            if acknowledgements - start > Self.haste { await pause(.milliseconds(200)) }
        }
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    /// Asks until there is an answer, or the storm is over.
    private func insist(on order: Order, _ turn: Int) async {
        var attempt = turn
        while !isOver {
            if await send(order, through: attempt) != .unknown { return }
            attempt += 1
            await pause(.milliseconds(20))
        }
    }

    /// As clients do before they try again.
    private func pause(_ time: Duration) async { _ = try? await Task.sleep(for: time) }

    private func purchase(_ key: String, turn: Int) -> Order {
        let shelf = shelves[turn % shelves.count]
        let quantity = Int64(1 + turn % 4)
        let name = turn.isMultiple(of: 4) ? "sku:\(shelf.sku)" : shelf.id
        return placed(
            Order(
                key: key, shelf: shelf, path: "/v1/products/\(name)/purchase",
                body: #"{"quantity":\#(quantity),"reference":"\#(key)"}"#, quantity: quantity))
    }

    /// Stock for the shelf on which an order found too little.
    private func restock(_ order: Order) -> Order {
        let key = "\(order.key)-restock"
        return placed(
            Order(
                key: key, shelf: order.shelf, path: "/v1/products/\(order.shelf.id)/adjust",
                body: #"{"delta":5,"reason":"receive","reference":"\#(key)"}"#, quantity: nil))
    }

    private func placed(_ order: Order) -> Order {
        state.withLock { $0.orders.append(order) }
        return order
    }

    // MARK: Sending

    /// Sends an order and notes what came of it.
    @discardableResult
    func send(_ order: Order, through door: Int, isKnown: Bool = false) async -> PurchaseRecord.Answer {
        let client = state.withLock { $0.doors[door % $0.doors.count] }
        let reply: HTTPTestClient.Reply?
        do {
            reply = try await answered(within: Self.patience) {
                try await client.post(order.path, key: order.key, order.body)
            }
        } catch let error as TookTooLong {
            note("\(order.key): \(error)")
            reply = nil
        } catch {
            // The connection broke or could not be opened, which may happen to anybody.
            reply = nil
        }
        if let reply, let oddity = Self.oddity(in: reply, isKnown: isKnown) { note("\(order.key): \(oddity)") }
        let answer = answer(of: reply, to: order)
        state.withLock { state in
            switch answer {
            case .acknowledged: state.acknowledgements += 1
            case .refused: state.refusals += 1
            case .unknown: state.silences += 1
            }
        }
        return answer
    }

    private func answer(of reply: HTTPTestClient.Reply?, to order: Order) -> PurchaseRecord.Answer {
        if let quantity = order.quantity {
            let answer = PurchaseRecord.Answer(reply)
            history.add(
                PurchaseRecord(key: order.key, product: order.shelf.id, quantity: quantity, answer: answer))
            return answer
        }
        guard let reply, reply.status == 201, let id = reply.json["movement"]["id"].string,
            let seq = reply.json["movement"]["seq"].int, let onHand = reply.json["movement"]["on_hand"].int
        else { return .unknown }
        state.withLock { _ = $0.restocks[order.key, default: []].insert(id) }
        return .acknowledged(movement: id, seq: seq, onHandAfter: onHand, status: reply.status)
    }

    /// What is wrong with an answer, whatever the outcome.
    private static func oddity(in reply: HTTPTestClient.Reply, isKnown: Bool) -> String? {
        switch (reply.status, reply.json["code"].string) {
        case (201, _), (409, "insufficient-stock"):
            guard isKnown, reply.header("Idempotent-Replayed") != "true" else { return nil }
            return "a repetition was not told that it is one: \(reply.text)"
        case (503, "outcome-unknown"), (503, "store-unavailable"), (503, "stopping"), (503, "overloaded"):
            return reply.header("Retry-After") == nil ? "503 without Retry-After: \(reply.text)" : nil
        default: return "\(reply.status) \(reply.text)"
        }
    }
}

/// What `body` returns, or ``TookTooLong``: `body` may go on then, and nobody waits for it.
func answered<Value: Sendable>(
    within time: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let (results, continuation) = AsyncStream.makeStream(of: Result<Value, any Error>.self)
    let work = Task {
        do { continuation.yield(.success(try await body())) } catch { continuation.yield(.failure(error)) }
    }
    let alarm = Task {
        try await Task.sleep(for: time)
        continuation.yield(.failure(TookTooLong(waitingFor: "an answer", after: time)))
    }
    defer {
        work.cancel()
        alarm.cancel()
    }
    for await result in results { return try result.get() }
    throw CancellationError()
}
