import Hummingbird
import InventoryKit

// MARK: The cache

extension AdminAPI {
    /// Products named in one request.
    private static let skusMax = 10_000

    /// Products read at once to warm the cache.
    private static let warmAtOnce = 16

    var cacheRoutes: [Route] {
        [
            Route(.get, Self.path("/cache/entries"), parameters: ["pattern", "limit"], listEntries),
            Route(.get, Self.path("/cache/entries/{id}"), explainEntry),
            Route(.post, Self.path("/cache:flush"), flush),
            Route(.post, Self.path("/cache:warm"), produces: "application/x-ndjson", warm),
        ]
    }

    @Sendable private func listEntries(_ exchange: inout Exchange) async throws -> Response {
        let pattern = exchange.query.value("pattern", SKUPattern.init)
        let limit = exchange.query.integer("limit", in: 1...10_000) ?? 100
        try exchange.query.finish()
        return try .admin(try await cache.entries(matching: pattern, limit: Int(limit)))
    }

    @Sendable private func explainEntry(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let reference = try exchange.productReference()
        // The store first: what is cached afterwards must not be older.
        let stored = try await inventory.store.product(reference)
        let id: ProductID
        switch (reference, stored) {
        case (.id(let named), _): id = named
        case (.sku, let product?): id = product.id
        case (.sku, nil): throw Problem(Inventory.noProduct(reference))
        }
        let condition = inventory.cache.condition
        let cached = condition == .ok ? try await cache.entry(of: id) : nil
        var findings: [String] = []
        switch condition {
        case .none: findings.append("There is no cache in front of this store (REDIS_URL): each read asks the store.")
        case .off: findings.append("The cache cannot be used now, so each read asks the store. See invctl doctor.")
        case .ok: findings.append(Self.finding(cached?.entry, stored))
        }
        return try .admin(
            CacheExplanation(
                productId: id.text, sku: stored?.catalogue.sku.text, condition: condition.rawValue,
                entry: cached?.entry, document: cached?.document, storedEtag: stored?.etag.quoted, findings: findings))
    }

    private static func finding(_ entry: CacheEntry?, _ stored: Product?) -> String {
        guard let entry else {
            return "It is not cached: nobody has read it of late, or a write took it out. The next read fills it."
        }
        switch (entry.isAbsence, stored) {
        case (true, nil): return "It is cached that there is no such product."
        case (true, _?): return "It is cached as absent, and the store has it: it was created this very moment."
        case (false, nil): return "It is cached, and the store does not have it: report this, it must never be."
        case (false, let stored?):
            return entry.etag == stored.etag.quoted
                ? "The cached document is what the store has."
                : "It changed between the two looks: the store had \(stored.etag.quoted), then the cache \(entry.etag ?? "-")."
        }
    }

    // MARK: Flushing

    @Sendable private func flush(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let request = try FlushRequest(try await exchange.json(), skusMax: Self.skusMax)
        exchange.call.notes.isQuestion = request.dryRun
        var unknown: [String] = []
        let flushed: Flushed
        switch request.selection {
        case .all: flushed = try await cache.flush(matching: nil, dryRun: request.dryRun)
        case .pattern(let pattern): flushed = try await cache.flush(matching: pattern, dryRun: request.dryRun)
        case .skus(let skus):
            var ids: [ProductID] = []
            for sku in skus {
                if let product = try await inventory.store.product(.sku(sku)) {
                    ids.append(product.id)
                } else {
                    unknown.append(sku.text)
                }
            }
            flushed = try await cache.flush(ids, dryRun: request.dryRun)
        }
        return try .admin(
            FlushReport(
                entries: flushed.entries, bytes: flushed.bytes, dryRun: request.dryRun,
                readsPerSecond: history.hitsPerSecond(over: .seconds(10)), unknown: unknown))
    }

    // MARK: Warming

    @Sendable private func warm(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let request = try WarmRequest(try await exchange.json(), skusMax: Self.skusMax)
        return .lines(of: exchange) { line in
            var report = WarmReport()
            if let skus = request.skus {
                for sku in skus {
                    guard !state.isStopping else { return }
                    do {
                        report.count(try await inventory.document(.sku(sku)).1)
                    } catch InventoryError.notFound { report.unknown.append(sku.text) }
                }
            } else {
                var query = ProductQuery(sort: ProductSort(.sku), limit: Bounds.pageSize)
                while !state.isStopping, report.products < request.limit {
                    query.limit = min(Bounds.pageSize, request.limit - report.products)
                    let page = try await inventory.page(of: query)
                    for source in try await read(page.items.map(\.id)) { report.count(source) }
                    try await line.write(report)
                    guard let next = page.next else { break }
                    query.after = next
                }
            }
            report.done = !state.isStopping
            try await line.write(report)
        }
    }

    private func read(_ ids: [ProductID]) async throws -> [CachedDocument.Source] {
        try await withThrowingTaskGroup(of: CachedDocument.Source?.self) { group in
            var rest = ids.makeIterator()
            var sources: [CachedDocument.Source] = []
            func add(_ group: inout ThrowingTaskGroup<CachedDocument.Source?, any Error>) {
                guard let id = rest.next() else { return }
                group.addTask {
                    // One that was archived meanwhile is no failure.
                    do { return try await inventory.document(.id(id)).1 } catch InventoryError.notFound { return nil }
                }
            }
            for _ in 0..<Self.warmAtOnce { add(&group) }
            while let source = try await group.next() {
                if let source { sources.append(source) }
                add(&group)
            }
            return sources
        }
    }
}

extension WarmReport {
    fileprivate mutating func count(_ source: CachedDocument.Source) {
        products += 1
        switch source {
        case .hit: hits += 1
        case .miss: loaded += 1
        case .bypass: bypassed += 1
        }
    }
}

/// `{"skus": […]}`, `{"pattern": "KIT-*"}` or `{"all": true}`, each with `"dry_run"`.
private struct FlushRequest {
    enum Selection {
        case all
        case pattern(SKUPattern)
        case skus([SKU])
    }

    let selection: Selection
    let dryRun: Bool

    init(_ document: JSONDocument, skusMax: Int) throws(InventoryError) {
        self = try JSONForm.read(document) { form in
            let dryRun = form.value("dry_run", .optional) { json throws(InvalidValue) in try json.bool() } ?? false
            let all = form.value("all", .optional) { json throws(InvalidValue) in try json.bool() } ?? false
            let pattern = form.value("pattern", .optional) { json throws(InvalidValue) in
                try SKUPattern(try json.text())
            }
            let skus = form.value("skus", .optional) { json throws(InvalidValue) in try json.skus(atMost: skusMax) }
            let selections: [Selection?] = [all ? .all : nil, pattern.map { .pattern($0) }, skus.map { .skus($0) }]
            let given = selections.compactMap(\.self)
            guard let selection = given.first, given.count == 1 else {
                form.faultHere("must say what to flush: one of skus, pattern and all")
                return nil
            }
            return FlushRequest(selection: selection, dryRun: dryRun)
        }
    }

    private init(selection: Selection, dryRun: Bool) {
        self.selection = selection
        self.dryRun = dryRun
    }
}

/// `{"skus": […]}`, or `{"limit": 1000}` for the first products by SKU.
private struct WarmRequest {
    let skus: [SKU]?
    let limit: Int

    init(_ document: JSONDocument, skusMax: Int) throws(InventoryError) {
        self = try JSONForm.read(document) { form in
            let skus = form.value("skus", .optional) { json throws(InvalidValue) in try json.skus(atMost: skusMax) }
            let limit = form.value("limit", .optional) { json throws(InvalidValue) in
                let limit = try json.integer()
                guard (1...10_000_000).contains(limit) else { throw InvalidValue("must be 1 to 10000000") }
                return Int(limit)
            }
            return WarmRequest(skus: skus, limit: limit ?? 10_000)
        }
    }

    private init(skus: [SKU]?, limit: Int) {
        self.skus = skus
        self.limit = limit
    }
}

extension JSON {
    func bool() throws(InvalidValue) -> Bool {
        guard case .bool(let value) = self else { throw InvalidValue("must be true or false") }
        return value
    }

    fileprivate func skus(atMost limit: Int) throws(InvalidValue) -> [SKU] {
        guard case .array(let items) = self, (1...limit).contains(items.count) else {
            throw InvalidValue("must be an array of 1 to \(limit) skus")
        }
        return try items.map { item throws(InvalidValue) in try SKU(try item.text()) }
    }
}
