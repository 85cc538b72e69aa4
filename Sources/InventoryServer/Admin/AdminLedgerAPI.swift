import Hummingbird
import InventoryKit

// MARK: The ledger

extension AdminAPI {
    /// Products checked at once.
    private static let checksAtOnce = 16

    /// Faults that are told one by one.
    private static let faultsMax = 100

    var ledgerRoutes: [Route] {
        [
            Route(
                .post, Self.path("/ledger:verify"), produces: "application/x-ndjson", access: .scope(.read),
                verifyLedger)
        ]
    }

    @Sendable private func verifyLedger(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let verification = LedgerVerification(of: inventory)
        return .lines { line in
            var report = LedgerReport()
            // Archived ones too: what they sold was sold.
            var query = ProductQuery(sort: ProductSort(.createdAt), limit: Bounds.pageSize)
            query.filter.archived = .any
            while !state.isStopping {
                let page = try await inventory.page(of: query)
                for finding in try await findings(page.items.map(\.id), verification) {
                    report.products += 1
                    report.movements += finding.movements
                    guard let fault = finding.fault else { continue }
                    report.faulty += 1
                    if report.faults.count < Self.faultsMax { report.faults.append(fault) }
                }
                guard let next = page.next else {
                    report.done = true
                    break
                }
                try await line.write(report)
                query.after = next
            }
            try await line.write(report)
        }
    }

    private func findings(
        _ ids: [ProductID], _ verification: LedgerVerification
    ) async throws -> [LedgerVerification.Finding] {
        try await withThrowingTaskGroup(of: LedgerVerification.Finding?.self) { group in
            for id in ids.prefix(Self.checksAtOnce) { group.addTask { try await verification.check(id) } }
            var rest = ids.dropFirst(Self.checksAtOnce).makeIterator()
            var findings: [LedgerVerification.Finding] = []
            while let finding = try await group.next() {
                if let finding { findings.append(finding) }
                if let id = rest.next() { group.addTask { try await verification.check(id) } }
            }
            return findings
        }
    }
}
