import AdminClient
import InventoryKit

/// Products, movements and purchases as they are shown.
enum Shown {
    static func product(_ json: JSON) -> Record { Record(json["sku"].string ?? "-", json, columns(json)) }

    /// One alone, with what few products have too.
    static func productAlone(_ json: JSON) -> Record {
        Record(json["sku"].string ?? "-", json, columns(json) + extras(json))
    }

    private static func columns(_ json: JSON) -> [Record.Field] {
        let stock = json["stock"]
        return [
            .init("sku", json["sku"].string),
            .init("name", json["name"].string, isFlexible: true),
            .init("price", StyledText(price(json["price"])), .right),
            .init("on hand", stock["on_hand"].int),
            .init("available", availability(json), .right),
            .init("reserved", stock["reserved"].int, isWide: true),
            .init("id", json["id"].string, isWide: true),
            .init("version", "c\(json["version"].int ?? 0)-s\(json["stock_version"].int ?? 0)", isWide: true),
            .init("updated", json["updated_at"].string, isWide: true),
            .init("archived", json["archived_at"].string ?? "-", isWide: true),
        ]
    }

    /// What a product has beyond what every product has.
    private static func extras(_ json: JSON) -> [Record.Field] {
        var fields: [Record.Field] = []
        if json["archived_at"].string != nil { fields.append(.init("state", "archived, and not for sale")) }
        if let text = json["description"].string, !text.isEmpty { fields.append(.init("description", text)) }
        if let units = json["low_stock_threshold"].int { fields.append(.init("low at", units)) }
        if let units = json["max_per_order"].int { fields.append(.init("at once", units)) }
        if case .object(let attributes) = json["attributes"] {
            fields += attributes.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.string) }
        }
        return fields
    }

    static func movement(_ json: JSON) -> Record {
        Record(
            json["id"].string ?? "-", json,
            [
                .init("seq", json["seq"].int),
                .init("at", json["at"].string),
                .init("sku", json["sku"].string),
                .init("kind", json["kind"].string),
                .init("delta", StyledText(signed(json["delta"].int)), .right),
                .init("on hand", json["on_hand"].int),
                .init("reference", json["reference"].string ?? "-", isFlexible: true),
                .init("reason", json["reason"].string ?? "-"),
                .init("actor", json["actor"].string, isWide: true),
                .init("request", json["request_id"].string, isWide: true),
                .init("id", json["id"].string, isWide: true),
            ])
    }

    /// `12.95 GBP`.
    static func price(_ json: JSON) -> String {
        guard let amount = json["amount"].int, let code = json["currency"].string else { return "-" }
        guard let currency = try? Currency(code), let money = try? Money(amount: amount, currency: currency) else {
            return "\(amount) \(code)"
        }
        return "\(money.decimal) \(code)"
    }

    private static func availability(_ json: JSON) -> StyledText {
        guard let available = json["stock"]["available"].int else { return "-" }
        let isLow = json["low_stock_threshold"].int.map { available <= $0 } ?? false
        return StyledText(String(available), available == 0 ? .red : isLow ? .yellow : [])
    }

    private static func signed(_ number: Int64?) -> String {
        number.map { $0 > 0 ? "+\($0)" : String($0) } ?? "-"
    }
}

/// How a product is named on the command line: by its SKU, or by its id.
enum ProductPath {
    /// As the API takes it in a path.
    static func of(_ name: String) -> String {
        if (try? ProductID(name)) != nil { return name }
        // As the API and its messages have it.
        return of(sku: name.hasPrefix("sku:") ? String(name.dropFirst(4)) : name)
    }

    /// Of a SKU as it stands in a file, whatever it looks like.
    static func of(sku: String) -> String { "sku:" + AdminRequest.encode(sku) }

    /// - Throws: ``CommandFailure`` where there is a product of that SKU.
    static func checkAbsence(of sku: String, _ tool: Tool) async throws {
        let request = AdminRequest(.get, "/v1/products/" + of(sku: sku))
        do { _ = try await tool.send(request) } catch AdminError.refused(let refused) where refused.status == 404 {
            return
        }
        throw CommandFailure(.refused, "sku-taken", "There is a product \(sku) already.")
    }
}
