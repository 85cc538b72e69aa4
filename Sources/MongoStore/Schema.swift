import InventoryKit

/// Collections, indexes and the rules that the database itself upholds, against a mistake in this program and against a
/// hand at mongosh. Made at start and by `inventoryd migrate`; doing it again changes nothing.
enum Schema {
    /// Raised with every change that an older version could not live with.
    static let version: Int64 = 1

    /// MongoDB 5.0: constants in updates (`let`, `c`).
    private static let leastWireVersion: Int64 = 13

    private static let outcomeLifetimeInSeconds: Int64 = 7 * 24 * 3_600

    /// What came of a try to migrate.
    enum Migration: Sendable {
        case done
        /// The server does not answer, or not yet; it may be tried again.
        case unavailable(String)
        case impossible(MongoOpeningError)
    }

    static func tryToMigrate(over connection: MongoConnection) -> Migration {
        do {
            try migrate(over: connection)
            return .done
        } catch let error as MongoOpeningError {
            return .impossible(error)
        } catch { return .unavailable((error as? MongoError)?.detail ?? "\(error)") }
    }

    /// - Throws: ``MongoOpeningError`` where this program must not work with that database; else ``MongoError``.
    static func migrate(over connection: MongoConnection) throws {
        let hello = try connection.read("admin", [("hello", 1)])
        guard try hello.integer("maxWireVersion") >= leastWireVersion else {
            throw MongoOpeningError("MongoDB is too old: 5.0 or later is needed")
        }
        let known = try connection.find(Collection.meta, ["_id": "schema"], freshness: .majority(after: 0))
        if let document = known.documents.first, try document.integer("version") > version {
            throw MongoOpeningError(
                "the database was written by a newer version of inventoryd. Use that version or a later one; nothing "
                    + "was changed")
        }
        try ImportMark.checkAbsence(over: connection)
        for (collection, validator) in validators {
            do {
                _ = try connection.write([("create", .string(collection)), ("validator", validator)])
            } catch MongoError.refused(code: 48, _) {
                _ = try connection.write([("collMod", .string(collection)), ("validator", validator)])
            }
        }
        for (collection, indexes) in indexes {
            _ = try connection.write([("createIndexes", .string(collection)), ("indexes", .array(indexes))])
        }
        let (_, _, errors) = try connection.update(
            [["q": ["_id": "schema"], "u": ["$max": ["version": .integer(version)]], "upsert": true]],
            in: Collection.meta)
        for case let error in errors.values where error != .duplicateKey(index: "_id") { throw error }
    }

    // MARK: Indexes

    private static let indexes: [(String, [BSON])] = [
        (
            Collection.products,
            [
                // Unique among all products that hold a SKU: those that are sold, and those that have just given it up.
                index(["held_skus": 1], ["unique": true, "sparse": true]),
                index(["unfiled_since": 1], ["sparse": true]),
                // One for each order, among live and among archived products: a page costs the same wherever it begins.
                index(["live": 1, "sku_key": 1, "_id": 1]), index(["live": 1, "name_key": 1, "_id": 1]),
                index(["live": 1, "price.currency": 1, "price.amount": 1, "_id": 1]),
                index(["live": 1, "available": 1, "_id": 1]), index(["live": 1, "low": 1, "available": 1, "_id": 1]),
                index(["live": 1, "created_at": 1, "_id": 1]), index(["live": 1, "updated_at": 1, "_id": 1]),
                // Words, in the order of creation, which is the one that lists have unless another is asked for.
                index(["live": 1, "terms": 1, "created_at": 1, "_id": 1]),
                index(
                    ["refused_at": 1], ["expireAfterSeconds": .integer(outcomeLifetimeInSeconds), "sparse": true]),
            ]
        ),
        (
            Collection.movements,
            [
                index(["product_id": 1, "seq": 1], ["unique": true]), index(["at": 1, "_id": 1]),
                index(
                    ["reference": 1, "at": 1, "_id": 1], ["partialFilterExpression": ["reference": ["$exists": true]]]),
            ]
        ),
        (Collection.outcomes, [index(["at": 1], ["expireAfterSeconds": .integer(outcomeLifetimeInSeconds)])]),
    ]

    private static func index(_ keys: KeyValuePairs<String, BSON>, _ options: KeyValuePairs<String, BSON> = [:]) -> BSON
    {
        let name = keys.map { "\($0.key)_1" }.joined(separator: "_")
        return .document(
            [("key", .document(keys.map { ($0.key, $0.value) })), ("name", .string(name))]
                + options.map { ($0.key, $0.value) })
    }

    // MARK: Validators

    private static let validators: [(String, BSON)] = [
        (
            Collection.products,
            [
                "$or": [
                    // A refused creation (``Tombstone``) has no stock that could be wrong.
                    ["live": ["$exists": false], "record": ["$exists": true], "on_hand": ["$exists": false]],
                    [
                        "$jsonSchema": product,
                        "$expr": [
                            "$and": [
                                ["$lte": ["$reserved", "$on_hand"]],
                                ["$eq": ["$available", ["$subtract": ["$on_hand", "$reserved"]]]],
                            ]
                        ],
                    ],
                ]
            ]
        ),
        (
            Collection.movements,
            ["$jsonSchema": movement, "$expr": ["$lte": ["$reserved", "$on_hand"]]]
        ),
        (Collection.outcomes, ["$jsonSchema": ["required": ["fp", "record", "at"]]]),
        (Collection.keys, ["$jsonSchema": ["required": ["version", "scopes", "created_at", "secrets"]]]),
    ]

    private static let product: BSON = [
        "required": [
            "sku", "sku_key", "name", "name_key", "description", "price", "on_hand", "reserved", "available", "low",
            "version", "stock_version", "created_at", "updated_at", "live", "gen", "ops",
        ],
        "properties": [
            "_id": ["bsonType": "objectId"], "sku": ["bsonType": "string", "minLength": 1, "maxLength": 64],
            "name": ["bsonType": "string", "minLength": 1], "price": price, "on_hand": balance, "reserved": balance,
            "available": balance, "low": ["bsonType": "bool"], "live": ["bsonType": "bool"],
            "version": ["bsonType": "long", "minimum": 1], "stock_version": ["bsonType": "long", "minimum": 0],
            "gen": ["bsonType": "long"], "ops": ["bsonType": "array"], "created_at": ["bsonType": "date"],
            "updated_at": ["bsonType": "date"],
        ],
    ]

    private static let movement: BSON = [
        "required": [
            "product_id", "seq", "kind", "sku", "d_on_hand", "d_reserved", "on_hand", "reserved", "actor", "request_id",
            "at",
        ],
        "properties": [
            "_id": ["bsonType": "string"], "product_id": ["bsonType": "objectId"],
            "seq": ["bsonType": "long", "minimum": 1], "d_on_hand": ["bsonType": "long"],
            "d_reserved": ["bsonType": "long"], "on_hand": balance, "reserved": balance, "at": ["bsonType": "date"],
        ],
    ]

    /// An integer within what every JSON client reads exactly. A double, as mongosh writes it, would be rounded one day.
    private static let balance: BSON = ["bsonType": "long", "minimum": 0, "maximum": .integer(Bounds.exactInteger)]

    private static let price: BSON = [
        "bsonType": "object", "required": ["amount", "currency"],
        "properties": ["amount": balance, "currency": ["bsonType": "string", "minLength": 3, "maxLength": 3]],
    ]
}

/// Why this program must not work with a database, in words for the operator.
package struct MongoOpeningError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
