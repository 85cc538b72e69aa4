extension ExportLine {
    /// Reads the first line of a file.
    ///
    /// - Throws: ``TransferError/notAnExport(_:)``, ``TransferError/unknownVersion(_:)``.
    package init(header line: [UInt8]) throws(TransferError) {
        let document: JSONDocument
        do { document = try JSONDocument(parsing: line) } catch {
            throw .notAnExport("its first line is no JSON (\(error.detail))")
        }
        guard case .object(let members) = document.root, members["type"] == "header",
            members["format"] == .string(Self.format), case .integer(let version)? = members["version"]
        else { throw .notAnExport("its first line is not the header of one") }
        // A later version may have more to say, so this comes before anything else is looked at.
        guard version == Self.version else { throw .unknownVersion(version) }
        do { self = try Self.read(document, as: "header") } catch { throw .badLine(1, error.detail) }
    }

    /// Reads a line.
    ///
    /// - Throws: ``InvalidValue`` with all that is wrong with it.
    package init(_ line: [UInt8]) throws(InvalidValue) {
        let document: JSONDocument
        do { document = try JSONDocument(parsing: line) } catch {
            throw InvalidValue("is no JSON: \(error.detail), at byte \(error.offset)")
        }
        guard case .object(let members) = document.root, case .string(let type)? = members["type"] else {
            throw InvalidValue("must be an object with a type")
        }
        self = try Self.read(document, as: type)
    }

    private static func read(_ document: JSONDocument, as type: String) throws(InvalidValue) -> ExportLine {
        do {
            return try JSONForm.read(document) { form in
                form.ignore("type")
                switch type {
                case "header":
                    form.ignore("format", "version")
                    return form.value("exported_at", .required, Timestamp.init(json:)).map(ExportLine.header)
                case "product": return form.productEntry().map { .entry(.product($0)) }
                case "movement": return form.movementEntry().map { .entry(.movement($0)) }
                case "outcome": return form.outcomeEntry().map { .entry(.outcome($0)) }
                case "key": return form.key().map { .entry(.key($0)) }
                case "end": return form.totals().map(ExportLine.end)
                default:
                    form.fault(at: "type", "must be product, movement, outcome, key or end")
                    return nil
                }
            }
        } catch {
            guard case .invalid(let faults) = error else { throw InvalidValue("\(error)") }
            throw InvalidValue(faults.map { "\($0.pointer) \($0.detail)" }.joined(separator: ", "))
        }
    }
}

extension JSONForm {
    fileprivate mutating func productEntry() -> ProductEntry? {
        let id = value("id", .required, ProductID.init(json:))
        let catalogue = catalogueEntry()
        let stock = stockEntry()
        let version = value("version", .required) { json throws(InvalidValue) in try json.count(from: 1) }
        let stockVersion = value("stock_version", .required) { json throws(InvalidValue) in try json.count(from: 0) }
        let createdAt = value("created_at", .required, Timestamp.init(json:))
        let updatedAt = value("updated_at", .required, Timestamp.init(json:))
        let archivedAt = value("archived_at", .optional, Timestamp.init(json:))
        let movedAt = value("moved_at", .optional, Timestamp.init(json:))
        let fingerprint = value("fingerprint", .optional) { json throws(InvalidValue) in try json.text() }
        guard let id, let catalogue, let stock, let version, let stockVersion, let createdAt, let updatedAt else {
            return nil
        }
        return ProductEntry(
            product: Product(
                id: id, catalogue: catalogue, stock: stock, version: version, stockVersion: stockVersion,
                createdAt: createdAt, updatedAt: updatedAt, archivedAt: archivedAt
            ),
            fingerprint: fingerprint, movedAt: movedAt
        )
    }

    private mutating func catalogueEntry() -> Catalogue? {
        let sku = value("sku", .required, SKU.init(json:))
        let name = value("name", .required, ProductName.init(json:))
        let description = value("description", .required, ProductDescription.init(json:))
        let price = price("price", .required)
        let threshold = value("low_stock_threshold", .optional, Balance.init(json:))
        let most = value("max_per_order", .optional, Quantity.init(json:))
        let attributes: Attributes? = object("attributes", .required) { form in
            var values: [String: String] = [:]
            for (name, json) in form.entries() {
                do throws(InvalidValue) { values[name] = try json.text() } catch { form.fault(at: name, error.detail) }
            }
            do throws(InvalidValue) { return try Attributes(values) } catch {
                form.faultHere(error.detail)
                return nil
            }
        }
        guard let sku, let name, let description, let price, let attributes else { return nil }
        return Catalogue(
            sku: sku, name: name, description: description, price: price, lowStockThreshold: threshold,
            maxPerOrder: most, attributes: attributes
        )
    }

    private mutating func stockEntry() -> StockLevel? {
        let onHand = value("on_hand", .required, Balance.init(json:))
        let reserved = value("reserved", .required, Balance.init(json:))
        guard let onHand, let reserved else { return nil }
        do { return try StockLevel(onHand: onHand.units, reserved: reserved.units) } catch {
            fault(at: "reserved", error.detail)
            return nil
        }
    }

    fileprivate mutating func movementEntry() -> MovementEntry? {
        let id = value("id", .required, OperationID.init(json:))
        let productID = value("product_id", .required, ProductID.init(json:))
        let sku = value("sku", .required, SKU.init(json:))
        let seq = value("seq", .required) { json throws(InvalidValue) in try json.count(from: 1) }
        let kind: Movement.Kind? = value("kind", .required) { json throws(InvalidValue) in try json.oneOf() }
        let delta = value("delta", .required) { json throws(InvalidValue) in try json.integer() }
        let reservedDelta = value("reserved_delta", .required) { json throws(InvalidValue) in try json.integer() }
        let stock = stockEntry()
        let unitPrice = price("unit_price", .optional)
        let reason: StockReason? = value("reason", .optional) { json throws(InvalidValue) in try json.oneOf() }
        let reference = value("reference", .optional, Reference.init(json:))
        let actor = value("actor", .required) { json throws(InvalidValue) in try json.text() }
        let requestID = value("request_id", .required) { json throws(InvalidValue) in try json.text() }
        let at = value("at", .required, Timestamp.init(json:))
        let fingerprint = value("fingerprint", .optional) { json throws(InvalidValue) in try json.text() }
        guard let id, let productID, let sku, let seq, let kind, let delta, let reservedDelta, let stock, let actor,
            let requestID, let at
        else { return nil }
        return MovementEntry(
            movement: Movement(
                id: id, productID: productID, sku: sku, seq: seq, kind: kind, delta: delta,
                reservedDelta: reservedDelta, stock: stock, unitPrice: unitPrice, reason: reason, reference: reference,
                actor: actor, requestID: requestID, at: at
            ),
            fingerprint: fingerprint
        )
    }

    fileprivate mutating func outcomeEntry() -> OutcomeEntry? {
        let id = value("id", .required, OperationID.init(json:))
        let fingerprint = value("fingerprint", .required) { json throws(InvalidValue) in try json.text() }
        let record: JSON? = value("record", .required) { json throws(InvalidValue) in
            if UpsertRow.isRecord(json) { return json }
            // What can be no answer must not be found when somebody asks for it.
            _ = try Refusal(record: json)
            return json
        }
        let expiresAt = value("expires_at", .required, Timestamp.init(json:))
        guard let id, let fingerprint, let record, let expiresAt else { return nil }
        return OutcomeEntry(id: id, fingerprint: fingerprint, record: record, expiresAt: expiresAt)
    }

    fileprivate mutating func key() -> APIKey? {
        let lastUsedAt = value("last_used_at", .optional, Timestamp.init(json:))
        return value("record", .required) { json throws(InvalidValue) in
            try APIKey(record: json, lastUsedAt: lastUsedAt)
        }
    }

    fileprivate mutating func totals() -> InventoryTotals? {
        let products = value("products", .required) { json throws(InvalidValue) in try json.count(from: 0) }
        let movements = value("movements", .required) { json throws(InvalidValue) in try json.count(from: 0) }
        let outcomes = value("outcomes", .required) { json throws(InvalidValue) in try json.count(from: 0) }
        let keys = value("keys", .required) { json throws(InvalidValue) in try json.count(from: 0) }
        let onHand = value("on_hand", .required) { json throws(InvalidValue) in try json.sum() }
        let reserved = value("reserved", .required) { json throws(InvalidValue) in try json.sum() }
        let moved = value("moved", .required) { json throws(InvalidValue) in try json.sum() }
        let digest = value("sha256", .required) { json throws(InvalidValue) in try json.text() }
        guard let products, let movements, let outcomes, let keys, let onHand, let reserved, let moved, let digest
        else {
            return nil
        }
        return InventoryTotals(
            products: products, movements: movements, outcomes: outcomes, keys: keys, onHand: onHand,
            reserved: reserved, moved: moved, digest: digest
        )
    }
}

extension UpsertRow {
    /// Whether this is what stores remember of a row that did not create: what it did, and to which product.
    package static func isRecord(_ record: JSON) -> Bool {
        guard case .array(let parts) = record, parts.count == 2, case .string(let status) = parts[0],
            case .string(let id) = parts[1]
        else { return false }
        return Upserted.Status(rawValue: status) != nil && (try? ProductID(id)) != nil
    }
}

// MARK: Values from JSON

extension ProductID {
    fileprivate init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension OperationID {
    fileprivate init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension Timestamp {
    fileprivate init(json: JSON) throws(InvalidValue) { try self.init(rfc3339: try json.text()) }
}

extension JSON {
    fileprivate func count(from least: Int64) throws(InvalidValue) -> Int64 {
        let value = try integer()
        // Room for every change that is still to come.
        guard (least...Bounds.exactInteger).contains(value) else {
            throw InvalidValue("must be \(least) to \(Bounds.exactInteger)")
        }
        return value
    }

    fileprivate func oneOf<Value: RawRepresentable & CaseIterable>() throws(InvalidValue) -> Value
    where Value.RawValue == String {
        guard let value = Value(rawValue: try text()) else {
            throw InvalidValue("must be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    /// A sum over all products, which 64 bits need not hold.
    fileprivate func sum() throws(InvalidValue) -> Int128 {
        switch self {
        case .integer(let value): return Int128(value)
        case .number(let text):
            guard let value = Int128(text) else { throw InvalidValue("must be an integer") }
            return value
        default: throw InvalidValue("must be an integer")
        }
    }
}
