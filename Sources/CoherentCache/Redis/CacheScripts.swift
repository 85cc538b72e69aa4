import Crypto
import NIOCore
import RedisClient

/// What may be taken out of the cache's protocol, so that tests can show what it is there for. All of it is in unless a
/// test says so.
package struct Defences: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// A fill needs a lease that is still there.
    package static let leaseCheck = Defences(rawValue: 1 << 0)
    /// A write ends with END before it is acknowledged.
    package static let end = Defences(rawValue: 1 << 1)
    /// Keys live in the switch's namespace, and only while the switch is on.
    package static let namespace = Defences(rawValue: 1 << 2)
    /// A writer puts its document in only where no other writer overlapped.
    package static let overlap = Defences(rawValue: 1 << 3)

    package static let all: Defences = [.leaseCheck, .end, .namespace, .overlap]
}

/// The four steps of the protocol, each one atomic at Redis. Three keys a product: its value, the lease of who may
/// fill it, and its writers under way (a sorted set, by their deadlines; `!` in it says that writers overlapped).
///
/// Commands that read count as hits in Redis's own statistics. Leases are a list so that they are only looked at by
/// commands that write: then `keyspace_hits` counts values that were served, and nothing else while nobody writes.
final class CacheScripts: Sendable {
    let lease: RedisScript
    let fill: RedisScript
    let begin: RedisScript
    let end: RedisScript

    init(_ defences: Defences = .all) {
        lease = RedisScript(Self.leaseSource)
        fill = RedisScript(defences.contains(.leaseCheck) ? Self.fillSource : Self.fillUnchecked)
        begin = RedisScript(Self.beginSource)
        end = RedisScript(
            Self.endSource.replacing("ALONE", with: defences.contains(.overlap) ? Self.alone : "true"))
    }

    /// Redis's clock in milliseconds: deadlines of several daemons are compared, so only one clock counts.
    private static let now = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)

        """

    /// LEASE value lease writers; token, milliseconds it holds. Answers the value, else 0: a writer is under way;
    /// 1: somebody else fills; 2: the lease is the caller's.
    private static let leaseSource =
        now + """
            local value = redis.call('GET', KEYS[1])
            if value then return value end
            if redis.call('ZCOUNT', KEYS[3], now, '+inf') > 0 then return 0 end
            if redis.call('RPUSH', KEYS[2], ARGV[1]) > 1 then
                redis.call('RPOP', KEYS[2])
                return 1
            end
            redis.call('PEXPIRE', KEYS[2], ARGV[2])
            return 2
            """

    /// FILL value lease; token, value, milliseconds to live. Answers 1 if the value was put in.
    private static let fillSource = """
        if redis.call('LREM', KEYS[2], 1, ARGV[1]) == 0 then return 0 end
        \(fillUnchecked)
        """
    private static let fillUnchecked = """
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        return 1
        """

    /// BEGIN value lease writers; milliseconds until a writer is overdue, the token of each writer that begins.
    private static let beginSource =
        now + """
            redis.call('DEL', KEYS[1], KEYS[2])
            redis.call('ZREMRANGEBYSCORE', KEYS[3], '(-inf', now)
            if #ARGV > 2 or redis.call('ZCARD', KEYS[3]) > 0 then redis.call('ZADD', KEYS[3], '-inf', '!') end
            for i = 2, #ARGV do redis.call('ZADD', KEYS[3], now + ARGV[1], ARGV[i]) end
            redis.call('PEXPIRE', KEYS[3], ARGV[1] + 1000)
            return 1
            """

    /// END value lease writers; how many writers end, the token of each, and where it is one, was registered and has a
    /// document: it, milliseconds to live. Answers 1 if the document was put in. Where there is no room to say that writers
    /// overlapped, none of them is known any more, and none can put its document in.
    private static let endSource =
        now + """
            local mine = 0
            for i = 2, ARGV[1] + 1 do mine = mine + redis.call('ZREM', KEYS[3], ARGV[i]) end
            redis.call('DEL', KEYS[1], KEYS[2])
            redis.call('ZREMRANGEBYSCORE', KEYS[3], '(-inf', now)
            local overlapped = redis.call('ZSCORE', KEYS[3], '!')
            if redis.call('ZCOUNT', KEYS[3], '(-inf', '+inf') > 0 then
                local marked = redis.pcall('ZADD', KEYS[3], '-inf', '!')
                if type(marked) == 'table' then redis.call('DEL', KEYS[3]) end
                overlapped = true
            else
                redis.call('DEL', KEYS[3])
            end
            local document = ARGV[ARGV[1] + 2]
            if not document or not (ALONE) then return 0 end
            local put = redis.pcall('SET', KEYS[1], document, 'PX', ARGV[ARGV[1] + 3])
            return put.ok and 1 or 0
            """
    private static let alone = "mine == 1 and not overlapped"
}

/// A Lua script that Redis knows by its digest, and is taught when it does not.
struct RedisScript: Sendable {
    private let text: String
    private let digest: String

    init(_ text: String) {
        self.text = text
        digest = Insecure.SHA1.hash(data: Array(text.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }

    /// Runs it. On the connection's event loop only.
    func run(
        over connection: RedisConnection, keys: [RedisArgument], _ arguments: [RedisArgument], timeout: TimeAmount,
        _ completion: @escaping (Result<RedisValue, RedisError>) -> Void
    ) {
        let rest = [RedisArgument(keys.count)] + keys + arguments
        connection.send(RedisCommand(["EVALSHA", RedisArgument(digest)] + rest), timeout: timeout) { result in
            // On the same connection, so it is still the Redis for which it was meant.
            guard case .failure(.server(let message)) = result, message.hasPrefix("NOSCRIPT") else {
                return completion(result)
            }
            connection.send(RedisCommand(["EVAL", RedisArgument(text)] + rest), timeout: timeout, completion)
        }
    }
}
