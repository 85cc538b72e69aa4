package import Logging
import Synchronization

package typealias LogLevel = Logger.Level

/// Another log level for some time.
final class LogLevelOverride: Sendable {
    private let state: ServerState
    private let restoring = Mutex<Restoring?>(nil)

    private struct Restoring {
        /// What it goes back to.
        let level: LogLevel
        let task: Task<Void, Never>

        /// Tells it from one that has taken its place.
        let number: UInt64

        /// ``ServerState/timesReplaced`` when it began. A configuration that has been read since says what the level is.
        let timesReplaced: Int
    }

    init(state: ServerState) {
        self.state = state
    }

    /// - Parameter time: after which it is what it was before; nothing for good.
    /// - Returns: the level before.
    func set(_ level: LogLevel, for time: Duration?) -> LogLevel {
        restoring.withLock { restoring in
            let (before, timesReplaced) = (state.settings.logLevel, state.timesReplaced)
            // While one is in force, what it is to go back to stays.
            let inForce = restoring.flatMap { $0.timesReplaced == timesReplaced ? $0 : nil }
            let original = inForce?.level ?? before
            restoring?.task.cancel()
            let number = UInt64.random(in: .min ... .max)
            restoring = nil
            state.update { $0.logLevel = level }
            if let time {
                let task = Task { [weak self] in
                    guard (try? await Task.sleep(for: time)) != nil else { return }
                    self?.restore(number)
                }
                restoring = Restoring(
                    level: original, task: task, number: number, timesReplaced: timesReplaced)
            }
            return before
        }
    }

    private func restore(_ number: UInt64) {
        restoring.withLock { restoring in
            guard let original = restoring, original.number == number else { return }
            restoring = nil
            guard original.timesReplaced == state.timesReplaced else { return }
            state.update { $0.logLevel = original.level }
        }
    }
}
