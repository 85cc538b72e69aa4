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
    private let room = Mutex(WaitingRoom())
    private let inRoom = Atomic<Int>(0)
    fileprivate let lasting = Share()
    fileprivate let bodyBytes = Share()
    fileprivate let answerBytes = Share()

    package init() {}

    /// Requests that are worked on.
    var inUse: Int { taken.load(ordering: .sequentiallyConsistent) }

    /// Requests that wait for a place.
    var waiting: Int { inRoom.load(ordering: .sequentiallyConsistent) }

    /// Returns when none is worked on any more and none waits, or the task is cancelled.
    func untilEmpty() async {
        // In this order: who waits may be given what is free before the second look.
        while waiting > 0 || inUse > 0, (try? await Task.sleep(for: .milliseconds(5))) != nil {}
    }

    fileprivate func take(of most: Int) -> Bool {
        var count = taken.load(ordering: .sequentiallyConsistent)
        while count < most {
            let attempt = taken.compareExchange(
                expected: count, desired: count + 1, ordering: .sequentiallyConsistent)
            if attempt.exchanged { return true }
            count = attempt.original
        }
        return false
    }

    fileprivate func giveBack() {
        taken.subtract(1, ordering: .sequentiallyConsistent)
        letIn()
    }

    /// - Parameter enter: told once, from anywhere and perhaps before this returns, whether there is a place by now.
    fileprivate func wait(of most: Int, _ enter: @escaping @Sendable (Bool) -> Void) {
        let waiter = WaitingRoom.Waiter(most: most, enter: enter)
        let isFirst = room.withLock { room in
            defer { inRoom.store(room.count, ordering: .sequentiallyConsistent) }
            return room.add(waiter)
        }
        if isFirst { turnAway(after: waiter.deadline) }
        // A place that was given back before somebody was seen to wait is nobody's: either the one who left sees who waits,
        // or who waits sees the place.
        letIn()
    }

    /// Gives places that are free to those who wait.
    private func letIn() {
        while inRoom.load(ordering: .sequentiallyConsistent) > 0 {
            let next = room.withLock { room in
                defer { inRoom.store(room.count, ordering: .sequentiallyConsistent) }
                return room.letIn(at: .now, take(of:))
            }
            guard let next else { return }
            next.enter(true)
        }
    }

    private func turnAway(after deadline: ContinuousClock.Instant) {
        Task {
            var deadline = Optional(deadline)
            while let next = deadline {
                // Not for each of a thousand by itself.
                try? await Task.sleep(until: max(next, .now + WaitingRoom.patience / 25))
                let late = room.withLock { room in
                    defer { inRoom.store(room.count, ordering: .sequentiallyConsistent) }
                    let (late, next) = room.turnAway(at: .now)
                    deadline = next
                    return late
                }
                for waiter in late { waiter.enter(false) }
            }
        }
    }
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

    private let isTaken = Atomic<Bool>(false)
    private let lasts = Atomic<Bool>(false)
    private let bodyBytes = Atomic<Int>(0)
    private let answerBytes = Atomic<Int>(0)

    /// - Parameter most: places there are.
    init(in places: Places, of most: Int) {
        self.places = places
        self.most = most
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

    /// Whether the request has it.
    var isHeld: Bool { isTaken.load(ordering: .relaxed) }

    /// Takes a place if there is one, for the first time or again after ``leave()``. One request asks one thing at a time.
    ///
    /// - Returns: whether the request has it now.
    func take() -> Bool {
        if isHeld { return true }
        guard places.take(of: most) else { return false }
        isTaken.store(true, ordering: .relaxed)
        return true
    }

    /// Waits for a place, but not for long.
    ///
    /// - Parameter enter: told once, from anywhere, whether the request has it.
    func wait(_ enter: @escaping @Sendable (Bool) -> Void) {
        places.wait(of: most) { hasRoom in
            if hasRoom { self.isTaken.store(true, ordering: .relaxed) }
            enter(hasRoom)
        }
    }

    /// Takes a place, at once or after waiting for it, but not for long.
    ///
    /// - Returns: whether the request has it now.
    func takeOrWait() async -> Bool {
        if take() { return true }
        return await withCheckedContinuation { continuation in wait { continuation.resume(returning: $0) } }
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
