import Hummingbird
import InventoryKit
import Logging
import NIOCore

/// What differs between the ways in: who comes, what is let in, and what is said of it.
protocol Door: Sendable {
    /// Whether requests are turned away when too many are under way. Operators come in all the more then.
    var isBounded: Bool { get }

    /// Who asks, from the other end of the connection.
    func caller(of request: Request, over channel: any Channel) async -> Caller

    /// - Throws: a ``Problem`` when the request may not come in at all.
    func admit(_ request: Request) throws(Problem)

    /// What the request counts as in the figures.
    func kind(of request: Request) -> RateClass?

    /// Adds what every answer says here.
    func decorate(_ response: inout Response)

    /// After the answer to a request that was to change something.
    func changed(_ request: Request, _ call: Call, status: Int, _ logger: Logger)
}

/// The network: everybody is let in, and is who their key says.
struct NetworkDoor: Door {
    let isBounded = true
    let check: KeyCheck

    func caller(of request: Request, over channel: any Channel) async -> Caller {
        check.caller(showing: request.headers[.authorization])
    }

    func admit(_ request: Request) throws(Problem) {}
    func kind(of request: Request) -> RateClass? {
        RateClass(method: request.method.rawValue, uri: request.uri.path)
    }
    func decorate(_ response: inout Response) {}
    func changed(_ request: Request, _ call: Call, status: Int, _ logger: Logger) {}
}
