import Testing

@testable import InventoryServer

@Suite("Places")
struct PlacesTests {
    /// Fails where a place is given back twice, or not at all.
    @Test("A place is given back once, whoever does it and however often")
    func leaving() {
        let places = Places()
        do {
            let first = Place(in: places, of: 2)
            let second = Place(in: places, of: 2)
            #expect(first.hasRoom && second.hasRoom)
            #expect(!Place(in: places, of: 2).hasRoom)
            #expect(places.inUse == 2)
            first.leave()
            first.leave()
            #expect(places.inUse == 1)
            #expect(first.comeBack())
            #expect(first.comeBack())
            #expect(places.inUse == 2)
            first.leave()
            let third = Place(in: places, of: 2)
            #expect(third.hasRoom)
            #expect(!first.comeBack())
            third.leave()
        }
        #expect(places.inUse == 0)
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
