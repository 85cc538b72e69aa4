import Hummingbird
import HummingbirdCore
import InventoryKit
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// A connection of the REST API: HTTP/1.1 with limits on everything, then Hummingbird's request loop.
struct APIChannel: ServerChildChannel, HTTPChannelHandler {
    /// One of them.
    struct Connection: ServerChildChannelValue {
        let http: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
        let lastWord: LastWord

        var channel: any Channel { http.channel }
    }

    /// With the last word of the connection that it is for.
    private(set) var responder: Responder
    private let front: Front

    /// Nothing where nobody is counted.
    private let connectionLimit: ConnectionLimit.Policy?
    private let judge: AdmissionHandler.Judge

    /// Makes what encrypts a connection; nothing where the bytes travel as they are.
    private let encryption: (@Sendable () -> any ChannelHandler)?

    /// - Parameter judge: what is asked of each request before it is passed on; by default all are.
    init(
        _ front: Front, connectionLimit: ConnectionLimit.Policy? = nil,
        judge: @escaping AdmissionHandler.Judge = { _, _, _, tell in tell(.pass(nil)) },
        encryption: (@Sendable () -> any ChannelHandler)? = nil
    ) {
        self.front = front
        responder = { try await front.respond($0, $1, $2, LastWord()) }
        self.connectionLimit = connectionLimit
        self.judge = judge
        self.encryption = encryption
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let lastWord = LastWord()
            if let encryption { try pipeline.addHandler(encryption()) }
            var decoderLimits = NIOHTTPDecoderLimitConfiguration()
            decoderLimits.maxHeaderFieldSize = APILimits.headerBytes
            decoderLimits.maxHeaderListSize = APILimits.headerBytes
            decoderLimits.maxHeaderFieldCount = APILimits.headerFields
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoderLimits
            )
            try pipeline.addHandler(AnswerBytes())
            if let connectionLimit { try pipeline.addHandler(ConnectionLimit(connectionLimit)) }
            try pipeline.addHandler(
                ConnectionGuard(
                    limits: ConnectionGuard.Limits(), isStreamed: APILimits.isStreamed, lastWord: lastWord
                ) { [front] code, detail, head, isLogged in
                    front.rejection(code, detail, to: head, isLogged: isLogged)
                }
            )
            try pipeline.addHandler(AdmissionHandler(judge: judge))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: encryption != nil))
            return Connection(
                http: try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)),
                lastWord: lastWord)
        }
    }

    func handle(value connection: Connection, logger: Logger) async {
        var channel = self
        channel.responder = { [front] in try await front.respond($0, $1, $2, connection.lastWord) }
        await channel.handleHTTP(asyncChannel: connection.http, logger: logger)
    }
}

/// The bounds of `docs/` on what a request may be.
enum APILimits {
    static let bodyBytes = 1_024 * 1_024
    static let headerBytes = 16 * 1_024
    static let headerFields = 100
    static let uriBytes = 8 * 1_024
    static let batchLineBytes = 256 * 1_024

    /// Whether the body of such a request may have any length and take any time, as long as it moves.
    static func isStreamed(_ uri: String) -> Bool {
        uri.hasPrefix("/v1/products:batch") || uri.hasPrefix(AdminProtocol.root + "/import")
    }

    /// What a connection may have to send without counting as slow.
    static let shortAnswerBytes = 64 * 1_024
}
