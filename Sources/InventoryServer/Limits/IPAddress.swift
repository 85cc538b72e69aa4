package import InventoryKit
import NIOCore

/// An address of the Internet: 4 bytes, or 16. IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4.
package struct IPAddress: Sendable, Hashable {
    let bytes: [UInt8]

    /// - Parameter text: as it stands in `X-Forwarded-For`, without a port and without brackets.
    init?(_ text: String) {
        guard text.utf8.count <= 45, let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        self.init(address)
    }

    init?(_ address: SocketAddress) {
        // Where POSIX's sockaddr_in and sockaddr_in6 have the address, on every system.
        switch address {
        case .v4(let address):
            bytes = unsafe withUnsafeBytes(of: address.address) { unsafe Array($0[4..<8]) }
        case .v6(let address):
            let all = unsafe withUnsafeBytes(of: address.address) { unsafe Array($0[8..<24]) }
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            bytes = isMapped ? Array(all.suffix(4)) : all
        case .unixDomainSocket: return nil
        }
    }

    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
    }

    /// Who is limited together: an IPv4 address, or the 64 bits of IPv6 that one customer has at least.
    var caller: String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        return Hex.encode(bytes.prefix(8)) + "::/64"
    }
}

/// A range of addresses, as `10.0.0.0/8` or a single one.
package struct AddressRange: Sendable, Hashable {
    private let network: [UInt8]
    private let bits: Int

    package init(_ text: String) throws(InvalidValue) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else {
            throw InvalidValue("must be addresses or ranges such as 10.0.0.0/8, separated by commas")
        }
        network = address.bytes
        guard parts.count == 2 else {
            bits = network.count * 8
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bits = Int(parts[1]),
            (0...network.count * 8).contains(bits)
        else {
            throw InvalidValue("must have 0 to \(network.count * 8) bits after the slash")
        }
        self.bits = bits
    }

    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == network.count else { return false }
        for (index, (mine, other)) in zip(network, address.bytes).enumerated() {
            let rest = bits - index * 8
            guard rest > 0 else { return true }
            let mask = rest >= 8 ? UInt8.max : UInt8.max << UInt8(8 - rest)
            if mine & mask != other & mask { return false }
        }
        return true
    }
}

/// Who calls, behind proxies that are known to tell the truth.
enum ForwardedCaller {
    /// Proxies between a client and here; what lies behind is not looked at.
    private static let hopLimit = 16

    /// The address of the client: `X-Forwarded-For` is walked from its end, past trusted proxies only. What no trusted
    /// proxy has written is what the client would like us to believe.
    static func address(
        peer: IPAddress?, forwardedFor: [String], trusted: [AddressRange]
    ) -> IPAddress? {
        guard var current = peer, !trusted.isEmpty else { return peer }
        let hops = forwardedFor.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for hop in hops.reversed().prefix(hopLimit) {
            guard trusted.contains(where: { $0.contains(current) }),
                let next = IPAddress(hop.trimmingBlanks.withoutPort)
            else { return current }
            current = next
        }
        return current
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) }) else {
            return ""
        }
        return String(self[start...end])
    }
}

extension String {
    /// Some proxies write the client's port as well: `192.0.2.1:5678`, `[2001:db8::1]:5678`.
    fileprivate var withoutPort: String {
        if hasPrefix("["), let end = firstIndex(of: "]") { return String(self[index(after: startIndex)..<end]) }
        let parts = split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : self
    }
}
