import ArgumentParser
import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// The one tree of commands, and everything that has to say the same.
@Suite("The tree of commands")
struct CommandTreeTests {
    /// Fails where a command or flag was added and the manual was forgotten.
    @Test("The manual has every command, flag, variable and exit code")
    func manual() throws {
        let manual = try String(
            contentsOfFile: DaemonProcess.projectDirectory + "/man/invctl.1", encoding: .utf8)
        #expect(CommandTree.paths.count > 40)
        for (words, flags) in CommandTree.paths where isLeaf(words) {
            #expect(manual.contains(".It Ic \(words.joined(separator: " "))"), "\(words)")
            for flag in flags where flag.hasPrefix("--") {
                #expect(manual.contains("Fl -\(flag.dropFirst(2))"), "\(words) \(flag)")
            }
        }
        for status in ExitStatus.allCases { #expect(manual.contains(".It \(status.rawValue)\n"), "\(status)") }
        for name in ["INVCTL_SOCKET", "NO_COLOR", "XDG_STATE_HOME"] { #expect(manual.contains(name)) }
        for topic in HelpTopic.allCases { #expect(manual.contains(topic.rawValue)) }
    }

    @Test("Every command's help has examples")
    func examples() {
        for (words, _) in CommandTree.paths where isLeaf(words) {
            let help = helpText(words)
            #expect(help.contains("EXAMPLES") && help.contains("invctl"), "\(words)")
        }
    }

    @Test("Completion for every shell is made of the same tree", arguments: ["bash", "zsh", "fish"])
    func completion(_ shell: String) {
        let script = Invctl.completionScript(for: shell == "bash" ? .bash : shell == "zsh" ? .zsh : .fish)
        for (words, _) in CommandTree.paths { #expect(script.contains(words.last ?? "?")) }
    }

    /// Fails where `invctl --socket S status` is refused, or a command's own flags are moved.
    @Test("What is common to all commands may stand before them")
    func leading() {
        #expect(CommonOptions.last(in: ["--socket", "/s", "-q", "status"]) == ["status", "--socket", "/s", "-q"])
        #expect(CommonOptions.last(in: ["-o=json", "cache", "stats"]) == ["cache", "stats", "-o=json"])
        #expect(CommonOptions.last(in: ["status", "-o", "json"]) == ["status", "-o", "json"])
        #expect(CommonOptions.last(in: ["--version"]) == ["--version"])
        #expect(CommonOptions.last(in: ["--socket"]) == ["--socket"])
    }

    /// Fails where `-5` is taken for a flag, or a flag for a number.
    @Test("A negative number is a number")
    func signs() {
        #expect(SignedNumber.value(SignedNumber.guarded("-5")) == -5)
        #expect(SignedNumber.guarded("-o") == "-o")
        #expect(SignedNumber.guarded("-") == "-")
        #expect(SignedNumber.value("5x") == nil)
        #expect(SignedNumber.value(SignedNumber.guarded("-99999999999999999999")) == nil)
    }

    /// Fails where a reference of digits behind a minus reaches the daemon with another sign, or a flag is taken for a text.
    @Test("A text that looks like a negative number is that text")
    func dashedValues() {
        #expect(DashedValue.joined(["adjust", "A", "--reference", "-17"]) == ["adjust", "A", "--reference=-17"])
        #expect(DashedValue.joined(["list", "--sort", "-price"]) == ["list", "--sort=-price"])
        #expect(
            DashedValue.joined(["adjust", "--reference", "-o", "json"]) == ["adjust", "--reference", "-o", "json"])
        #expect(DashedValue.joined(["adjust", "A", "--yes", "-5"]) == ["adjust", "A", "--yes", "-5"])
    }

    @Test("A line to buy is a SKU, and a quantity where there is one")
    func purchaseLines() throws {
        #expect(try PurchaseLine("A:2").quantity == 2)
        #expect(try PurchaseLine("A:2").sku == "A")
        #expect(try PurchaseLine("A:B").sku == "A:B")
        #expect(try PurchaseLine("A:B:3").sku == "A:B")
        #expect(try PurchaseLine("sku:22423").sku == "22423")
        #expect(try PurchaseLine("sku:22423:2").quantity == 2)
        #expect(throws: InvalidValue.self) { try PurchaseLine("A:0") }
        #expect(throws: InvalidValue.self) { try PurchaseLine("A:-1") }
    }

    private func isLeaf(_ words: [String]) -> Bool {
        !CommandTree.paths.contains { $0.words.count > words.count && $0.words.starts(with: words) }
    }

    private func helpText(_ words: [String]) -> String {
        do {
            var help = try Invctl.parseAsRoot(words + ["--help"])
            try help.run()
            return ""
        } catch { return Invctl.fullMessage(for: error) }
    }
}
