#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Tells systemd how the service fares (`Type=notify`), as a datagram on the socket that `NOTIFY_SOCKET` names; see
/// sd_notify(3). Without one, nothing happens.
struct ServiceNotifier: Sendable {
    private let path: String?

    init(environment: [String: String]) {
        path = environment["NOTIFY_SOCKET"]
    }

    func ready() { send("READY=1") }
    func stopping() { send("STOPPING=1") }

    private func send(_ message: String) {
        guard let path else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A path that begins with @ names an abstract socket, which begins with a zero byte.
        let name = path.hasPrefix("@") ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard !name.isEmpty, name.count < capacity else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - capacity + name.count)

        #if canImport(Glibc)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        #else
        let descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        // A courtesy: if nobody listens, the service runs all the same.
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe sendto(descriptor, bytes, bytes.count, 0, pointer, length)
            }
        }
    }
}
