import NIOCore

/// What a connection knows, without a network: what was asked in which order, who waits for it, and until when.
///
/// Events in, actions out. Redis answers in order and does not say what it answers, so everything rests on the count: a
/// command that ran out of time keeps its place, and its late reply is swallowed there.
struct RedisProtocolState<Waiter>: ~Copyable {
    /// Whom to tell what.
    struct Answer {
        let waiter: Waiter
        let result: Result<RedisValue, RedisError>
    }

    /// What is to be done after an event, in this order.
    struct Actions {
        var answers: [Answer] = []
        /// Close the connection, for this reason.
        var close: String?
    }

    private struct Place {
        /// `nil` once the time has run out.
        var waiter: Waiter?
        let deadline: NIODeadline
    }

    private let limits: RedisLimits
    private var parser = RedisReplyParser()
    private var places = CircularBuffer<Place>()
    private var unsentBytes = 0
    /// Nothing is due before; it may be too early.
    private var earliest = NIODeadline.distantFuture
    private var overdue = 0
    /// What of the time a command takes is this process's own: until it leaves, until its reply is read, and a turn for a
    /// Redis that wants the same processors. It says nothing about Redis, and asking the store instead would only make
    /// the turns longer.
    private var busyTime = TimeAmount.zero
    private(set) var isOpen = true

    init(limits: RedisLimits = RedisLimits()) {
        self.limits = limits
    }

    /// A time-out has passed, and the reply has not come yet.
    var isOverdue: Bool { overdue > 0 }

    /// When ``timePassed(now:)`` has something to do, at the earliest.
    var nextDeadline: NIODeadline? { places.isEmpty || !isOpen ? nil : earliest + busyTime }

    /// Commands whose reply has not come yet.
    var outstanding: Int { places.count }

    /// Bytes of a reply that is not whole yet.
    var unreadBytes: Int { parser.unreadBytes }

    /// A command is to be sent; a refusal means that it must not be.
    mutating func enqueue(_ waiter: Waiter, bytes: Int, deadline: NIODeadline) -> RedisError? {
        guard isOpen else { return .notConnected }
        guard places.count < limits.commandsMax, unsentBytes + bytes <= limits.unsentBytesMax else {
            return .overloaded
        }
        places.append(Place(waiter: waiter, deadline: deadline))
        unsentBytes += bytes
        earliest = min(earliest, deadline)
        return nil
    }

    /// The commands of one turn of the event loop leave, so long after the first of them came. A long turn is remembered,
    /// half as long with each that follows.
    mutating func turnEnded(after time: TimeAmount) {
        let turns = 3 * min(time, limits.busyMax)
        busyTime = min(max(turns, .nanoseconds(busyTime.nanoseconds / 2)), limits.busyMax)
    }

    /// The system has taken so many bytes.
    mutating func sent(_ bytes: Int) {
        unsentBytes -= min(bytes, unsentBytes)
    }

    /// Bytes came. A reply that comes after its time-out but before anybody noticed that is a good one.
    mutating func received(_ buffer: ByteBuffer) -> Actions {
        var actions = Actions()
        guard isOpen else { return actions }
        do {
            try read(buffer, into: &actions)
        } catch {
            end(error.description, into: &actions)
        }
        return actions
    }

    private mutating func read(_ buffer: ByteBuffer, into actions: inout Actions) throws(RedisProtocolError) {
        try parser.feed(buffer)
        while let value = try parser.next() {
            guard let place = places.popFirst() else { throw RedisProtocolError("a reply that nobody asked for") }
            guard let waiter = place.waiter else {
                overdue -= 1
                continue
            }
            if case .error(let text) = value {
                actions.answers.append(Answer(waiter: waiter, result: .failure(.server(text))))
            } else {
                actions.answers.append(Answer(waiter: waiter, result: .success(value)))
            }
        }
    }

    /// Time passed: who has waited too long is told so, and a server that stays silent is given up.
    mutating func timePassed(now: NIODeadline) -> Actions {
        let now = now - busyTime
        var actions = Actions()
        guard isOpen, now >= earliest else { return actions }
        earliest = .distantFuture
        var silent = false
        for index in places.indices {
            let deadline = places[index].deadline
            if let waiter = places[index].waiter {
                guard deadline <= now else {
                    earliest = min(earliest, deadline)
                    continue
                }
                actions.answers.append(Answer(waiter: waiter, result: .failure(.timedOut)))
                places[index].waiter = nil
                overdue += 1
            }
            let end = deadline + limits.overdueMax
            earliest = min(earliest, end)
            silent = silent || end <= now
        }
        if silent { end("a reply is overdue for too long", into: &actions) }
        return actions
    }

    /// The connection is to end, or has ended.
    mutating func close(_ why: String) -> Actions {
        var actions = Actions()
        if isOpen { end(why, into: &actions) }
        return actions
    }

    private mutating func end(_ why: String, into actions: inout Actions) {
        isOpen = false
        actions.close = why
        for place in places {
            guard let waiter = place.waiter else { continue }
            actions.answers.append(Answer(waiter: waiter, result: .failure(.closed(why))))
        }
        places.removeAll()
        overdue = 0
        unsentBytes = 0
    }
}

/// What a connection may hold.
struct RedisLimits: Sendable {
    /// Commands without a reply.
    var commandsMax = 8_192
    /// Bytes that the system has not taken.
    var unsentBytesMax = 16 << 20
    /// How long after its time-out a reply may still come; then the connection is closed.
    var overdueMax = TimeAmount.seconds(1)
    /// What a busy process adds to its time-outs.
    var busyMax = TimeAmount.milliseconds(200)
}
