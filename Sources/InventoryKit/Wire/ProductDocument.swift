package import NIOCore

/// A product as REST clients see it: finished JSON text with its validator, made once for each state of the product.
package struct ProductDocument: Sendable {
    package let body: ByteBuffer
    package let etag: ETag
    package let id: ProductID

    /// The key of the SKU that names the product; none where it is archived.
    package let skuKey: String?

    /// Bytes of the body.
    package var size: Int { body.readableBytes }

    package init(_ product: Product) {
        var writer = JSONWriter()
        writer.product(product)
        body = ByteBuffer(bytes: writer.bytes)
        etag = product.etag
        id = product.id
        skuKey = product.isArchived ? nil : product.catalogue.sku.key
    }

    /// A document that was made before.
    package init(body: ByteBuffer, etag: ETag, id: ProductID, skuKey: String?) {
        self.body = body
        self.etag = etag
        self.id = id
        self.skuKey = skuKey
    }

    /// Whether this is the product that the SKU names.
    package func sellsAs(_ sku: SKU) -> Bool { skuKey == sku.key }
}

extension JSONWriter {
    package mutating func product(_ product: Product) {
        object { writer in
            let catalogue = product.catalogue
            writer.member("id", product.id.text)
            writer.member("sku", catalogue.sku.text)
            writer.member("name", catalogue.name.text)
            writer.member("description", catalogue.description.text)
            writer.name("price")
            writer.money(catalogue.price)
            writer.name("stock")
            writer.stock(product.stock)
            writer.member("low_stock_threshold", catalogue.lowStockThreshold?.units)
            writer.member("max_per_order", catalogue.maxPerOrder?.units)
            writer.name("attributes")
            writer.value(.object(catalogue.attributes.values.mapValues(JSON.string)))
            writer.member("version", product.version)
            writer.member("stock_version", product.stockVersion)
            writer.member("created_at", product.createdAt)
            writer.member("updated_at", product.updatedAt)
            writer.member("archived_at", product.archivedAt)
        }
    }

    package mutating func money(_ money: Money) {
        object { writer in
            writer.member("amount", money.amount)
            writer.member("currency", money.currency.code)
        }
    }

    package mutating func stock(_ stock: StockLevel) {
        object { writer in
            writer.member("on_hand", stock.onHand)
            writer.member("reserved", stock.reserved)
            writer.member("available", stock.available)
        }
    }

    package mutating func movement(_ movement: Movement) {
        object { writer in
            writer.member("id", movement.id.text)
            writer.member("product_id", movement.productID.text)
            writer.member("sku", movement.sku.text)
            writer.member("seq", movement.seq)
            writer.member("kind", movement.kind.rawValue)
            writer.member("delta", movement.delta)
            writer.member("reserved_delta", movement.reservedDelta)
            writer.member("on_hand", movement.stock.onHand)
            writer.member("reserved", movement.stock.reserved)
            writer.member("reason", movement.reason?.rawValue)
            writer.member("reference", movement.reference?.text)
            writer.member("actor", movement.actor)
            writer.member("request_id", movement.requestID)
            writer.member("at", movement.at)
        }
    }

    /// A sale as its buyer sees it.
    package mutating func purchase(_ sale: Movement) {
        object { writer in
            writer.member("id", sale.id.text)
            writer.member("product_id", sale.productID.text)
            writer.member("sku", sale.sku.text)
            writer.member("quantity", -sale.delta)
            writer.name("unit_price")
            if let price = sale.unitPrice { writer.money(price) } else { writer.null() }
            writer.member("on_hand_after", sale.stock.onHand)
            writer.member("seq", sale.seq)
            writer.member("reference", sale.reference?.text)
            writer.member("actor", sale.actor)
            writer.member("request_id", sale.requestID)
            writer.member("at", sale.at)
        }
    }
}
