/// What is going to happen, in virtual time (nanoseconds). Kept by the millisecond, which is quick without optimisation.
struct Agenda {
    private struct Entry {
        let time: Int64
        let body: () -> Void
    }

    private static let slot: Int64 = 1_000_000

    private var slots: [[Entry]]
    private var first = 0
    private(set) var now: Int64 = 0
    private(set) var count = 0

    /// - Parameter end: what would happen later does not happen.
    init(end: Int64) { slots = Array(repeating: [], count: Int(end / Self.slot)) }

    mutating func add(at time: Int64, _ body: @escaping () -> Void) {
        let time = max(time, now)
        let place = Int(time / Self.slot)
        if place < slots.count { slots[place].append(Entry(time: time, body: body)) }
    }

    /// Goes on to what is next; `nil` where there is nothing any more.
    mutating func next() -> (() -> Void)? {
        while first < slots.count {
            let count = slots[first].count
            if count == 0 {
                first += 1
                continue
            }
            var (earliest, index) = (0, 1)
            while index < count {
                if slots[first][index].time < slots[first][earliest].time { earliest = index }
                index += 1
            }
            let entry = slots[first].remove(at: earliest)
            now = entry.time
            self.count += 1
            return entry.body
        }
        return nil
    }
}

/// Chance that is the same for the same seed (SplitMix64; Steele, Lea and Flood 2014), with no generics, which are slow
/// without optimisation.
struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x2545_F491_4F6C_DD1D &+ 0x1234_5678_9ABC_DEF1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 to `bound` − 1.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func between(_ low: Int64, _ high: Int64) -> Int64 { low + Int64(next() % UInt64(high - low + 1)) }

    mutating func percent(_ chance: Int) -> Bool { below(100) < chance }
}

extension Int {
    /// So many microseconds.
    var us: Int64 { Int64(self) * 1_000 }
    /// So many milliseconds.
    var ms: Int64 { Int64(self) * 1_000_000 }
}
