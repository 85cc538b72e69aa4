/// What a store has done since the process began (totals, which only grow), and what it has to do now.
package struct StoreStatistics: Sendable, Equatable {
    /// Changes that wait for their turn.
    package var waiting: Int

    /// Writes that made changes durable: transactions, or rounds of them. Each may carry many changes.
    package var commits: UInt64

    /// Changes in those writes, so `changes / commits` is how many shared one.
    package var changes: UInt64

    /// Calls that wait for a connection or use one, and how many connections there are; 0 where there are none.
    package var calls: Int
    package var connections: Int

    package init(waiting: Int, commits: UInt64, changes: UInt64, calls: Int = 0, connections: Int = 0) {
        self.waiting = waiting
        self.commits = commits
        self.changes = changes
        self.calls = calls
        self.connections = connections
    }
}
