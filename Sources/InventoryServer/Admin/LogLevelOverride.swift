package import Logging
import Synchronization

package typealias LogLevel = Logger.Level

/// Another log level for some time.
final class LogLevelOverride: Sendable {
    private let state: ServerState
    private let restoring = Mutex<(level: LogLevel, task: Task<Void, Never>)?>(nil)

    init(state: ServerState) {
        self.state = state
    }

    /// - Parameter time: after which it is what it was before; nothing for good.
    /// - Returns: the level before.
    func set(_ level: LogLevel, for time: Duration?) -> LogLevel {
        restoring.withLock { restoring in
            let before = state.settings.logLevel
            // While one is in force, what it is to go back to stays.
            let original = restoring?.level ?? before
            restoring?.task.cancel()
            restoring = nil
            state.update { $0.logLevel = level }
            if let time {
                let task = Task { [weak self] in
                    guard (try? await Task.sleep(for: time)) != nil else { return }
                    self?.restore(level, to: original)
                }
                restoring = (original, task)
            }
            return before
        }
    }

    private func restore(_ level: LogLevel, to original: LogLevel) {
        restoring.withLock { $0 = nil }
        // Unless the configuration was read again meanwhile.
        state.update { if $0.logLevel == level { $0.logLevel = original } }
    }
}
