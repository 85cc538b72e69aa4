#if canImport(Glibc)
import Glibc

/// Has threads share the allocator's arenas. glibc gives nearly each of some thirty threads one of its own, and what was
/// freed in one is of no use in another: memory grows by a tenth, for nothing that could be measured.
enum MemoryArenas {
    private static let most: Int32 = 4

    /// `M_ARENA_MAX` of `mallopt(3)`, whose header Swift's module of glibc lacks.
    private static let parameter: Int32 = -8

    /// To be called before threads are started. Where there is no such function (another C library), nothing happens.
    static func bound() {
        typealias SetOption = @convention(c) (Int32, Int32) -> Int32
        guard let symbol = unsafe dlsym(nil, "mallopt") else { return }
        _ = unsafe unsafeBitCast(symbol, to: SetOption.self)(parameter, most)
    }
}
#endif
