import InventoryKit
import Synchronization

/// The cache's figures, counted without locks.
final class CacheCounters: Sendable {
    private struct Class: ~Copyable {
        let hits = Atomic<UInt64>(0)
        let misses = Atomic<UInt64>(0)
        let bypasses = Atomic<UInt64>(0)

        func count(_ source: CachedDocument.Source) {
            switch source {
            case .hit: hits.add(1, ordering: .relaxed)
            case .miss: misses.add(1, ordering: .relaxed)
            case .bypass: bypasses.add(1, ordering: .relaxed)
            }
        }

        var statistics: CacheStatistics.Class {
            var figures = CacheStatistics.Class()
            figures.hits = hits.load(ordering: .relaxed)
            figures.misses = misses.load(ordering: .relaxed)
            figures.bypasses = bypasses.load(ordering: .relaxed)
            return figures
        }
    }

    private let products = Class()
    private let absent = Class()
    private let joins = Atomic<UInt64>(0)
    private let fills = Atomic<UInt64>(0)
    private let refusedFills = Atomic<UInt64>(0)
    private let invalidations = Atomic<UInt64>(0)
    private let errors = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)
    private let fillNanoseconds = Atomic<UInt64>(0)

    /// Counts a read, once it is known what came of it.
    func count(_ read: CachedDocument) {
        if let document = read.document {
            products.count(read.source)
            if read.source == .hit { bytes.add(UInt64(document.size), ordering: .relaxed) }
        } else {
            absent.count(read.source)
        }
    }

    func countJoin() { joins.add(1, ordering: .relaxed) }

    func countFill(wasAllowed: Bool, took time: Duration) {
        guard wasAllowed else {
            refusedFills.add(1, ordering: .relaxed)
            return
        }
        fills.add(1, ordering: .relaxed)
        let (seconds, attoseconds) = time.components
        let nanoseconds = seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
        fillNanoseconds.add(UInt64(clamping: nanoseconds), ordering: .relaxed)
    }

    func countInvalidation() { invalidations.add(1, ordering: .relaxed) }

    func countError() { errors.add(1, ordering: .relaxed) }

    var statistics: CacheStatistics {
        var figures = CacheStatistics()
        figures.products = products.statistics
        figures.absent = absent.statistics
        figures.joined = joins.load(ordering: .relaxed)
        figures.fills = fills.load(ordering: .relaxed)
        figures.refusedFills = refusedFills.load(ordering: .relaxed)
        figures.invalidations = invalidations.load(ordering: .relaxed)
        figures.errors = errors.load(ordering: .relaxed)
        figures.bytes = bytes.load(ordering: .relaxed)
        figures.fillNanoseconds = fillNanoseconds.load(ordering: .relaxed)
        return figures
    }
}
