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
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let limits: ConnectionGuard.Limits

    /// Nothing where nobody is counted.
    let connectionLimit: ConnectionLimit.Policy?

    let reject: ConnectionGuard.Reject
    let judge: AdmissionHandler.Judge

    /// Makes what encrypts a connection; nothing where the bytes travel as they are.
    var encryption: (@Sendable () -> any ChannelHandler)?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
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
                ConnectionGuard(limits: limits, isStreamed: APILimits.isStreamed, reject: reject)
            )
            try pipeline.addHandler(AdmissionHandler(judge: judge))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: encryption != nil))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)
            )
        }
    }

    func handle(value channel: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: channel, logger: logger)
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
