/// The one document that says whether the shared cache may be used at all, and with which keys.
package struct SwitchDocument: Sendable, Equatable {
    /// `<run of Redis, or ->/<random>`: the namespace of all keys as long as it stands.
    package let generation: String
    /// Empty while the cache is on; else who switched it off last: `<run of Redis, or ->/<random>`.
    package let claim: String
    /// Grows with every update.
    package let beat: Int64

    package init(generation: String, claim: String, beat: Int64) {
        self.generation = generation
        self.claim = claim
        self.beat = beat
    }

    /// Whether the cache may be used.
    package var isOn: Bool { claim.isEmpty }
}

/// A way to look at the document, and perhaps to change it. All of them write (the beat): a primary that is deposed and
/// does not know it cannot confirm a write, but could confirm that there was nothing to do.
package enum SwitchUpdate: Sendable, Equatable {
    /// Switches on with a new generation if the claim is still the one that was seen, and makes no document.
    case turnOn(claimSeen: String, generation: String)
    /// Switches off, whatever there is.
    case veto(claim: String, generationIfNew: String)
    /// Changes nothing else; where there is no document, it makes one that is off.
    case look(generationIfNew: String, claimIfNew: String)
}

/// Keeps the document, one for all daemons.
package protocol CacheSwitchRegister: Sendable {
    /// Performs the update atomically and returns the document as it is after it, durable and confirmed by a majority;
    /// `nil` where the update matched none.
    ///
    /// Never tried again by itself. What has thrown may happen yet.
    func apply(_ update: SwitchUpdate) async throws(InventoryError) -> SwitchDocument?
}
