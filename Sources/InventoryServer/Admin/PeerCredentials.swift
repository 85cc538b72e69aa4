import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Who is at the other end of a Unix socket, as the kernel says (unix(7), `SO_PEERCRED`): nothing that could be forged.
struct PeerCredentials: Sendable, Equatable {
    /// As `struct ucred` of Linux, which Glibc's module does not show.
    private struct Reply {
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
    }

    let pid: pid_t
    let uid: uid_t
    let gid: gid_t

    init(pid: pid_t, uid: uid_t, gid: gid_t) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    /// - Throws: what the kernel says.
    init(of channel: any Channel) async throws {
        guard let options = channel as? any SocketOptionProvider else { throw ChannelError.operationUnsupported }
        let reply: Reply = try await options.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)
        ).get()
        self.init(pid: reply.pid, uid: reply.uid, gid: reply.gid)
    }

    /// Whether the user is in the group: by the primary group of the process, or as the group's member.
    func isMember(of group: gid_t) -> Bool {
        if gid == group { return true }
        guard let user = Self.user(uid) else { return false }
        var count: Int32 = 256
        var groups = [gid_t](repeating: 0, count: Int(count))
        guard unsafe getgrouplist(user.name, user.group, &groups, &count) >= 0 else { return false }
        return groups.prefix(Int(max(0, count))).contains(group)
    }

    private static func user(_ uid: uid_t) -> (name: String, group: gid_t)? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard unsafe getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, unsafe found != nil,
            let name = unsafe entry.pw_name
        else { return nil }
        return unsafe (String(cString: name), entry.pw_gid)
    }
}

/// The group whose members may change things over the admin socket.
package struct AdminGroup: Sendable, Equatable {
    package let name: String
    package let id: UInt32

    /// - Throws: ``SocketTrouble`` when there is no such group.
    package init(named name: String) throws(SocketTrouble) {
        if let id = UInt32(name) {
            (self.name, self.id) = (name, id)
            return
        }
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 65_536)
        guard unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, unsafe found != nil else {
            throw SocketTrouble("there is no group \(name); make it (groupadd \(name)), or name another")
        }
        self.name = name
        id = unsafe entry.gr_gid
    }
}
