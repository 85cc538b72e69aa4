import InventoryKit

/// Remembers which SKUs have been met, and in which row each first was: 8 bytes of hash instead of the text, so a
/// million of them take about 25 MB. Two different SKUs share a hash about once in 10⁷ files of a million rows.
struct SeenSKUs: Sendable {
    enum Meeting: Hashable, Sendable {
        case first
        case again(line: Int, Fingerprint)
        /// Not met so far, but there is no room to remember it.
        case noRoom
    }

    /// What of a row decides whether another is the same, in 8 bytes.
    struct Fingerprint: Hashable, Sendable {
        fileprivate let bits: UInt64

        /// - Parameter rest: the row's other values in some fixed form.
        init(name: String?, price: Int64?, currency: String?, rest: some Sequence<UInt8>) {
            let name = Self.hash((name ?? "").utf8)
            let price = Self.hash("\(price ?? -1) \(currency ?? "")".utf8)
            bits = (name << 40) | ((price & 0xFF_FFFF) << 16) | (Self.hash(rest) & 0xFFFF)
        }

        func hasSameName(as other: Fingerprint) -> Bool { (bits ^ other.bits) >> 40 == 0 }
        func hasSamePrice(as other: Fingerprint) -> Bool { ((bits ^ other.bits) << 24) >> 40 == 0 }

        /// FNV-1a, its upper half folded in: the same in every run, so that a file's report is too.
        private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            return hash ^ (hash >> 32)
        }
    }

    /// How many are remembered at most.
    let limit: Int
    private(set) var count = 0

    /// Many small tables: when one grows, only little is there twice for the moment.
    private var tables = [HashTable](repeating: HashTable(), count: 64)

    init(limit: Int = 2_000_000) {
        self.limit = limit
    }

    /// - Parameter key: as ``SKU/key``.
    mutating func meet(_ key: String, line: Int, _ fingerprint: Fingerprint) -> Meeting {
        // Keyed anew in every run, so no file can be made to collide.
        var hasher = Hasher()
        hasher.combine(key)
        let hash = UInt64(bitPattern: Int64(hasher.finalize())) | 1
        let table = Int((hash >> 1) & 63)
        if let known = tables[table].find(hash) {
            return .again(line: Int(known.line), Fingerprint(bits: known.bits))
        }
        guard count < limit else { return .noRoom }
        count += 1
        tables[table].insert(hash, line: UInt32(clamping: line), bits: fingerprint.bits)
        return .first
    }
}

extension SeenSKUs.Fingerprint {
    fileprivate init(bits: UInt64) { self.bits = bits }
}

/// A hash table with open addressing, at most seven eighths full. Hash 0 is an empty place.
private struct HashTable: Sendable {
    private var hashes = [UInt64](repeating: 0, count: 16)
    private var lines = [UInt32](repeating: 0, count: 16)
    private var bits = [UInt64](repeating: 0, count: 16)
    private var count = 0

    func find(_ hash: UInt64) -> (line: UInt32, bits: UInt64)? {
        let place = place(of: hash)
        return hashes[place] == hash ? (lines[place], bits[place]) : nil
    }

    mutating func insert(_ hash: UInt64, line: UInt32, bits fingerprint: UInt64) {
        if count * 8 >= hashes.count * 7 { grow() }
        let place = place(of: hash)
        hashes[place] = hash
        lines[place] = line
        bits[place] = fingerprint
        count += 1
    }

    /// Where the hash is, or would be put.
    private func place(of hash: UInt64) -> Int {
        var place = Int(hash.multipliedFullWidth(by: UInt64(hashes.count)).high)
        while hashes[place] != 0, hashes[place] != hash {
            place += 1
            if place == hashes.count { place = 0 }
        }
        return place
    }

    private mutating func grow() {
        let old = self
        let size = hashes.count / 4 * 5
        hashes = [UInt64](repeating: 0, count: size)
        lines = [UInt32](repeating: 0, count: size)
        bits = [UInt64](repeating: 0, count: size)
        count = 0
        for place in old.hashes.indices where old.hashes[place] != 0 {
            insert(old.hashes[place], line: old.lines[place], bits: old.bits[place])
        }
    }
}
