import Glibc

/// What a conversation and a script have in common: running commands while signals come in. Belongs to the shell's thread.
final class Session {
    /// How long a command is waited for after the shell has been told to end.
    private static let farewell = Duration.seconds(1)
    /// How long a command may take to notice Ctrl-C before the way out is told.
    static let patience = Duration.seconds(2)

    let host: any ShellHost
    let pipe: EventPipe
    let route: SignalRoute
    /// The signal that ends the shell, once it has come.
    private(set) var ending: Int32?
    /// Signals that came while nobody could heed them.
    private var unheeded: [Int32] = []

    var isInterrupted: Bool { !unheeded.isEmpty }

    /// - Returns: `nil` when the process may open no more files.
    init?(host: any ShellHost, signals: [Int32]) {
        guard let pipe = EventPipe() else { return nil }
        self.host = host
        self.pipe = pipe
        route = pipe.receive(signals)
    }

    /// Waits for input or signals; those left over come first.
    func wait(input: Int32) -> (signals: [Int32], hasInput: Bool) {
        guard unheeded.isEmpty else {
            defer { unheeded = [] }
            return (unheeded, false)
        }
        return pipe.wait(input: input)
    }

    func end(by signal: Int32) { ending = ending ?? signal }

    /// Runs a command, which Ctrl-C cancels.
    /// - Returns: its exit code; 130 if it was interrupted.
    func run(_ words: [String]) -> Int32 {
        let errand = Errand(waking: pipe) { [host] in await host.run(words) }
        var interruptedAt: ContinuousClock.Instant?
        var deadline: ContinuousClock.Instant?
        while true {
            if let code = errand.outcome { return ending.map { 128 + $0 } ?? (interruptedAt == nil ? code : 130) }
            if let ending, let deadline, deadline < .now { return 128 + ending }
            for signal in pipe.wait(until: deadline).signals {
                switch signal {
                case SIGINT:
                    errand.cancel()
                    let first = interruptedAt ?? .now
                    interruptedAt = first
                    if .now - first >= Self.patience {
                        Output.error.write(
                            "\nThe command does not react. Ctrl-\\ leaves the shell without waiting for it.\n")
                    }
                case SIGQUIT:
                    end(by: signal)
                    return 128 + signal
                case SIGTERM, SIGHUP:
                    end(by: signal)
                    errand.cancel()
                    deadline = deadline ?? .now + Self.farewell
                case SIGTSTP: route.suspend()
                default: break
                }
            }
        }
    }

    /// Asks the host something that is not worth waiting for.
    /// - Returns: `nil` when there is no answer in time, or a signal comes first.
    func ask<Answer: Sendable>(
        within timeout: Duration, _ question: @escaping @Sendable () async -> Answer
    ) -> Answer? {
        let errand = Errand(waking: pipe, question)
        let deadline = ContinuousClock.now + timeout
        while errand.outcome == nil, .now < deadline, unheeded.isEmpty {
            unheeded += pipe.wait(until: deadline).signals.filter { $0 != SIGWINCH }
        }
        if errand.outcome == nil { errand.cancel() }
        return errand.outcome
    }
}
