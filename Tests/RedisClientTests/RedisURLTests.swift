import NIOCore
import Testing

@testable import RedisClient

@Suite("Redis URL")
struct RedisURLTests {
    @Test("A host, a port, a user, a password and a database are read")
    func whole() throws {
        let url = try RedisURL("redis://ann:s%40%3Acret@redis.example:7000/3")
        #expect(url.endpoint == .tcp(host: "redis.example", port: 7_000))
        #expect(url.user == "ann")
        #expect(url.password == "s@:cret")
        #expect(url.database == 3)
        #expect(!url.isEncrypted)
        #expect(url.display == "redis://redis.example:7000/3")
    }

    @Test("What is left out has its usual value")
    func short() throws {
        for text in ["redis://localhost", "redis://localhost/", "redis://localhost:6379/0", "redis://localhost?"] {
            let url = try RedisURL(text)
            #expect(url.endpoint == .tcp(host: "localhost", port: 6_379))
            #expect(url.database == 0)
            #expect(url.user == nil && url.password == nil)
        }
        let url = try RedisURL("redis://:pw@localhost")
        #expect(url.user == nil)
        #expect(url.password == "pw")
    }

    @Test("An address of IPv6 stands in brackets")
    func ipv6() throws {
        #expect(try RedisURL("redis://[::1]").endpoint == .tcp(host: "::1", port: 6_379))
        let url = try RedisURL("rediss://u:p@[2001:db8::7]:6380/1")
        #expect(url.endpoint == .tcp(host: "2001:db8::7", port: 6_380))
        #expect(url.display == "rediss://[2001:db8::7]:6380/1")
    }

    @Test("A Unix socket is named by its path, and its database in the query")
    func unix() throws {
        let url = try RedisURL("unix://:pw@/run/my%20redis.sock?db=2")
        #expect(url.endpoint == .unix(path: "/run/my redis.sock"))
        #expect(url.password == "pw")
        #expect(url.database == 2)
        #expect(url.display == "unix:///run/my redis.sock?db=2")
        #expect(try RedisURL("redis+unix:///a.sock").endpoint == .unix(path: "/a.sock"))
    }

    @Test("TLS may name its authority")
    func authority() throws {
        let url = try RedisURL("rediss://redis.example?ca=/etc/ca%20file.pem")
        #expect(url.isEncrypted)
        #expect(url.authorities == "/etc/ca file.pem")
        #expect(try RedisURL("rediss://redis.example").authorities == nil)
    }

    @Test(
        "A mistake is named, and nothing of what was given is repeated",
        arguments: [
            "", "localhost", "http://zecret@h", "redis:/h", "redis://", "redis://:zecret@", "redis:///1", "redis://h:0",
            "redis://h:65536", "redis://h:", "redis://h:+1", "redis://h:6379:1", "redis://h/-1", "redis://h/65536",
            "redis://h/zecret", "redis://h/1/2", "redis://h?db=1", "redis://h?ca=/a", "redis://h?zecret=1",
            "rediss://h?ca=zecret", "rediss://h?ca=", "rediss://h?ca=/a&ca=/b", "redis://zecret@h", "redis://zecret:@h",
            "redis://u:zec/ret@h", "redis://u:zec?ret@h", "redis://u:zec#ret@h", "redis://u:zec@ret@h",
            "redis://u:zec:ret@h", "redis://u:zec%2ret@h", "redis://u:zecret%@h", "redis://u:zecret%ff@h",
            "redis://u:zecret%00@h", "redis://u:zec ret@h", "redis://::1", "redis://[::1", "redis://[zecret]",
            "redis://[1.2.3.4]", "redis://[::1]6379", "redis://h h", "unix://", "unix:///", "unix://zecret/a",
            "unix:///a?db=zecret", "unix:///a%zz", "unix:///a?ca=/b",
            "unix:///" + String(repeating: "zecret", count: 30), "redis://" + String(repeating: "zecret", count: 800),
        ])
    func mistakes(_ text: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
        #expect(error?.description.contains("zecret") == false)
        #expect(error?.description.contains("zec") == false)
    }

    @Test("A password does not stay in a message")
    func redacted() throws {
        let url = try RedisURL("redis://u:zecret@h")
        #expect(url.redacted("WRONGPASS zecret is wrong") == "WRONGPASS *** is wrong")
        #expect(!url.display.contains("zecret"))
    }
}

@Suite("What INFO tells")
struct RedisInfoTests {
    private func identity(_ replies: RedisValue...) throws(RedisRefusal) -> RedisIdentity {
        var info = RedisInfo()
        for reply in replies { info.add(reply) }
        return try info.identity(database: 3)
    }

    private func text(_ text: String) -> RedisValue { .bytes(ByteBuffer(string: text)) }

    @Test("The identity is found among lines of all kinds")
    func found() throws {
        let identity = try identity(
            text(
                "# Server\r\nredis_version:7.0.15\r\nno colon\r\n:\r\nrun_id:abc\r\n\r\nrun_id:other\r\nxrun_id:x\r\n"),
            text("# Replication\nrole:master\nmaster_replid:def"))
        #expect(identity == RedisIdentity(runID: "abc", replicationID: "def", database: 3))
    }

    @Test(
        "Without a master's role or an identity it is refused",
        arguments: [
            "run_id:a\r\nmaster_replid:b\r\n", "role:slave\r\nrun_id:a\r\nmaster_replid:b\r\n",
            "role:master\r\nmaster_replid:b\r\n", "role:master\r\nrun_id:a\r\n",
            "role:master\r\nrun_id:\r\nmaster_replid:b",
            "",
        ])
    func refused(_ info: String) {
        #expect(throws: RedisRefusal.self) { try identity(text(info)) }
        #expect(throws: RedisRefusal.self) { try identity(.array([text(info)])) }
    }

    @Test("What is too long is not read")
    func bounded() {
        let info = "role:master\r\nrun_id:\(String(repeating: "a", count: 200))\r\nmaster_replid:b\r\n"
        #expect(throws: RedisRefusal.self) { try identity(text(info)) }
        let far = String(repeating: "x:y\r\n", count: 20_000) + "role:master\r\nrun_id:a\r\nmaster_replid:b\r\n"
        #expect(throws: RedisRefusal.self) { try identity(text(far)) }
    }
}
