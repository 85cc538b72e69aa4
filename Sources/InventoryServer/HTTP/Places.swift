import Synchronization

/// Room for requests: how many are worked on at once, and what bodies that are on their way and answers that are not read
/// yet hold in memory.
///
/// A request has its place while the service works on it, and gives it back while it waits for the client: otherwise as
/// many slow clients as there are places would keep everybody else out.
package final class Places: Sendable {
    /// What each body on its way may hold without asking: as much as a header. Few requests have a longer body.
    static let bodyAllowance = 16 * 1_024

    /// What all bodies on their way may hold together beyond that.
    static let bodyBytesMax = 64 * 1_024 * 1_024

    /// What all long answers may hold together until they have been read. A page of 200 products, each as large as there can
    /// be, has 26 MB.
    static let answerBytesMax = 128 * 1_024 * 1_024

    private let taken = Atomic<Int>(0)
    fileprivate let lasting = Share()
    fileprivate let bodyBytes = Share()
    fileprivate let answerBytes = Share()

    package init() {}

    /// Requests that are worked on.
    var inUse: Int { taken.load(ordering: .relaxed) }

    /// Returns when none is worked on any more, or the task is cancelled.
    func untilEmpty() async {
        while inUse > 0, (try? await Task.sleep(for: .milliseconds(5))) != nil {}
    }

    fileprivate func take(of most: Int) -> Bool { taken.add(1, ordering: .relaxed).oldValue < most }
    fileprivate func giveBack() { taken.subtract(1, ordering: .relaxed) }
}

/// Something of which there is so much for all together.
private final class Share: Sendable {
    private let used = Atomic<Int>(0)

    func take(_ count: Int, of most: Int) -> Bool {
        guard used.add(count, ordering: .relaxed).newValue <= most else {
            used.subtract(count, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBack(_ count: Int) { used.subtract(count, ordering: .relaxed) }
}

/// One request's place among ``Places``, with what its body and its answer hold.
final class Place: Sendable {
    private let places: Places
    private let most: Int

    /// Whether there was room for it. One that found none has a place all the same, for as long as it takes to say so.
    let hasRoom: Bool
    private let isTaken = Atomic<Bool>(true)
    private let lasts = Atomic<Bool>(false)
    private let bodyBytes = Atomic<Int>(0)
    private let answerBytes = Atomic<Int>(0)

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
        if lasts.exchange(false, ordering: .relaxed) { places.lasting.giveBack(1) }
        dropBody()
        let bytes = answerBytes.exchange(0, ordering: .relaxed)
        if bytes > 0 { places.answerBytes.giveBack(bytes) }
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
    /// - Parameter bytes: that its answer holds until the client has read it.
    /// - Returns: whether there was room.
    func last(holding bytes: Int = 0) -> Bool {
        guard !isLasting else { return true }
        guard places.lasting.take(1, of: max(1, most / 2)) else { return false }
        guard places.answerBytes.take(bytes, of: Places.answerBytesMax) else {
            places.lasting.giveBack(1)
            return false
        }
        answerBytes.store(bytes, ordering: .relaxed)
        lasts.store(true, ordering: .relaxed)
        return true
    }

    /// Makes room for a body that has so many bytes by now.
    ///
    /// - Returns: whether there was.
    func holdBody(of count: Int) -> Bool {
        let more = count - Places.bodyAllowance - bodyBytes.load(ordering: .relaxed)
        guard more > 0 else { return true }
        guard places.bodyBytes.take(more, of: Places.bodyBytesMax) else { return false }
        bodyBytes.add(more, ordering: .relaxed)
        return true
    }

    /// The body has been read and is not kept.
    func dropBody() {
        let bytes = bodyBytes.exchange(0, ordering: .relaxed)
        if bytes > 0 { places.bodyBytes.giveBack(bytes) }
    }
}
