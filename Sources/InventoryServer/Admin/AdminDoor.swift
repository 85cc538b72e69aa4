import HTTPTypes
import Hummingbird
import InventoryKit
import Logging
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The way in over the admin socket: who comes is known from the kernel, and what they change is logged.
struct AdminDoor: Door {
    let isBounded = false
    let group: AdminGroup?

    func caller(of request: Request, over channel: any Channel) async -> Caller {
        guard let peer = try? await PeerCredentials(of: channel) else {
            return Self.caller("unknown", onlyReadingBecause: "The kernel does not say who you are.")
        }
        return Self.caller("uid=\(peer.uid) pid=\(peer.pid)", onlyReadingBecause: await refusal(of: peer))
    }

    private static func caller(_ name: String, onlyReadingBecause reason: String?) -> Caller {
        let entitlement = reason.map { Entitlement.readingOnly(Problem(.forbidden, $0)) } ?? .everything
        return Caller(actor: Caller.operatorActor, name: name, entitlement: entitlement)
    }

    private func refusal(of peer: PeerCredentials) async -> String? {
        if peer.uid == 0 || peer.uid == geteuid() { return nil }
        let owner = "the user with id \(geteuid())"
        guard let group else {
            return """
                User \(peer.uid) may only read here. Ask as root or as \(owner), or have a group for it named with \
                INVENTORYD_ADMIN_GROUP.
                """
        }
        // It asks the system's user database, which may be a slow one.
        let isMember = (try? await NIOThreadPool.singleton.runIfActive { peer.isMember(of: group.id) }) ?? false
        return isMember
            ? nil
            : """
            User \(peer.uid) may only read here. To change things be in the group \(group.name) \
            (usermod -aG \(group.name) NAME, then log in again), or ask as root or as \(owner).
            """
    }

    func admit(_ request: Request) throws(Problem) {
        // Neither comes from a tool: it is a browser that somebody talked into calling.
        guard request.headers[.origin] == nil else {
            throw Problem(.forbidden, "The admin channel is not for browsers: a request with an Origin is refused.")
        }
        let host = (request.head.authority ?? "").split(separator: ":").first.map(String.init) ?? ""
        guard AdminProtocol.hosts.contains(host) else {
            throw Problem(
                .forbidden, "The admin channel is not for other hosts: name inventoryd, as in http://inventoryd/…")
        }
    }

    func kind(of request: Request) -> RateClass? {
        RateClass(method: request.method.rawValue, uri: request.uri.path)
    }

    func decorate(_ response: inout Response) {
        response.headers.append(HTTPField(name: .release, value: AdminProtocol.release))
    }

    func changed(_ request: Request, _ call: Call, status: Int, _ logger: Logger) {
        let command = request.headers[.invctlCommand].map { String($0.prefix(300)) }
        logger.notice(
            status < 400 ? "An operator's change" : "An operator's change was refused",
            metadata: [
                "caller": "\(call.caller.name)", "request_id": "\(call.requestID)", "status": "\(status)",
                "route": "\(request.method.rawValue) \(request.uri.path.prefix(200))",
                "command": "\(command ?? "-")",
            ])
    }
}
