import AdminClient
import ArgumentParser
import InventoryKit

struct DoctorCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what is wrong, and say what to do about it.",
        discussion: "Ends with 1 if something is wrong.\n\nEXAMPLES\n  invctl doctor")
    @OptionGroup var common: CommonOptions

    private struct Finding {
        enum Verdict: String { case ok, look, bad }
        let what: String
        let verdict: Verdict
        let text: String
    }

    func run(_ tool: Tool) async throws {
        let findings = try await examine(tool)
        try tool.console.write(
            findings.map { finding in
                let style: Style = finding.verdict == .ok ? .green : finding.verdict == .look ? .yellow : .red
                return Record(
                    finding.what,
                    [
                        "what": .string(finding.what), "verdict": .string(finding.verdict.rawValue),
                        "finding": .string(finding.text),
                    ],
                    [
                        .init("what", finding.what), .init("verdict", StyledText(finding.verdict.rawValue, style)),
                        .init("finding", finding.text),
                    ])
            }, empty: "")
        let bad = findings.filter { $0.verdict == .bad }
        if !bad.isEmpty {
            throw CommandFailure(
                .failed, "findings",
                // The daemon is as well as what it needs.
                "\(bad.count) of \(findings.count) things \(bad.count == 1 ? "is" : "are") wrong: \((bad.first { $0.what != "daemon" } ?? bad[0]).text)"
            )
        }
    }

    private func examine(_ tool: Tool) async throws -> [Finding] {
        let (answer, backends, snapshot, config) = try await tool.connected { connection in
            (
                try await connection.send(AdminRequest(.get, AdminProtocol.root + "/status")),
                try await connection.send(AdminRequest(.get, AdminProtocol.root + "/backends"))
                    .message([BackendReport].self),
                try await connection.send(AdminRequest(.get, AdminProtocol.root + "/stats")).message(
                    StatsSnapshot.self),
                try await connection.send(AdminRequest(.post, AdminProtocol.root + "/config:check"))
                    .message(ConfigReport.self)
            )
        }
        let status = try answer.message(ServiceStatus.self)
        var findings = [
            Self.daemon(status),
            Finding(
                what: "release", verdict: status.version == Release.version ? .ok : .look,
                text: status.version == Release.version
                    ? "both ends are \(status.version)"
                    : "the daemon is \(status.version), this invctl \(Release.version): update the older one"),
        ]
        for backend in backends {
            let text = "\(backend.description) answers in \(Figures.duration(.microseconds(backend.latencyUs)))"
            findings.append(
                Finding(
                    what: backend.name, verdict: backend.ok ? .ok : .bad,
                    text: backend.ok ? text : "\(backend.description): \(backend.trouble ?? "not well")"))
        }
        if let access = Self.access(status) { findings.append(access) }
        if let expiry = status.certificateExpiresAt.flatMap({ try? Timestamp(rfc3339: $0) }) {
            findings.append(Self.certificate(until: expiry))
        }
        findings.append(Self.cache(status, snapshot, backends))
        findings.append(
            Finding(
                what: "answers", verdict: snapshot.responses.failed == 0 ? .ok : .look,
                text: snapshot.responses.failed == 0
                    ? "no request has failed for a reason of the daemon's"
                    : "\(snapshot.responses.failed) were answered with 5xx since the start, probes while it was not ready among "
                        + "them; see the log"))
        let trouble = config.mistakes.first ?? config.warnings.first
        findings.append(
            Finding(
                what: "configuration",
                verdict: !config.mistakes.isEmpty
                    ? .bad : config.warnings.isEmpty && config.needRestart.isEmpty ? .ok : .look,
                text: trouble
                    ?? (config.needRestart.isEmpty
                        ? "what is in force is what a restart would read"
                        : "\(config.needRestart.joined(separator: ", ")) would be other after a restart")))
        return findings
    }

    private static func daemon(_ status: ServiceStatus) -> Finding {
        let up = "pid \(status.pid), up \(Figures.span(.seconds(status.uptimeSeconds)))"
        return switch status.state {
        case .ready: Finding(what: "daemon", verdict: .ok, text: "it is ready, \(up)")
        case .draining:
            Finding(
                what: "daemon", verdict: .look,
                text: "an operator drains it: /readyz says 503. Take that back with invctl resume.")
        case .importing:
            Finding(
                what: "daemon", verdict: .look, text: "an inventory is being imported, and nothing is served until then"
            )
        case .unusable:
            Finding(
                what: "daemon", verdict: .bad,
                text: "an import broke off, so its store holds half an inventory and nothing is served: stop it, empty "
                    + "the store, start it and import again")
        case .starting, .stopping, .failing:
            Finding(what: "daemon", verdict: .bad, text: "it is \(status.state.rawValue), \(up)")
        }
    }

    /// - Returns: nothing where the daemon, an older one, does not say.
    private static func access(_ status: ServiceStatus) -> Finding? {
        switch (status.authentication, status.isLoopback) {
        case ("off", true): Finding(what: "access", verdict: .ok, text: "nobody needs a key; only this machine can ask")
        case ("off", false):
            Finding(
                what: "access", verdict: .look,
                text: "whoever can reach \(status.url) may do anything: INVENTORYD_AUTH is off")
        case ("writes", _): Finding(what: "access", verdict: .ok, text: "changes need a key, reading does not")
        case ("all", _): Finding(what: "access", verdict: .ok, text: "all requests need a key")
        default: nil
        }
    }

    /// Two weeks are enough to mend what should have renewed it.
    private static func certificate(until expiry: Timestamp) -> Finding {
        let left = Duration.milliseconds(expiry.milliseconds - SystemClock().now().milliseconds)
        let text =
            left > .zero
            ? "the certificate is good for another \(Figures.span(left))"
            : "the certificate has expired, so clients will not connect: renew it, and invctl config reload"
        return Finding(
            what: "certificate", verdict: left <= .zero ? .bad : left < .seconds(14 * 86_400) ? .look : .ok, text: text)
    }

    private static func cache(
        _ status: ServiceStatus, _ snapshot: StatsSnapshot, _ backends: [BackendReport]
    ) -> Finding {
        switch status.cache.condition {
        case "ok":
            let rate = snapshot.cache.rate60s.map { "\(Figures.percent($0)) of the last minute's reads were hits" }
            return Finding(what: "cache", verdict: .ok, text: rate ?? "it works; nothing was read in the last minute")
        case "none":
            return Finding(
                what: "cache", verdict: .look,
                text: "there is none, so each read asks the store. REDIS_URL names a Redis for it.")
        default:
            return Finding(what: "cache", verdict: .bad, text: whyCacheIsOff(backends.filter(\.ok).map(\.name)))
        }
    }

    private static func whyCacheIsOff(_ well: [String]) -> String {
        guard well.contains("redis") else {
            return "it is off because Redis is not there; everything comes from the store"
        }
        guard well.contains("store") else {
            return "it is off because the store does not answer, which has the switch that all daemons go by"
        }
        return "it is off although Redis answers: another daemon on this database has no Redis or does not reach it "
            + "(its log says so), or it comes back within 5 s of a fault"
    }
}
