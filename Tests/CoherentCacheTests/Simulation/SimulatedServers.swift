import InventoryKit

/// MongoDB: the switch's document, and products of which only the version matters. Everything is atomic and durable.
final class SimulatedMongo {
    let left: Rule?
    var document: SwitchDocument?
    var versions: [Int]
    /// What the writes have made that were performed, by the request's key.
    var outcomes: [Int: Int] = [:]

    init(products: Int, without rule: Rule?) {
        left = rule
        versions = Array(repeating: 1, count: products)
    }

    func apply(_ update: SwitchUpdate) -> SwitchDocument? {
        let beat = (document?.beat ?? 0) + 1
        switch update {
        case .turnOn(let claimSeen, let generation):
            guard let document, document.claim == claimed(claimSeen) || left == .turnMatchesClaim else { return nil }
            self.document = SwitchDocument(generation: generation, claim: "", beat: beat)
        case .veto(let claim, let generationIfNew):
            document = SwitchDocument(
                generation: document?.generation ?? generationIfNew, claim: claimed(claim), beat: beat)
        case .look(let generationIfNew, let claimIfNew):
            document = SwitchDocument(
                generation: document?.generation ?? generationIfNew, claim: document?.claim ?? claimed(claimIfNew),
                beat: beat)
        }
        return document
    }

    private func claimed(_ claim: String) -> String {
        guard left == .claimIsRandom, let slash = claim.firstIndex(of: "/") else { return claim }
        return String(claim[...slash])
    }

    /// The version that the write has made, now or earlier.
    func write(_ key: Int, product: Int) -> Int {
        if let version = outcomes[key] { return version }
        versions[product] += 1
        outcomes[key] = versions[product]
        return versions[product]
    }
}

/// A Redis server with the four scripts.
final class SimulatedRedis {
    struct Key: Hashable {
        let namespace: String
        let product: Int
    }

    struct Entry {
        var value: Int?
        var lease: Int?
        var leaseEnd: Int64 = 0
        /// The writers under way, each with its deadline, and whether two overlapped.
        var writers: [Int: Int64] = [:]
        var isContended = false
    }

    enum Lease {
        case value(Int)
        case busy, lease, wait
    }

    let left: Rule?
    private(set) var id: Int
    private var replication: Int
    var isUp = true
    var isPrimary = true
    /// Whether scripts fail though everything else works.
    var refuses = false
    /// Grows when all connections are cut.
    private(set) var incarnation = 0
    var data: [Key: Entry] = [:]
    /// What it or somebody else still has of its past, the oldest first.
    private(set) var copies: [[Key: Entry]] = []

    init(id: Int, without rule: Rule?) {
        self.id = id
        replication = id
        left = rule
    }

    /// What a daemon makes of `INFO`.
    var run: String { left == .runNamesReplication ? "1:\(id)" : "1:\(id):\(replication)" }

    func keepCopy() {
        if copies.count == 3 { copies.removeFirst() }
        copies.append(data)
    }

    func cutConnections() { incarnation += 1 }

    /// Another process, or the first one of a promoted copy.
    func start(id: Int, data: [Key: Entry]) {
        (self.id, replication, isUp, isPrimary) = (id, id, true, true)
        self.data = data
        cutConnections()
    }

    /// Becomes the primary again; the process is the same.
    func promote(replication: Int) {
        isPrimary = true
        self.replication = replication
    }

    // MARK: Scripts

    func lease(_ key: Key, token: Int, now: Int64) -> Lease {
        var entry = data[key] ?? Entry()
        if let value = entry.value { return .value(value) }
        if entry.writers.values.contains(where: { $0 > now }) { return .busy }
        if entry.lease != nil, entry.leaseEnd > now { return .wait }
        entry.lease = token
        entry.leaseEnd = now + 3_000.ms
        data[key] = entry
        return .lease
    }

    func fill(_ key: Key, token: Int, value: Int) {
        guard data[key]?.lease == token || left == .fillNeedsItsLease else { return }
        data[key, default: Entry()].value = value
        data[key]?.lease = nil
    }

    func begin(_ key: Key, token: Int, now: Int64) {
        var entry = data[key] ?? Entry()
        entry.writers = entry.writers.filter { $0.value > now }
        entry.isContended = !entry.writers.isEmpty
        entry.writers[token] = now + 15_000.ms
        (entry.value, entry.lease) = (nil, nil)
        data[key] = entry
    }

    /// - Parameter value: what may be written through.
    func end(_ key: Key, token: Int, value: Int?, now: Int64) {
        guard left != .endIsSent else { return }
        var entry = data[key] ?? Entry()
        entry.writers = entry.writers.filter { $0.value > now }
        let wasThere = entry.writers.removeValue(forKey: token) != nil
        let isAlone = entry.writers.isEmpty && !entry.isContended || left == .writeThroughAlone
        entry.value = wasThere && isAlone ? value : nil
        if left != .endRevokesLeases { entry.lease = nil }
        if wasThere || left != .endOfStrangersCounts { entry.isContended = true }
        if entry.writers.isEmpty { entry.isContended = false }
        data[key] = entry
    }

    /// Loses one key of one product.
    func evict(_ dice: inout Dice) {
        guard !data.isEmpty else { return }
        let keys = data.keys.sorted { ($0.namespace, $0.product) < ($1.namespace, $1.product) }
        let key = keys[dice.below(keys.count)]
        switch dice.below(3) {
        case 0: data[key]?.value = nil
        case 1: data[key]?.lease = nil
        default:
            data[key]?.writers = [:]
            data[key]?.isContended = false
        }
    }
}
