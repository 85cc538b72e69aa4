import InventoryKit
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import InventoryServer

/// Who may have how many connections, without a network.
@Suite("Connection limit")
struct ConnectionLimitTests {
    private let figures = ConnectionFigures()
    private let policy: ConnectionLimit.Policy

    init() {
        policy = ConnectionLimit.Policy(figures: figures) { address in
            address.isLoopback ? nil : 2
        } refusal: { caller in
            AdmissionHandler.Answer(
                head: HTTPResponseHead(version: .http1_1, status: .tooManyRequests), body: ByteBuffer(string: caller))
        }
    }

    private func connect(from address: String) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: ConnectionLimit(policy))
        try channel.connect(to: SocketAddress(ipAddress: address, port: 1)).wait()
        return channel
    }

    /// Fails where each address of a customer's network counts for itself, or where IPv4 written as IPv6 is another.
    @Test(
        "Addresses of one /64 are counted together, and IPv4 is IPv4 however it is written",
        arguments: [
            (["2001:db8::1", "2001:db8::2"], "2001:db8::3", "2001:db8:0:1::1"),
            (["192.0.2.1", "::ffff:192.0.2.1"], "192.0.2.1", "192.0.2.2"),
        ])
    func networks(_ same: [String], _ next: String, _ other: String) throws {
        let taken = try same.map(connect)
        #expect(taken.allSatisfy { $0.isActive })
        let refused = try connect(from: next)
        #expect(!refused.isActive)
        guard case .whole(let head, _)? = try refused.readOutbound(as: AnswerPart.self) else {
            Issue.record("no answer")
            return
        }
        #expect(head.status == .tooManyRequests)
        #expect(head.headers["connection"] == ["close"])
        let elsewhere = try connect(from: other)
        #expect(elsewhere.isActive)
        // One that goes makes room for one, and one that was refused for none.
        try taken[0].close().wait()
        let (first, second) = (try connect(from: next), try connect(from: next))
        #expect(first.isActive && !second.isActive)
        #expect(figures.open == 3 && figures.refusals == 2)
    }

    @Test("Who is not counted may have any number", arguments: ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
    func exempt(_ address: String) throws {
        let channels = try (0..<10).map { _ in try connect(from: address) }
        #expect(channels.allSatisfy { $0.isActive })
        #expect(figures.open == 10)
        for channel in channels { try channel.close().wait() }
        #expect(figures.open == 0 && figures.refusals == 0)
    }
}
