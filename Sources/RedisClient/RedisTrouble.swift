import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Words for what went wrong with a connection.
enum RedisTrouble {
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if error.dnsAError != nil, error.dnsAAAAError != nil { return "the name of the host does not resolve" }
            return error.connectionErrors.first.map { describe($0.error) } ?? "no address of the host answers"
        case ChannelError.connectTimeout: return "no connection in time"
        case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof, ChannelError.outputClosed:
            return "the server closed the connection"
        case let error as RedisRefusal: return error.description
        case let error as IOError: return unsafe String(cString: strerror(error.errnoCode))
        case let error as NIOSSLError: return "TLS: \(error)"
        case let error as NIOSSLExtraError: return "TLS: \(error)"
        case let error as BoringSSLError: return "TLS: \(error)"
        default: return "\(error)"
        }
    }
}
