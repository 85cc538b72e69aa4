import InventoryKit

/// A bounded set of documents and leases, evicted by CLOCK: a hand goes round, spares what was read since it last came
/// by, and takes the first that was not (Corbató, "A Paging Experiment with the Multics System", 1968).
struct Documents {
    enum Look {
        case hit(ProductDocument)
        /// With a lease to fill, unless somebody else has it.
        case miss(lease: UInt64?)
    }

    private struct Entry {
        let id: ProductID
        var document: ProductDocument?
        var lease: UInt64?
        var expiry: ContinuousClock.Instant?
        var wasRead = false

        /// Bytes of the body and what the tables around it take, roughly.
        var cost: Int { 256 + (document?.size ?? 0) }
    }

    private let byteLimit: Int
    private var bytes = 0
    private var entries: [Entry?] = []
    private var positions: [ProductID: Int] = [:]
    private var free: [Int] = []
    private var hand = 0
    private var lastLease: UInt64 = 0

    init(byteLimit: Int) {
        self.byteLimit = byteLimit
    }

    mutating func peek(_ id: ProductID, now: ContinuousClock.Instant) -> ProductDocument? {
        guard let position = positions[id], let document = entries[position]?.document,
            let expiry = entries[position]?.expiry, now < expiry
        else { return nil }
        entries[position]?.wasRead = true
        return document
    }

    /// Every document that has not expired.
    func all(at now: ContinuousClock.Instant) -> [CachedHere] {
        entries.compactMap { entry in
            guard let document = entry?.document, let expiry = entry?.expiry, now < expiry else { return nil }
            return CachedHere(document: document, timeToLive: expiry - now)
        }
    }

    mutating func look(for id: ProductID, now: ContinuousClock.Instant) -> Look {
        guard let position = positions[id], let entry = entries[position] else {
            lastLease += 1
            insert(Entry(id: id, lease: lastLease))
            return .miss(lease: lastLease)
        }
        if let document = peek(id, now: now) { return .hit(document) }
        guard entry.lease == nil else { return .miss(lease: nil) }
        lastLease += 1
        let lease = lastLease
        update(position) { entry in
            entry.document = nil
            entry.lease = lease
        }
        return .miss(lease: lease)
    }

    /// Puts the document in, if the lease still is what it was.
    mutating func fill(
        _ document: ProductDocument, of id: ProductID, with lease: UInt64, until expiry: ContinuousClock.Instant
    ) {
        guard let position = positions[id], entries[position]?.lease == lease else { return }
        update(position) { entry in
            entry.document = document
            entry.lease = nil
            entry.expiry = expiry
        }
        evict()
    }

    mutating func giveBack(_ lease: UInt64, of id: ProductID) {
        guard let position = positions[id], entries[position]?.lease == lease else { return }
        remove(id)
    }

    /// Takes the right to fill away, and tells whether there is a document that is older than the state.
    mutating func revokeLease(of id: ProductID, before etag: ETag) -> Bool {
        guard let position = positions[id], let entry = entries[position] else { return false }
        guard let document = entry.document else {
            remove(id)
            return false
        }
        return document.etag.isOlder(than: etag)
    }

    mutating func replace(_ document: ProductDocument, of id: ProductID) {
        guard let position = positions[id], let current = entries[position]?.document,
            current.etag.isOlder(than: document.etag)
        else {
            // A fill may have come between; it was leased after the write, so it is no older.
            return
        }
        update(position) { $0.document = document }
        evict()
    }

    mutating func remove(_ id: ProductID) {
        guard let position = positions.removeValue(forKey: id), let entry = entries[position] else { return }
        bytes -= entry.cost
        entries[position] = nil
        free.append(position)
    }

    mutating func removeLeases() {
        for case let entry? in entries where entry.document == nil { remove(entry.id) }
    }

    private mutating func insert(_ entry: Entry) {
        bytes += entry.cost
        if let position = free.popLast() {
            entries[position] = entry
            positions[entry.id] = position
        } else {
            positions[entry.id] = entries.count
            entries.append(entry)
        }
        evict()
    }

    private mutating func update(_ position: Int, _ change: (inout Entry) -> Void) {
        guard var entry = entries[position] else { return }
        bytes -= entry.cost
        change(&entry)
        bytes += entry.cost
        entries[position] = entry
    }

    private mutating func evict() {
        while bytes > byteLimit, !positions.isEmpty {
            if hand >= entries.count { hand = 0 }
            if let entry = entries[hand] {
                if entry.wasRead { entries[hand]?.wasRead = false } else { remove(entry.id) }
            }
            hand += 1
        }
    }
}

extension ETag {
    /// Both counters of a product only grow, so any two of its states can be compared.
    fileprivate func isOlder(than other: ETag) -> Bool {
        version <= other.version && stockVersion <= other.stockVersion && self != other
    }
}
