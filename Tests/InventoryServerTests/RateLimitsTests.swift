import InventoryKit
import NIOHTTP1
import Testing

@testable import InventoryServer

@Suite("Rate limits")
struct RateLimitsTests {
    @Test(
        "A setting is a rate and a burst",
        arguments: [
            ("1000/s:2000", 1_000, 2_000), ("100/m:5", 600_000, 5), ("3/h", 1_200_000_000, 1), ("3/s:1", 333_334, 1),
            ("250/s", 4_000, 250),
        ] as [(String, Int64, Int64)])
    func policies(text: String, interval: Int64, burst: Int64) throws {
        let policy = try RatePolicy(text)
        #expect(policy.interval == interval)
        #expect(policy.burst == burst)
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", "1000", "1000/", "/s", "0/s", "-1/s", "1/d", "1/s:", "1/s:0", "1/s:1:1", "1000001/s", "1/s:1000001",
            "99999999999999999999/s", "1.5/s", " 1/s", "1/s/s", "+1/s", "1/s:+1",
        ])
    func nonsense(text: String) { #expect(throws: InvalidValue.self) { try RatePolicy(text) } }

    @Test("Each request counts as what it does")
    func classes() throws {
        var limits = RateLimits()
        limits[.read] = try RatePolicy("1/s")
        limits[.write] = try RatePolicy("2/s")
        limits[.purchase] = try RatePolicy("3/s")
        func limited(_ method: HTTPMethod, _ uri: String) -> RateClass? {
            limits.limit(for: HTTPRequestHead(version: .http1_1, method: method, uri: uri))?.limited
        }
        #expect(limited(.GET, "/v1/products") == .read)
        #expect(limited(.HEAD, "/v1/products/x") == .read)
        #expect(limited(.GET, "/v1/purchases/x") == .read)
        #expect(limited(.POST, "/v1/products/x/purchase") == .purchase)
        #expect(limited(.POST, "/v1/products/x/purchase?a=b") == .purchase)
        #expect(limited(.POST, "/v1/products/x/adjust") == .write)
        #expect(limited(.POST, "/v1/products:batch") == .write)
        #expect(limited(.PATCH, "/v1/products/x") == .write)
        #expect(limited(.DELETE, "/v1/products/x") == .write)
        #expect(limited(.OPTIONS, "/v1/products") == nil)
        #expect(limited(.GET, "/healthz") == nil)
        #expect(limited(.GET, "/readyz") == nil)
        #expect(limited(.GET, "/openapi.json") == nil)
        // Fails where a URI with its host in it, which is served like any other, goes past the limit.
        #expect(limited(.GET, "http://shop.example/v1/products") == .read)
        #expect(limited(.POST, "http://shop.example/v1/products/x/purchase?a=b") == .purchase)
        limits[.read] = nil
        #expect(limited(.GET, "/v1/products") == nil)
    }

    /// Fails where all of an IPv6 address counts: one customer has 2^64 of them.
    @Test("Who is limited together")
    func callers() throws {
        func caller(_ text: String) -> String? { IPAddress(text)?.caller }
        #expect(caller("192.0.2.1") == "192.0.2.1")
        #expect(caller("::ffff:192.0.2.1") == "192.0.2.1")
        #expect(caller("2001:db8:1:2::1") == caller("2001:db8:1:2:ffff::9"))
        #expect(caller("2001:db8:1:2::1") != caller("2001:db8:1:3::1"))
        for text in ["", "x", "1.2.3", "1.2.3.4:80", "[::1]", "1.2.3.4 ", String(repeating: "1", count: 100)] {
            #expect(IPAddress(text) == nil)
        }
    }

    @Test("A range holds what it says")
    func ranges() throws {
        func contains(_ range: String, _ address: String) throws -> Bool {
            try AddressRange(range).contains(try #require(IPAddress(address)))
        }
        #expect(try contains("10.0.0.0/8", "10.255.0.1"))
        #expect(try !contains("10.0.0.0/8", "11.0.0.1"))
        #expect(try contains("192.0.2.128/25", "192.0.2.200"))
        #expect(try !contains("192.0.2.128/25", "192.0.2.127"))
        #expect(try contains("192.0.2.1", "192.0.2.1"))
        #expect(try !contains("192.0.2.1", "192.0.2.2"))
        #expect(try contains("0.0.0.0/0", "8.8.8.8"))
        #expect(try !contains("0.0.0.0/0", "2001:db8::1"))
        #expect(try contains("2001:db8::/33", "2001:db8:7fff::1"))
        #expect(try !contains("2001:db8::/33", "2001:db8:8000::1"))
        for text in ["", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8/8", "::/129"] {
            #expect(throws: InvalidValue.self) { try AddressRange(text) }
        }
    }

    /// Fails where the header is believed whoever sends it, and where it is read from its beginning.
    @Test("X-Forwarded-For is walked from its end, past trusted proxies only")
    func forwarded() throws {
        let trusted = [try AddressRange("10.0.0.0/8")]
        func caller(_ peer: String, _ header: [String], trusted: [AddressRange]) -> String? {
            ForwardedCaller.address(peer: IPAddress(peer), forwardedFor: header, trusted: trusted)?.caller
        }
        #expect(caller("10.0.0.1", ["192.0.2.1"], trusted: []) == "10.0.0.1")
        #expect(caller("192.0.2.9", ["192.0.2.1"], trusted: trusted) == "192.0.2.9")
        #expect(caller("10.0.0.1", ["192.0.2.1"], trusted: trusted) == "192.0.2.1")
        #expect(caller("10.0.0.1", ["6.6.6.6, 192.0.2.1 ,10.0.0.2"], trusted: trusted) == "192.0.2.1")
        #expect(caller("10.0.0.1", ["6.6.6.6", "192.0.2.1", "10.0.0.2"], trusted: trusted) == "192.0.2.1")
        #expect(caller("10.0.0.1", ["192.0.2.1, nonsense"], trusted: trusted) == "10.0.0.1")
        #expect(caller("10.0.0.1", [], trusted: trusted) == "10.0.0.1")
        // Some proxies write the port, too.
        #expect(caller("10.0.0.1", ["192.0.2.1:5678"], trusted: trusted) == "192.0.2.1")
        #expect(caller("10.0.0.1", ["[2001:db8::1]:80"], trusted: trusted) == IPAddress("2001:db8::1")?.caller)
        #expect(caller("10.0.0.1", ["2001:db8::1"], trusted: trusted) == IPAddress("2001:db8::1")?.caller)
        #expect(caller("10.0.0.1", ["["], trusted: trusted) == "10.0.0.1")
        let many = String(repeating: "10.0.0.2,", count: 10_000) + "10.0.0.2"
        #expect(caller("10.0.0.1", [many], trusted: trusted) == "10.0.0.2")
    }
}
