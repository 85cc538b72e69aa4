import InventoryKit
import StoreContract
import Testing

@testable import MongoStore

@Suite("Which product's turn it is, and what is filed with it")
struct LanesTests {
    /// It fails where taking out is a write of its own, which costs as much as the purchase that follows.
    @Test("What is filed waits for the next move, and leaves with it")
    func leavesWithNextMove() throws {
        var lanes = Lanes()
        let operation = try sell(from: &lanes)
        try file(operation, in: &lanes)
        #expect(lanes.nextRound().isEmpty)
        #expect(!lanes.isEmpty, "a process that stops now would leave it")

        lanes.add([try move()], to: product.id)
        let batch = try #require(lanes.nextRound().first)
        #expect(batch.moves.count == 1)
        let filed = StockPipeline.Filed(count: 1, last: try operation.text("id"))
        #expect(batch.filed == filed)
        let state = try #require(StockPlan(batch, at: Self.time)?.state)
        #expect(state.operations.count == 1 && state.operations != [operation])
    }

    @Test("Where no move comes, it leaves by itself")
    func leavesByItself() throws {
        var lanes = Lanes()
        let operation = try sell(from: &lanes)
        try file(operation, in: &lanes)
        lanes.expedite()
        let batch = try #require(lanes.nextRound().first)
        #expect(batch.moves.isEmpty && batch.filed?.count == 1)
        let plan = try #require(StockPlan(batch, at: Self.time))
        _ = lanes.finish(LaneOutcome(product: product.id, state: plan.state), after: batch, filingThreshold: 128)
        #expect(lanes.isEmpty && lanes.nextRound().isEmpty)
    }

    /// It fails where nobody's turn comes before somebody's: a shop that sells a few hundred products files as many each
    /// second, and each purchase would wait for all of them.
    @Test("What only has to leave waits for those who buy, and goes along a few at a time")
    func leavesAfterMoves() throws {
        var lanes = Lanes()
        for _ in 0..<40 {
            let other = try LanesTests()
            try other.file(try other.sell(from: &lanes), in: &lanes)
        }
        lanes.expedite()
        lanes.add([try move()], to: product.id)
        let round = lanes.nextRound()
        #expect(round.first?.product == product.id)
        #expect(round.map(\.moves.count) == [1] + Array(repeating: 0, count: 16))
        #expect([lanes.nextRound(), lanes.nextRound(), lanes.nextRound()].map(\.count) == [16, 8, 0])
    }

    /// What a read has shown may be undone by a crash of the server, and then would stand in the ledger without having
    /// happened.
    @Test("Only what is known to be durable is filed, once, and not while a write is under way")
    func filesWhatIsDurable() throws {
        var lanes = Lanes()
        _ = try sell(from: &lanes, isDurable: false)
        #expect(lanes.takeDue(before: Self.time).isEmpty)
        let operation = try sell(from: &lanes)
        #expect(lanes.takeDue(before: Timestamp(milliseconds: Self.time.milliseconds - 1)).isEmpty)

        lanes.add([try move()], to: product.id)
        let batch = try #require(lanes.nextRound().first)
        #expect(lanes.takeDue(before: Self.time).isEmpty)
        lanes.restore([batch])
        #expect(lanes.takeDue(before: Self.time).isEmpty, "nobody knows what that write has done")

        _ = try sell(from: &lanes)
        #expect(lanes.takeDue(before: Self.time).map(\.operations) == [[operation]])
        #expect(lanes.takeDue(before: Self.time).isEmpty)
    }

    /// The operations that were filed are not those that stand there.
    @Test("What others have taken out is not taken out again")
    func othersWereFaster() throws {
        var lanes = Lanes()
        try file(try sell(from: &lanes), in: &lanes)
        lanes.add([try move()], to: product.id)
        var batch = try #require(lanes.nextRound().first)
        let other = BSONDocument(document.fields.map { ($0.name, $0.name == "ops" ? [] : BSON($0.value)) })
        batch.state = LaneState(try StoredProduct(other), at: 0, isDurable: true)
        #expect(StockPlan(batch, at: Self.time) == nil, "the server has to decide")
    }

    /// It fails where what nobody can take out has its turn again at once, and so for ever.
    @Test("What cannot be taken out of a product is not tried again and again", arguments: [true, false])
    func cannotLeave(isGone: Bool) throws {
        var lanes = Lanes()
        try file(try sell(from: &lanes), in: &lanes)
        lanes.expedite()
        let batch = try #require(lanes.nextRound().first)
        let outcome = LaneOutcome(product: product.id, error: isGone ? nil : .refused(code: 121, "not valid"))
        _ = lanes.finish(outcome, after: batch, filingThreshold: 128)
        #expect(lanes.nextRound().isEmpty && lanes.isEmpty)
    }

    @Test("What could not be taken out for want of a server has its turn again")
    func leavesLater() throws {
        var lanes = Lanes()
        try file(try sell(from: &lanes), in: &lanes)
        lanes.expedite()
        let batch = try #require(lanes.nextRound().first)
        _ = lanes.finish(LaneOutcome(product: product.id, error: .unknown("gone")), after: batch, filingThreshold: 128)
        #expect(lanes.nextRound().first?.filed == batch.filed)
    }

    /// It fails where a daemon that is told to stop tries for ever: 25 s, and exit 1.
    @Test("Who stops leaves what could not be taken out to the next daemon, but nobody who waits")
    func leavesForTheNext() throws {
        var lanes = Lanes()
        try file(try sell(from: &lanes), in: &lanes)
        lanes.add([try move()], to: product.id)
        lanes.restore(lanes.nextRound(), forgettingFiled: true)
        let batch = try #require(lanes.nextRound().first)
        #expect(batch.moves.count == 1 && batch.filed == nil)
        let state = LaneState(try StoredProduct(document), at: 0, isDurable: true)
        _ = lanes.finish(LaneOutcome(product: product.id, state: state), after: batch, filingThreshold: 128)
        #expect(lanes.isEmpty)
    }

    /// It fails where whoever came first stays, and who is bought now has to be asked for each time.
    @Test("With more products than memory keeps, those that are bought stay, and the others go")
    func memory() throws {
        var lanes = Lanes(idleLimit: 8)
        for _ in 0..<20 {
            try LanesTests().rest(in: &lanes)
        }
        #expect(lanes.count <= 9)
        try rest(in: &lanes)
        for _ in 0..<50 {
            for _ in 0..<4 { try LanesTests().rest(in: &lanes) }
            lanes.add([try move()], to: product.id)
            let batch = try #require(lanes.nextRound().first)
            #expect(batch.state != nil, "it had to be asked for again")
            let outcome = LaneOutcome(product: product.id, state: batch.state)
            _ = lanes.finish(outcome, after: batch, filingThreshold: 128)
        }
        #expect(lanes.count <= 9)
    }

    // MARK: Parts

    private static let time = Timestamp(milliseconds: 1_800_000_000_000)
    private let product: Product
    private let document: BSONDocument

    init() throws {
        let creation = try Sample.creation(try Sample.catalogue("A-1"), opening: 5)
        let (product, opening) = creation.begin(at: Self.time)
        self.product = product
        document = BSONDocument(creating: product, opening: opening, origin: creation.origin, fence: 1)
    }

    private func move() throws -> PendingMove {
        PendingMove(try Sample.purchase(of: .id(product.id)), Waiter())
    }

    /// Has a round give back the product with one operation, its opening.
    private func sell(from lanes: inout Lanes, isDurable: Bool = true) throws -> BSONDocument {
        lanes.add([try move()], to: product.id)
        let batch = try #require(lanes.nextRound().first)
        let state = LaneState(try StoredProduct(document), at: 0, isDurable: isDurable)
        _ = lanes.finish(LaneOutcome(product: product.id, state: state), after: batch, filingThreshold: 128)
        return try #require(state.operations.first)
    }

    /// Has a round give back the product with nothing to be filed.
    private func rest(in lanes: inout Lanes) throws {
        lanes.add([try move()], to: product.id)
        let batch = try #require(lanes.nextRound().first)
        var state = LaneState(try StoredProduct(document), at: 0, isDurable: true)
        state.removeFirst(1)
        _ = lanes.finish(LaneOutcome(product: product.id, state: state), after: batch, filingThreshold: 128)
    }

    private func file(_ operation: BSONDocument, in lanes: inout Lanes) throws {
        #expect(lanes.takeDue(before: Self.time).map(\.operations) == [[operation]])
        let filed = StockPipeline.Filed(count: 1, last: try operation.text("id"))
        lanes.filed(filed, of: product.id, isPatient: true)
    }
}
