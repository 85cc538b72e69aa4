import Hummingbird
import InventoryKit

// MARK: The ledger

extension AdminAPI {
    /// Products checked at once.
    private static let checksAtOnce = 16

    /// Faults and repairs that are told one by one.
    private static let wordsMax = 100

    var ledgerRoutes: [Route] {
        [
            Route(
                .post, Self.path("/ledger:verify"), produces: "application/x-ndjson", access: .scope(.read),
                verifyLedger),
            Route(.post, Self.path("/ledger:repair"), produces: "application/x-ndjson", repairLedger),
        ]
    }

    @Sendable private func verifyLedger(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        if let problem = Problem(state.importState) { throw problem }
        let verification = LedgerVerification(of: inventory)
        return .lines(of: exchange) { line in
            var report = LedgerReport()
            report.done = try await forEachProduct { id in
                try await verification.check(id)
            } page: { findings in
                for finding in findings {
                    report.products += 1
                    report.movements += finding.movements
                    guard let fault = finding.fault else { continue }
                    report.faulty += 1
                    if report.faults.count < Self.wordsMax { report.faults.append(fault) }
                }
                try await line.write(report)
            }
            try await line.write(report)
        }
    }

    @Sendable private func repairLedger(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        if let problem = Problem(state.importState) { throw problem }
        let isDry = try RepairRequest(try await exchange.json()).dryRun
        exchange.call.notes.isQuestion = isDry
        let repair = LedgerRepair(of: inventory, store, dryRun: isDry)
        return .lines(of: exchange) { line in
            var report = RepairReport(dryRun: isDry)
            report.done = try await forEachProduct { id in
                try await repair.repair(id)
            } page: { findings in
                for finding in findings {
                    report.products += 1
                    report.mended += Int64(finding.mended.count)
                    report.faulty += Int64(finding.faults.count)
                    report.repairs += finding.mended.prefix(max(0, Self.wordsMax - report.repairs.count))
                    report.faults += finding.faults.prefix(max(0, Self.wordsMax - report.faults.count))
                }
                try await line.write(report)
            }
            try await line.write(report)
        }
    }

    /// Goes through all products, archived ones too: what they sold was sold.
    ///
    /// - Parameters:
    ///   - check: looks at a product, at several ones at once.
    ///   - page: gets what was found of some.
    /// - Returns: whether it came to the end, rather than that the service stops.
    private func forEachProduct<Finding: Sendable>(
        _ check: @escaping @Sendable (ProductID) async throws -> Finding?,
        page take: ([Finding]) async throws -> Void
    ) async throws -> Bool {
        var query = ProductQuery(sort: ProductSort(.createdAt), limit: Bounds.pageSize)
        query.filter.archived = .any
        while !state.isStopping {
            let page = try await inventory.page(of: query)
            try await take(try await findings(page.items.map(\.id), check))
            guard let next = page.next else { return true }
            query.after = next
        }
        return false
    }

    private func findings<Finding: Sendable>(
        _ ids: [ProductID], _ check: @escaping @Sendable (ProductID) async throws -> Finding?
    ) async throws -> [Finding] {
        try await withThrowingTaskGroup(of: Finding?.self) { group in
            for id in ids.prefix(Self.checksAtOnce) { group.addTask { try await check(id) } }
            var rest = ids.dropFirst(Self.checksAtOnce).makeIterator()
            var findings: [Finding] = []
            while let finding = try await group.next() {
                if let finding { findings.append(finding) }
                if let id = rest.next() { group.addTask { try await check(id) } }
            }
            return findings
        }
    }
}

/// `{"dry_run": true}`.
private struct RepairRequest {
    let dryRun: Bool

    init(_ document: JSONDocument) throws(InventoryError) {
        self = try JSONForm.read(document) { form in
            let dryRun = form.value("dry_run", .required) { json throws(InvalidValue) in try json.bool() }
            return dryRun.map { RepairRequest(dryRun: $0) }
        }
    }

    private init(dryRun: Bool) { self.dryRun = dryRun }
}
