import InventoryKit
import Synchronization

/// The switch's document in memory, as MongoDB would keep it.
final class MemoryRegister: CacheSwitchRegister {
    private let document = Mutex<SwitchDocument?>(nil)

    func apply(_ update: SwitchUpdate) async throws(InventoryError) -> SwitchDocument? {
        document.withLock { document in
            let beat = (document?.beat ?? 0) + 1
            switch update {
            case .turnOn(let claimSeen, let generation):
                guard document?.claim == claimSeen else { return nil }
                document = SwitchDocument(generation: generation, claim: "", beat: beat)
            case .veto(let claim, let generationIfNew):
                document = SwitchDocument(
                    generation: document?.generation ?? generationIfNew, claim: claim, beat: beat)
            case .look(let generationIfNew, let claimIfNew):
                document = SwitchDocument(
                    generation: document?.generation ?? generationIfNew, claim: document?.claim ?? claimIfNew,
                    beat: beat)
            }
            return document
        }
    }
}
