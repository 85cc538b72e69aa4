import InventoryKit
import Testing

@testable import CoherentCache

@Suite("Recent misses")
struct RecentMissesTests {
    @Test("What was noted is taken once, and what was not is not")
    func once() throws {
        let (misses, id) = (RecentMisses(), try ProductID("6655aabbccddeeff00112233"))
        #expect(!misses.take(id))
        misses.note(id)
        #expect(!misses.take(try ProductID("6655aabbccddeeff00112234")))
        #expect(misses.take(id))
        #expect(!misses.take(id))
    }
}
