import Synchronization
import Testing

@testable import InventoryServer

@Suite("Places")
struct PlacesTests {
    private final class Inside: Sendable {
        let count = Atomic<Int>(0)
    }

    /// Fails where a place is given back twice, or not at all.
    @Test("A place is given back once, whoever does it and however often")
    func leaving() {
        let places = Places()
        do {
            let first = Place(in: places, of: 2)
            let second = Place(in: places, of: 2)
            #expect(first.take() && second.take())
            #expect(!Place(in: places, of: 2).take())
            #expect(places.inUse == 2)
            first.leave()
            first.leave()
            #expect(places.inUse == 1)
            #expect(first.take())
            #expect(first.take())
            #expect(places.inUse == 2)
            first.leave()
            let third = Place(in: places, of: 2)
            #expect(third.take())
            #expect(!first.take())
            third.leave()
        }
        #expect(places.inUse == 0)
    }

    /// Fails where a place that is left is not handed on, or to somebody who came later.
    @Test("Who waits is let in when a place is left, in the order of arrival")
    func waiting() {
        let places = Places()
        let holder = Place(in: places, of: 1)
        #expect(holder.take())
        let order = Mutex<[Int]>([])
        let waiters = (0..<3).map { _ in Place(in: places, of: 1) }
        for (number, waiter) in waiters.enumerated() {
            waiter.wait { hasRoom in order.withLock { $0.append(hasRoom ? number : -1) } }
        }
        #expect(places.waiting == 3)
        for leaver in [holder] + waiters { leaver.leave() }
        #expect(order.withLock { $0 } == [0, 1, 2])
        #expect(places.inUse == 0 && places.waiting == 0)
    }

    /// Fails where, under more load than can be borne, everybody waits for as long as may be.
    @Test("While somebody is turned away the last to come is let in first, and not for longer")
    func overload() {
        var room = WaitingRoom()
        let order = Mutex<[Int]>([])
        func add(_ number: Int) {
            _ = room.add(.init(most: 1) { _ in order.withLock { $0.append(number) } })
        }
        for number in 0..<4 { add(number) }
        room.letIn(at: .now) { _ in true }?.enter(true)
        let late = ContinuousClock.now + WaitingRoom.patience
        #expect(room.turnAway(at: late).late.count == 3)
        for number in 4..<8 { add(number) }
        room.letIn(at: late) { _ in true }?.enter(true)
        #expect(room.letIn(at: late, { _ in false }) == nil)
        room.letIn(at: late) { _ in true }?.enter(true)
        room.letIn(at: late + WaitingRoom.patience) { _ in true }?.enter(true)
        #expect(order.withLock { $0 } == [0, 7, 6, 4])
        #expect(room.count == 1)
    }

    /// Fails where nobody looks after those who wait, or no longer after the first has gone.
    @Test("Who has waited for long is turned away, again and again")
    func turnedAway() async {
        let places = Places()
        let holder = Place(in: places, of: 1)
        #expect(holder.take())
        for _ in 0..<2 {
            let crowd = (0..<20).map { _ in Place(in: places, of: 1) }
            let served = await withTaskGroup(of: Bool.self) { group in
                for place in crowd { group.addTask { await place.takeOrWait() } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(served == 0)
            #expect(crowd.allSatisfy { !$0.isHeld })
        }
        #expect(places.inUse == 1 && places.waiting == 0)
        holder.leave()
        #expect(Place(in: places, of: 1).take())
    }

    /// Fails where nobody looks again once it is seen who waits: the place was left between a look for one and the wait.
    @Test("Who begins to wait when a place has just become free has it at once")
    func justFree() {
        let place = Place(in: Places(), of: 1)
        let told = Mutex<Bool?>(nil)
        place.wait { hasRoom in told.withLock { $0 = hasRoom } }
        #expect(told.withLock { $0 } == true)
        #expect(place.isHeld)
    }

    /// Fails where a place is given to two, or counted when it is not taken.
    @Test("Many who come and go at once are never more than there is room for")
    func comingAndGoing() async {
        let places = Places()
        let inside = Inside()
        let most = 2
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    for _ in 0..<2_000 {
                        let place = Place(in: places, of: most)
                        guard await place.takeOrWait() else { continue }
                        let count = inside.count.add(1, ordering: .relaxed).newValue
                        #expect(count <= most)
                        await Task.yield()
                        inside.count.subtract(1, ordering: .relaxed)
                        place.leave()
                    }
                }
            }
        }
        #expect(places.inUse == 0 && places.waiting == 0)
    }

    @Test("Half of the places may be kept for slow clients, and one at least")
    func lasting() {
        let places = Places()
        let all = (0..<6).map { _ in Place(in: places, of: 6) }
        #expect(all.map { $0.last() } == [true, true, true, false, false, false])
        all[0].leave()
        #expect(all[5].last())
        #expect(all[5].last())
        let only = Place(in: Places(), of: 1)
        #expect(only.last() && only.isLasting)
    }

    /// Fails where many small bodies take the room that is there for large ones, or where any is counted twice.
    @Test("Large bodies share one room, small ones need none")
    func bodies() {
        let places = Places()
        let large = (0..<64).map { _ in Place(in: places, of: 1_000) }
        for place in large {
            #expect(place.holdBody(of: 500_000))
            #expect(place.holdBody(of: 1_048_576 + Places.bodyAllowance))
        }
        let another = Place(in: places, of: 1_000)
        #expect(another.holdBody(of: Places.bodyAllowance))
        #expect(!another.holdBody(of: Places.bodyAllowance + 1))
        large[0].dropBody()
        #expect(another.holdBody(of: Places.bodyAllowance + 1))
        large[1].leave()
        #expect(another.holdBody(of: 1_048_576 + Places.bodyAllowance))
        #expect(!Place(in: places, of: 1_000).holdBody(of: 2_000_000))
    }

    /// Fails where what one answer holds is not given back, or where one that was refused holds it all the same.
    @Test("Long answers share one room until they have been read")
    func answers() {
        let places = Places()
        let sixteenth = Places.answerBytesMax / 16
        let all = (0..<16).map { _ in Place(in: places, of: 1_000) }
        for place in all { #expect(place.last(holding: sixteenth)) }
        let another = Place(in: places, of: 1_000)
        #expect(!another.last(holding: 1))
        #expect(another.last())
        another.leave()
        all[0].leave()
        all[0].leave()
        #expect(!another.last(holding: sixteenth + 1))
        #expect(another.last(holding: sixteenth))
    }
}
