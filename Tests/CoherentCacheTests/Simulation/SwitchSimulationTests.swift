import Testing

/// Three daemons in virtual time, through everything that can break; see ``Simulation``. A run that fails fails again
/// with the same seed.
@Suite("The switch, simulated")
struct SwitchSimulationTests {
    private static let runsInPart = 250

    @Test(
        "No read is older than what was acknowledged before it began, and the cache comes back",
        arguments: 0..<4)
    func neverStale(_ part: Int) {
        var (hits, writes) = (0, 0)
        for run in 0..<Self.runsInPart {
            let seed = UInt64(part * Self.runsInPart + run)
            let verdict = Simulation(seed: seed, scenario: Scenario()).run()
            if let trouble = verdict.trouble { Issue.record("seed \(seed): \(trouble)") }
            hits += verdict.hits
            writes += verdict.writes
        }
        // Else nothing was shown.
        #expect(hits > Self.runsInPart * 50)
        #expect(writes > Self.runsInPart * 50)
    }

    /// Among the faults that a rule is there for; the same runs that show it missed where it is.
    @Test("Without one of its rules it fails, and with it the same runs do not", arguments: Rule.allCases)
    func needed(_ rule: Rule) throws {
        let limit = 1_000 as UInt64
        let caught = (rule.firstSeed..<rule.firstSeed + limit).first { seed in
            Simulation(seed: seed, scenario: rule.scenario, without: rule).run().trouble(with: rule) != nil
        }
        let seed = try #require(caught, "\(rule) was not missed in \(limit) runs")
        for seed in seed..<seed + 20 {
            let trouble = Simulation(seed: seed, scenario: rule.scenario).run().trouble(with: rule)
            #expect(trouble == nil, "seed \(seed)")
        }
    }
}

extension Simulation.Verdict {
    var trouble: String? { stale ?? (recovery == nil ? "the cache did not come back" : nil) }

    /// While scripts are all that fails, nobody waits longer than for both ENDs and for the others' leases.
    func trouble(with rule: Rule) -> String? {
        if let trouble { return trouble }
        return rule == .suspectVetoes && slowest > 2_000.ms ? "a write took \(slowest / 1_000_000) ms" : nil
    }
}
