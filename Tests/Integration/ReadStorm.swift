import InventoryKit
import NIOHTTP1
import Synchronization
import TestSupport

/// Many readers and writers of few products, who go on whatever happens, and note what they are told and when.
///
/// Half of the readers, and all of the writers, keep to one daemon each, so that some go on where another daemon keeps
/// its callers waiting. A writer lets somebody read elsewhere as soon as he has his acknowledgement: whatever is stale
/// shows there first.
final class ReadStorm: Sendable {
    /// How much of it there is.
    struct Load: Sendable {
        var products = 6
        var readers = 16
        var writers = 6

        /// The pause of a writer between two writes, at most.
        var pause = Duration.milliseconds(25)

        /// Characters in each product's description.
        var size = 100
    }

    struct Product: Sendable {
        let id: String
        let sku: String
    }

    /// A stock change that is the same whenever it is sent.
    private struct Order: Sendable {
        let product: Int
        let key: String
        let path: String
        let body: String
    }

    /// The daemons there are, of which some may be closed to those who have the choice.
    final class Doors: Sendable {
        private let state = Mutex<(daemons: [DaemonProcess], closed: Set<Int>)>(([], []))

        var daemons: [DaemonProcess] { state.withLock { $0.daemons } }

        /// From now on callers find this daemon there.
        func open(_ daemon: DaemonProcess, at index: Int) {
            state.withLock { state in
                if index < state.daemons.count { state.daemons[index] = daemon } else { state.daemons.append(daemon) }
            }
        }

        /// Those who have the choice turn to others.
        func close(_ index: Int) { state.withLock { _ = $0.closed.insert(index) } }

        func reopen(_ index: Int) { state.withLock { _ = $0.closed.remove(index) } }

        func any() -> Int {
            state.withLock { state in
                state.daemons.indices.filter { !state.closed.contains($0) }.randomElement() ?? 0
            }
        }
    }

    private struct State {
        var isOver = false
        var orders: [Order] = []
        var names = 0
        var oddities: [String] = []
    }

    /// Callers become slow when there were so many calls: all of them have to be judged.
    private static let haste = 60_000

    /// Much longer than any deadline of a daemon: who waits so long waits for ever.
    private static let patience = Duration.seconds(40)

    let history: ReadHistory
    let products: [Product]
    private let load: Load
    private let doors: Doors
    private let state = Mutex(State())

    init(at doors: Doors, _ load: Load = Load()) async throws {
        self.load = load
        self.doors = doors
        let client = doors.daemons[0].client
        let description = String(repeating: "d", count: load.size)
        var products: [Product] = []
        var openings: [ETag] = []
        for number in 0..<load.products {
            let sku = "READ-\(number)"
            let reply = try await client.post(
                "/v1/products",
                """
                {"sku":"\(sku)","name":"Opening","description":"\(description)",\
                "price":{"amount":255,"currency":"GBP"},"stock":{"on_hand":1000000}}
                """)
            guard case .answered(let opening) = ReadRecord.Outcome(reply), let id = reply.json["id"].string else {
                throw UnexpectedReply(reply)
            }
            products.append(Product(id: id, sku: sku))
            openings.append(opening)
        }
        self.products = products
        history = ReadHistory(openings: openings)
    }

    struct UnexpectedReply: Error, CustomStringConvertible {
        let description: String

        init(_ reply: HTTPTestClient.Reply) { description = "\(reply.status) \(reply.text)" }
    }

    /// Lets the storm rage for as long as `body` runs, and waits until everybody has his answer.
    func rage(_ body: () async throws -> Void) async throws {
        state.withLock { $0.isOver = false }
        let callers = Task {
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<load.readers { group.addTask { await self.read(number) } }
                for number in 0..<load.writers { group.addTask { await self.write(number) } }
            }
        }
        defer { state.withLock { $0.isOver = true } }
        try await body()
        state.withLock { $0.isOver = true }
        try await answered(within: Self.patience) { await callers.value }
    }

    // MARK: What happens in it

    /// Answers that no client should ever get.
    var oddities: [String] { state.withLock { $0.oddities } }

    /// Waits for so many more reads that are answered from the cache.
    func hits(_ count: Int, within patience: Duration = .seconds(60)) async throws {
        try await more(count, "hits", within: patience) { history.count(of: .hit) }
    }

    /// Waits for so many more reads that are answered past the cache.
    func bypasses(_ count: Int) async throws { try await more(count, "bypasses") { history.count(of: .bypass) } }

    /// Waits for so many more writes that are acknowledged.
    func acknowledges(_ count: Int) async throws {
        try await more(count, "acknowledged writes") { history.acknowledged }
    }

    /// Waits for so many more writes of which nobody knows what came.
    func fallsSilent(_ count: Int) async throws {
        try await more(count, "writes without an answer") { history.unknownWrites }
    }

    private func more(
        _ count: Int, _ what: String, within patience: Duration = .seconds(60), _ figure: () -> Int
    ) async throws {
        let goal = figure() + count
        try await eventually("\(count) more \(what)", within: patience) { figure() >= goal ? () : nil }
    }

    // MARK: Readers

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func read(_ reader: Int) async {
        var number = reader
        while !isOver {
            number += 1
            let door = reader.isMultiple(of: 2) ? reader / 2 % doors.daemons.count : doors.any()
            let product = Int.random(in: products.indices)
            let isAnswered = await read(product, through: door, bySKU: number.isMultiple(of: 8))
            if !isAnswered { await pause(.milliseconds(10)) }
            if history.count > Self.haste { await pause(.milliseconds(50)) }
        }
    }

    @discardableResult
    private func read(_ product: Int, through door: Int, bySKU: Bool = false) async -> Bool {
        let client = doors.daemons[door].client
        let path = "/v1/products/" + (bySKU ? "sku:\(products[product].sku)" : products[product].id)
        let began = ContinuousClock.now
        let reply = try? await client.get(path)
        let ended = ContinuousClock.now
        if let reply, reply.status != 200, reply.status != 503 { note("a read: \(reply.status) \(reply.text)") }
        let source = reply.flatMap { $0.header("X-Cache") }.flatMap(ReadRecord.Source.init)
        if reply?.status == 200, source == nil { note("a read without X-Cache") }
        history.add(
            ReadRecord(
                product: product, daemon: door, action: .read, began: began, ended: ended,
                outcome: ReadRecord.Outcome(reply), source: source))
        return reply?.status == 200
    }

    // MARK: Writers

    private func write(_ writer: Int) async {
        var turn = writer
        while !isOver {
            turn += 1
            let door = writer % doors.daemons.count
            let product = Int.random(in: products.indices)
            let isDone: Bool
            switch turn % 8 {
            case 0: isDone = await rename(product, through: door)
            case 1, 5: isDone = await upsert(product, through: door)
            case 2: isDone = await repeatSomething(through: door)
            case 3:
                let order = order(product)
                async let other = send(order, isFirst: false, through: doors.any())
                isDone = await send(order, isFirst: true, through: door)
                _ = await other
            default: isDone = await send(order(product), isFirst: true, through: door)
            }
            if isDone { await read(product, through: doors.any()) } else { await pause(.milliseconds(10)) }
            await pause(load.pause * Double.random(in: 0...1))
            if history.count > Self.haste { await pause(.milliseconds(50)) }
        }
    }

    /// As clients do before they ask again.
    private func pause(_ time: Duration) async { _ = try? await Task.sleep(for: time) }

    private func order(_ product: Int) -> Order {
        state.withLock { state in
            let number = state.orders.count
            let name = number.isMultiple(of: 3) ? "sku:\(products[product].sku)" : products[product].id
            let isPurchase = number.isMultiple(of: 2)
            let order = Order(
                product: product, key: "order-\(number)",
                path: "/v1/products/\(name)/\(isPurchase ? "purchase" : "adjust")",
                body: isPurchase ? #"{"quantity":1}"# : #"{"delta":1,"reason":"receive"}"#)
            state.orders.append(order)
            return order
        }
    }

    private func repeatSomething(through door: Int) async -> Bool {
        guard let order = state.withLock({ $0.orders.suffix(50).randomElement() }) else { return true }
        return await send(order, isFirst: false, through: door)
    }

    private func send(_ order: Order, isFirst: Bool, through door: Int) async -> Bool {
        await note(order.product, door, isFirst ? .stock : .stockAgain) { client in
            try await client.post(order.path, key: order.key, order.body)
        }
    }

    private func rename(_ product: Int, through door: Int) async -> Bool {
        let (path, name) = ("/v1/products/\(products[product].id)", newName())
        return await note(product, door, .catalogue) { client in
            try await client.send(.PATCH, path, body: #"{"name":"\#(name)"}"#)
        }
    }

    /// A row of a bulk load, which says that it is done and not which state it made.
    private func upsert(_ product: Int, through door: Int) async -> Bool {
        let row = #"{"sku":"\#(products[product].sku)","name":"\#(newName())","price":{"amount":255,"currency":"GBP"}}"#
        return await note(product, door, .catalogue, isBatch: true) { client in
            try await client.send(
                .POST, "/v1/products:batch", headers: [("Content-Type", "application/x-ndjson")], body: row + "\n")
        }
    }

    /// A name that no product has had.
    private func newName() -> String {
        state.withLock { state in
            state.names += 1
            return "Name \(state.names)"
        }
    }

    /// Makes a call and notes what came of it; whether it was acknowledged.
    private func note(
        _ product: Int, _ door: Int, _ action: ReadRecord.Action, isBatch: Bool = false,
        _ call: (HTTPTestClient) async throws -> HTTPTestClient.Reply
    ) async -> Bool {
        let client = doors.daemons[door].client
        let began = ContinuousClock.now
        let reply = try? await call(client)
        let ended = ContinuousClock.now
        let outcome = isBatch ? Self.batchOutcome(reply) : ReadRecord.Outcome(reply)
        if let reply, outcome == .refused || ![200, 201, 503].contains(reply.status) {
            note("\(action): \(reply.status) \(reply.text)")
        }
        let record = ReadRecord(
            product: product, daemon: door, action: action, began: began, ended: ended, outcome: outcome)
        history.add(record)
        return record.isAcknowledged
    }

    private func note(_ oddity: String) { state.withLock { $0.oddities.append(oddity) } }

    private static func batchOutcome(_ reply: HTTPTestClient.Reply?) -> ReadRecord.Outcome {
        // A row that finds nothing to change was done before by itself, sent again by the daemon.
        ["updated", "unchanged"].contains(reply?.json["status"].string) ? .acknowledged : .unknown
    }
}
