package import Logging
package import NIOCore

/// Connections to one Redis, one for each event loop, so that a request never leaves its own. They come back by
/// themselves.
package final class RedisClient: Sendable {
    private let links: [ObjectIdentifier: RedisLink]
    private let standing: RedisStanding

    /// It does nothing before ``start()``.
    package init(url: RedisURL, group: any EventLoopGroup, logger: Logger) {
        let (tls, standing) = (RedisTLS(url), RedisStanding(display: url.display, logger: logger))
        self.standing = standing
        var links: [ObjectIdentifier: RedisLink] = [:]
        for eventLoop in group.makeIterator() {
            links[ObjectIdentifier(eventLoop)] = RedisLink(eventLoop: eventLoop, url: url, tls: tls, standing: standing)
        }
        self.links = links
    }

    /// Begins to connect, and does so until ``close()``.
    package func start() {
        for link in links.values { link.start() }
    }

    /// Closes all connections and returns when they are closed.
    package func close() async {
        for end in links.values.map({ $0.close() }) {
            // It does not fail.
            _ = try? await end.get()
        }
    }

    /// The live, identified connection of that loop, if there is one now.
    package func connection(on loop: any EventLoop) -> RedisConnection? { links[ObjectIdentifier(loop)]?.live }

    /// All that are live.
    package var connections: [RedisConnection] { links.values.compactMap(\.live) }

    /// Of the connection that was identified last, while at least one is live.
    package var identity: RedisIdentity? { standing.identity }

    /// Why a loop has no connection, for logs and `/readyz`; without secrets.
    package var lastTrouble: String? { links.values.lazy.compactMap(\.trouble).first }
}
