/// What the shell is given to work with: it knows neither the commands nor how the daemon is reached.
protocol ShellHost: Sendable {
    /// What there is to complete and to explain.
    var commands: CommandTable { get }

    /// Runs one command. It should end soon after its task is cancelled.
    /// - Parameter words: the command line, split and without quotes.
    /// - Returns: the exit code.
    func run(_ words: [String]) async -> Int32

    /// SKUs that begin with a text, for completion. Given up after ``Shell/completionTimeout``.
    func skus(prefix: String, limit: Int) async -> [String]

    /// How the daemon is, asked before each prompt. Given up after ``Shell/daemonTimeout``.
    func daemonState() async -> DaemonState
}

/// How the daemon is, as far as a prompt is concerned.
enum DaemonState: Hashable, Sendable {
    /// It answers. The name says which one it is, for people.
    case up(String)
    /// It does not; why, and what to do about it.
    case down(String)
}
