import NIOCore
import NIOPosix
import Synchronization

/// A DNS server that knows a handful of names (RFC 1035, and RFC 2782 for SRV), for what is found by asking one.
///
/// It is on the port that `resolv.conf` cannot change, at an address of the loopback of its own: a process that has
/// ``configuration`` in the place of its `/etc/resolv.conf` asks it. The port is for root alone on many systems.
package final class NameServer: Sendable {
    package enum Record: Sendable, Hashable {
        case address(String)
        case service(host: String, port: Int)
        case text(String)
    }

    /// What `/etc/resolv.conf` has to say to ask it.
    package let configuration: String
    private let names: Names
    private let channel: any Channel

    private init(address: String, names: Names, channel: any Channel) {
        configuration = "nameserver \(address)\n"
        self.names = names
        self.channel = channel
    }

    package static func start() async throws -> NameServer {
        let names = Names()
        let address = "127.53.\(Int.random(in: 1...254)).\(Int.random(in: 1...254))"
        let channel = try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answering(names))
                }
            }
            .bind(host: address, port: 53).get()
        return NameServer(address: address, names: names, channel: channel)
    }

    deinit { channel.close(promise: nil) }

    /// Has a name mean something from now on.
    package func add(_ name: String, _ records: Record...) { names.add(name, records) }
}

private final class Names: Sendable {
    private let records = Mutex<[String: [NameServer.Record]]>([:])

    func add(_ name: String, _ more: [NameServer.Record]) { records.withLock { $0[name, default: []] += more } }

    /// - Returns: what there is by that name; `nil` where there is no such name.
    func find(_ name: String) -> [NameServer.Record]? { records.withLock { $0[name] } }
}

private final class Answering: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let names: Names

    init(_ names: Names) { self.names = names }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let question = unwrapInboundIn(data)
        guard let answer = Self.answer(question.data, from: names) else { return }
        let envelope = AddressedEnvelope(remoteAddress: question.remoteAddress, data: answer)
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
    }

    private static func answer(_ question: ByteBuffer, from names: Names) -> ByteBuffer? {
        var rest = question
        guard let id = rest.readInteger(as: UInt16.self), rest.readBytes(length: 10) != nil else { return nil }
        let begin = rest.readerIndex
        var labels: [String] = []
        while let length = rest.readInteger(as: UInt8.self), length > 0 {
            guard let label = rest.readString(length: Int(length)) else { return nil }
            labels.append(label.lowercased())
        }
        guard let type = rest.readInteger(as: UInt16.self), rest.readInteger(as: UInt16.self) != nil,
            let asked = question.getSlice(at: begin, length: rest.readerIndex - begin)
        else { return nil }
        let known = names.find(labels.joined(separator: "."))
        let records = (known ?? []).filter { $0.type == type }
        var answer = ByteBuffer()
        // An answer, with authority, of a server that asks others; and that there is no such name where there is none.
        let flags: UInt16 = known == nil ? 0x8583 : 0x8580
        for field in [id, flags, 1, UInt16(records.count), 0, 0] { answer.writeInteger(field) }
        answer.writeImmutableBuffer(asked)
        for record in records {
            let data = record.data
            // The name is the one in the question, 12 bytes in; the answer is kept for no time.
            for field in [0xC00C, type, 1, 0, 0, UInt16(data.readableBytes)] { answer.writeInteger(field) }
            answer.writeImmutableBuffer(data)
        }
        return answer
    }
}

extension NameServer.Record {
    fileprivate var type: UInt16 {
        switch self {
        case .address: 1
        case .text: 16
        case .service: 33
        }
    }

    fileprivate var data: ByteBuffer {
        var data = ByteBuffer()
        switch self {
        case .address(let address): data.writeBytes(address.split(separator: ".").compactMap { UInt8($0) })
        case .text(let text):
            data.writeInteger(UInt8(clamping: text.utf8.count))
            data.writeString(text)
        case .service(let host, let port):
            for field in [0, 0, UInt16(clamping: port)] { data.writeInteger(field) }
            for label in host.split(separator: ".") {
                data.writeInteger(UInt8(clamping: label.utf8.count))
                data.writeString(String(label))
            }
            data.writeInteger(UInt8(0))
        }
        return data
    }
}
