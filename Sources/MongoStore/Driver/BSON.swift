import CMongoc
import InventoryKit

/// A BSON value to be sent, written as literals: commands and pipelines read as they do in MongoDB's manual.
///
/// Values from outside stand in a pipeline only behind `$literal`, or in constants that the server does not evaluate.
indirect enum BSON: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case string(String)
    case date(Timestamp)
    case timestamp(UInt64)
    case productID(ProductID)
    case array([BSON])
    case document([(String, BSON)])
    /// A document that is encoded already.
    case encoded(BSONDocument)
    /// An array that is encoded already.
    case encodedArray(BSONDocument)
}

extension BSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    init(dictionaryLiteral elements: (String, BSON)...) { self = .document(elements) }
    init(arrayLiteral elements: BSON...) { self = .array(elements) }
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .null }
}

extension BSON {
    /// The members that have a value.
    static func members(_ members: [(String, BSON?)]) -> BSON {
        .document(members.compactMap { name, value in value.map { (name, $0) } })
    }
}

extension BSONDocument {
    /// A document's value; an empty one for what is none.
    init(_ value: BSON) {
        switch value {
        case .encoded(let document): self = document
        case .document(let members): self.init(members)
        default: self.init([])
        }
    }

    init(_ members: [(String, BSON)]) {
        let document = BSONWriter()
        for (name, value) in members { document.append(name, value) }
        self = document.finish()
    }

    init(_ members: KeyValuePairs<String, BSON>) {
        self.init(members.map { ($0.key, $0.value) })
    }
}

/// A `bson_t` under construction. It does not leave this file.
@safe private final class BSONWriter {
    private let document: OpaquePointer

    init() {
        unsafe document = bson_new()
    }

    deinit { unsafe bson_destroy(document) }

    func finish() -> BSONDocument {
        let length = Int(unsafe inventory_length(document))
        return BSONDocument(bytes: unsafe Array(UnsafeBufferPointer(start: bson_get_data(document), count: length)))
    }

    /// A name or document too long for BSON is a mistake of this program; the server refuses what lacks it.
    func append(_ name: String, _ value: BSON) {
        var name = name
        name.withUTF8 { name in
            let count = Int32(clamping: name.count)
            unsafe name.withMemoryRebound(to: CChar.self) { name in
                unsafe append(name.baseAddress, count, value)
            }
        }
    }

    private func append(_ name: UnsafePointer<CChar>?, _ count: Int32, _ value: BSON) {
        switch value {
        case .null: unsafe bson_append_null(document, name, count)
        case .bool(let value): unsafe bson_append_bool(document, name, count, value)
        case .integer(let value): unsafe bson_append_int64(document, name, count, value)
        case .date(let time): unsafe bson_append_date_time(document, name, count, time.milliseconds)
        case .timestamp(let value):
            unsafe bson_append_timestamp(
                document, name, count, UInt32(truncatingIfNeeded: value >> 32), UInt32(truncatingIfNeeded: value))
        case .string(var text):
            text.withUTF8 { text in
                let length = Int32(clamping: text.count)
                _ = unsafe text.withMemoryRebound(to: CChar.self) { text in
                    unsafe bson_append_utf8(document, name, count, text.baseAddress, length)
                }
            }
        case .productID(let id):
            var oid = bson_oid_t()
            unsafe bson_oid_init_from_string(&oid, id.text)
            unsafe bson_append_oid(document, name, count, &oid)
        case .array(let items):
            let child = BSONWriter()
            for (index, item) in items.enumerated() { child.append(String(index), item) }
            unsafe bson_append_array(document, name, count, child.document)
        case .document(let members):
            let child = BSONWriter()
            for (name, value) in members { child.append(name, value) }
            unsafe bson_append_document(document, name, count, child.document)
        case .encoded(let value):
            unsafe inventory_append_bytes(document, name, count, value.bytes, value.bytes.count, false)
        case .encodedArray(let value):
            unsafe inventory_append_bytes(document, name, count, value.bytes, value.bytes.count, true)
        }
    }
}
