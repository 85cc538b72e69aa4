#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Ports for servers that have to come back on the port they had.
///
/// Not those that the system gives away when asked for port 0: of these, any client that connects to anything may get
/// one while the server is down.
package enum FreePort {
    /// Below what Linux (from 32,768) and macOS (from 49,152) give to clients.
    private static let range: ClosedRange<UInt16> = 20_000...31_999

    /// A port of 127.0.0.1 that nobody listens on. It is nobody's yet: who wants it has to try, and be ready to try
    /// another one.
    package static func any() -> Int {
        while true {
            let port = UInt16.random(in: range)
            if isFree(port) { return Int(port) }
        }
    }

    private static func isFree(_ port: UInt16) -> Bool {
        #if canImport(Darwin)
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
