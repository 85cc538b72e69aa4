import InventoryKit
import Logging
import NIOCore
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The certificate and the key by which clients know the API over TLS, as two files in PEM. They can be read again while
/// the server runs, for certificates are renewed more often than daemons are.
final class ServerCertificate: Sendable {
    /// Why the files cannot be used, in words for the operator.
    struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    /// What was read.
    private struct Reading: Sendable {
        let context: NIOSSLContext
        let expiry: Timestamp
    }

    private let certificate: String
    private let key: String
    private let current: Mutex<Reading>

    /// - Parameters:
    ///   - certificate: the file with the server's certificate, and after it those that lead to an authority.
    ///   - key: the file with its key, which is not encrypted.
    /// - Throws: ``Trouble``.
    init(certificate: String, key: String) throws(Trouble) {
        self.certificate = certificate
        self.key = key
        current = Mutex(try Self.read(certificate: certificate, key: key))
    }

    /// From then on clients refuse it.
    var expiry: Timestamp { current.withLock { $0.expiry } }

    /// Says until when it is good, or that it no longer is.
    func report(to logger: Logger) {
        let hasExpired = expiry < SystemClock().now()
        logger.log(
            level: hasExpired ? .warning : .notice, hasExpired ? "TLS: the certificate has expired" : "TLS",
            metadata: ["valid_until": "\(expiry.rfc3339)"])
    }

    /// Reads the files as they are now. Connections begin with them from now on; those there are go on as they began.
    ///
    /// - Throws: ``Trouble``, and then the old ones stay in force.
    func reload() throws(Trouble) {
        let reading = try Self.read(certificate: certificate, key: key)
        current.withLock { $0 = reading }
    }

    /// - Throws: ``Trouble`` where a file cannot be read, is no PEM, or the key is another certificate's.
    static func check(certificate: String, key: String) throws(Trouble) {
        _ = try read(certificate: certificate, key: key)
    }

    /// What a connection's bytes pass first.
    @Sendable func makeHandler() -> any ChannelHandler { NIOSSLServerHandler(context: current.withLock { $0.context }) }

    private static func read(certificate: String, key: String) throws(Trouble) -> Reading {
        for file in [certificate, key] { try checkAccess(to: file) }
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
            throw Trouble(description: "\(certificate) cannot be used: \(error). It is to have certificates in PEM.")
        }
        guard let first = chain.first else {
            throw Trouble(
                description: "\(certificate) has no certificate in it. It is to have the server's own first, in PEM.")
        }
        let privateKey: NIOSSLPrivateKey
        do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
            throw Trouble(
                description: "\(key) cannot be used: \(error). It is to have a private key in PEM, not encrypted.")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        // Of TLS 1.2, what has forward secrecy and authenticated encryption (RFC 9325, 4.2). TLS 1.3 has nothing else.
        configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return Reading(
                context: try NIOSSLContext(configuration: configuration),
                expiry: Timestamp(milliseconds: Int64(clamping: first.notValidAfter) * 1_000))
        } catch {
            throw Trouble(description: "\(key) is not the key of \(certificate), or TLS refuses them: \(error).")
        }
    }

    private static func checkAccess(to file: String) throws(Trouble) {
        guard unsafe access(file, R_OK) == 0 else {
            let reason = unsafe String(cString: strerror(errno))
            let advice = errno == EACCES ? ". The daemon's user has to be able to read it (docs/operations.md)." : ""
            throw Trouble(description: "\(file) cannot be read: \(reason)\(advice)")
        }
    }
}
