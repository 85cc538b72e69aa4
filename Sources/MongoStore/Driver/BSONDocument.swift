import CMongoc
import InventoryKit

/// A BSON document, as its bytes: a plain value that may go anywhere, unlike libbson's pointers. libbson reads it.
struct BSONDocument: Sendable, Hashable {
    /// A field's value, read.
    enum Value: Sendable, Hashable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case date(Timestamp)
        case timestamp(UInt64)
        case productID(ProductID)
        case document(BSONDocument)
        case array(BSONDocument)
        /// Of a type that this program never writes.
        case other
    }

    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The value of the field; `nil` where there is none.
    subscript(_ name: String) -> Value? {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var field = unsafe inventory_field()
            guard unsafe inventory_find(bytes.baseAddress, bytes.count, name, &field) else { return nil }
            return unsafe Value(field)
        }
    }

    /// All fields in their order. The names of an array's items are their places.
    var fields: [(name: String, value: Value)] {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var fields: [(name: String, value: Value)] = []
            var offset: UInt32 = 0
            var field = unsafe inventory_field()
            while unsafe inventory_next(bytes.baseAddress, bytes.count, &offset, &field) {
                unsafe fields.append((String(cString: field.name), Value(field)))
            }
            return fields
        }
    }

    /// The items of an array that are documents.
    var documents: [BSONDocument] {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var documents: [BSONDocument] = []
            var offset: UInt32 = 0
            var field = unsafe inventory_field()
            while unsafe inventory_next(bytes.baseAddress, bytes.count, &offset, &field) {
                if case .document(let document) = unsafe Value(field) { documents.append(document) }
            }
            return documents
        }
    }
}

extension BSONDocument.Value {
    fileprivate init(_ field: inventory_field) {
        let bytes = unsafe UnsafeBufferPointer(start: field.bytes, count: Int(field.length))
        switch unsafe field.type {
        case BSON_TYPE_NULL: self = .null
        case BSON_TYPE_BOOL: self = .bool(unsafe field.integer != 0)
        case BSON_TYPE_INT32, BSON_TYPE_INT64: self = .integer(unsafe field.integer)
        case BSON_TYPE_DOUBLE: self = .number(unsafe field.number)
        case BSON_TYPE_UTF8: self = .string(unsafe String(decoding: bytes, as: UTF8.self))
        case BSON_TYPE_DATE_TIME: self = .date(Timestamp(milliseconds: unsafe field.integer))
        case BSON_TYPE_TIMESTAMP: self = .timestamp(UInt64(bitPattern: unsafe field.integer))
        case BSON_TYPE_DOCUMENT: self = .document(BSONDocument(bytes: unsafe Array(bytes)))
        case BSON_TYPE_ARRAY: self = .array(BSONDocument(bytes: unsafe Array(bytes)))
        case BSON_TYPE_OID:
            if let id = try? ProductID(Hex.encode(unsafe Array(bytes))) { self = .productID(id) } else { self = .other }
        default: self = .other
        }
    }
}

// MARK: Reading what has to be there

/// A document that no version of this program can have written.
struct DamagedDocument: Error {
    let detail: String
}

extension BSONDocument {
    func integer(_ name: String) throws(DamagedDocument) -> Int64 {
        guard let value = try optionalInteger(name) else { throw DamagedDocument(detail: "\(name) is missing") }
        return value
    }

    /// An integer; one that came out of mongosh may be a double.
    func optionalInteger(_ name: String) throws(DamagedDocument) -> Int64? {
        switch self[name] {
        case nil, .null: return nil
        case .integer(let value): return value
        case .number(let value):
            guard let value = Int64(exactly: value) else { throw DamagedDocument(detail: "\(name) is no integer") }
            return value
        default: throw DamagedDocument(detail: "\(name) is no integer")
        }
    }

    func text(_ name: String) throws(DamagedDocument) -> String {
        guard let value = try optionalText(name) else { throw DamagedDocument(detail: "\(name) is missing") }
        return value
    }

    func optionalText(_ name: String) throws(DamagedDocument) -> String? {
        switch self[name] {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw DamagedDocument(detail: "\(name) is no text")
        }
    }

    func time(_ name: String) throws(DamagedDocument) -> Timestamp {
        guard let value = try optionalTime(name) else { throw DamagedDocument(detail: "\(name) is missing") }
        return value
    }

    func optionalTime(_ name: String) throws(DamagedDocument) -> Timestamp? {
        switch self[name] {
        case nil, .null: return nil
        case .date(let time): return time
        default: throw DamagedDocument(detail: "\(name) is no date")
        }
    }

    func productID(_ name: String) throws(DamagedDocument) -> ProductID {
        guard case .productID(let id) = self[name] else { throw DamagedDocument(detail: "\(name) is no product's id") }
        return id
    }

    func document(_ name: String) throws(DamagedDocument) -> BSONDocument {
        guard case .document(let document) = self[name] else { throw DamagedDocument(detail: "\(name) is no document") }
        return document
    }

    /// The documents of an array; none where there is no such field.
    func documents(_ name: String) -> [BSONDocument] {
        if case .array(let array) = self[name] { array.documents } else { [] }
    }

    func isArray(_ name: String) -> Bool { if case .array = self[name] { true } else { false } }

    /// The texts of an array; none where there is no such field.
    func texts(_ name: String) -> [String] {
        guard case .array(let array) = self[name] else { return [] }
        return array.fields.compactMap { if case .string(let text) = $0.value { text } else { nil } }
    }
}
