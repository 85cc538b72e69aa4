import NIOCore
import NIOSSL
import Synchronization

/// TLS to Redis, with the certificate verified in full.
final class RedisTLS: Sendable {
    private let hostname: String?
    private let authorities: String?
    private let context = Mutex<NIOSSLContext?>(nil)

    /// `nil` where the URL does not ask for it.
    init?(_ url: RedisURL) {
        guard url.isEncrypted, case .tcp(let host, _) = url.endpoint else { return nil }
        // The name that is asked for; an address is verified as one, and is no name (RFC 6066, section 3).
        hostname = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
        authorities = url.authorities
    }

    func handler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: loadedContext(), serverHostname: hostname)
    }

    /// Made when it is first needed: a file that is not there yet may come.
    private func loadedContext() throws -> NIOSSLContext {
        try context.withLock { context in
            if let context { return context }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .fullVerification
            configuration.minimumTLSVersion = .tlsv12
            // A server that says nothing more must not keep a connection that is given up.
            configuration.shutdownTimeout = .milliseconds(200)
            if let authorities { configuration.trustRoots = .file(authorities) }
            let made = try make(configuration)
            context = made
            return made
        }
    }

    private func make(_ configuration: TLSConfiguration) throws(RedisRefusal) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let files = authorities.map { "the certificates in \($0)" } ?? "the certificates that the system trusts"
            throw RedisRefusal("TLS: \(files) cannot be used: \(error)")
        }
    }
}
