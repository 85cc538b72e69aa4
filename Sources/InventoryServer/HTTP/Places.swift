import Synchronization

/// Room for requests: how many are worked on at once, and what the bodies that are on their way hold in memory.
///
/// A request has its place while the service works on it, and gives it back while it waits for the client: otherwise as
/// many slow clients as there are places would keep everybody else out.
package final class Places: Sendable {
    /// What each body on its way may hold without asking: as much as a header. Few requests have a longer body.
    static let bodyAllowance = 16 * 1_024

    /// What all bodies on their way may hold together beyond that.
    static let bodyBytesMax = 64 * 1_024 * 1_024

    private let taken = Atomic<Int>(0)
    private let lasting = Atomic<Int>(0)
    private let bodyBytes = Atomic<Int>(0)

    package init() {}

    /// Requests that are worked on.
    var inUse: Int { taken.load(ordering: .relaxed) }

    fileprivate func take(of most: Int) -> Bool { taken.add(1, ordering: .relaxed).oldValue < most }
    fileprivate func giveBack() { taken.subtract(1, ordering: .relaxed) }

    fileprivate func takeLasting(of most: Int) -> Bool {
        guard lasting.add(1, ordering: .relaxed).oldValue < most else {
            lasting.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }
    fileprivate func giveBackLasting() { lasting.subtract(1, ordering: .relaxed) }

    fileprivate func hold(_ bytes: Int) -> Bool {
        guard bodyBytes.add(bytes, ordering: .relaxed).newValue <= Self.bodyBytesMax else {
            bodyBytes.subtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }
    fileprivate func drop(_ bytes: Int) { bodyBytes.subtract(bytes, ordering: .relaxed) }
}

/// One request's place among ``Places``, with what its body holds.
final class Place: Sendable {
    private let places: Places
    private let most: Int

    /// Whether there was room for it. One that found none has a place all the same, for as long as it takes to say so.
    let hasRoom: Bool
    private let isTaken = Atomic<Bool>(true)
    private let lasts = Atomic<Bool>(false)
    private let bodyBytes = Atomic<Int>(0)

    /// - Parameter most: places there are.
    init(in places: Places, of most: Int) {
        self.places = places
        self.most = most
        hasRoom = places.take(of: most)
    }

    deinit { leave() }

    /// Gives the place back, and all that goes with it; again and again if one likes.
    func leave() {
        if isTaken.exchange(false, ordering: .relaxed) { places.giveBack() }
        if lasts.exchange(false, ordering: .relaxed) { places.giveBackLasting() }
        dropBody()
    }

    /// Takes a place again after ``leave()``.
    ///
    /// - Returns: whether there was room.
    func comeBack() -> Bool {
        guard !isTaken.exchange(true, ordering: .relaxed) else { return true }
        return places.take(of: most)
    }

    /// Whether it is kept although the client decides how long the request takes.
    var isLasting: Bool { lasts.load(ordering: .relaxed) }

    /// Keeps it although the client decides how long the request takes. Half of all places may be kept so.
    ///
    /// - Returns: whether there was room.
    func last() -> Bool {
        guard !isLasting else { return true }
        guard places.takeLasting(of: max(1, most / 2)) else { return false }
        lasts.store(true, ordering: .relaxed)
        return true
    }

    /// Makes room for a body that has so many bytes by now.
    ///
    /// - Returns: whether there was.
    func holdBody(of count: Int) -> Bool {
        let more = count - Places.bodyAllowance - bodyBytes.load(ordering: .relaxed)
        guard more > 0 else { return true }
        guard places.hold(more) else { return false }
        bodyBytes.add(more, ordering: .relaxed)
        return true
    }

    /// The body has been read and is not kept.
    func dropBody() {
        let bytes = bodyBytes.exchange(0, ordering: .relaxed)
        if bytes > 0 { places.drop(bytes) }
    }
}
