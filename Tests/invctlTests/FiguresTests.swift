import Testing

@testable import invctl

@Suite("Figures")
struct FiguresTests {
    @Test(
        "count in thousands",
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (-1_234_567, "-1,234,567"),
            (.max, "9,223,372,036,854,775,807"), (.min, "-9,223,372,036,854,775,808"),
        ]
    )
    func count(value: Int, text: String) { #expect(Figures.count(value) == text) }

    @Test(
        "are short where there is no room",
        arguments: [
            (0, "0"), (999, "999"), (999.6, "1.0k"), (12_345, "12.3k"), (99_960, "100k"), (999_600, "1.0M"),
            (1_200_000, "1.2M"), (-12_345, "-12.3k"), (1e18, "1.0E"), (.nan, "-"), (.infinity, "-"),
        ] as [(Double, String)]
    )
    func short(value: Double, text: String) { #expect(Figures.short(value) == text) }

    @Test(
        "tell bytes in powers of 1,024",
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (50_600_000, "48.3 MiB"), (1_048_575, "1.0 MiB"),
            (-2_048, "-2.0 KiB"), (.max, "8.0 EiB"), (.min, "-8.0 EiB"),
        ]
    )
    func bytes(value: Int, text: String) { #expect(Figures.bytes(value) == text) }

    @Test(
        "tell durations in the unit that suits them",
        arguments: [
            (0, "0 ns"), (999, "999 ns"), (1_000, "1.0 µs"), (412_000, "412 µs"), (999_600, "1.0 ms"),
            (3_210_000, "3.2 ms"), (999_700_000, "1.00 s"), (1_250_000_000, "1.25 s"), (12_340_000_000, "12.3 s"),
            (59_960_000_000, "1 m 00 s"), (123_000_000_000, "2 m 03 s"), (11_040_000_000_000, "3 h 04 m"),
            (273_800_000_000_000, "3 d 4 h"), (-3_210_000, "-3.2 ms"), (.max, "106751 d 23 h"),
            (.min, "-106751 d 23 h"),
        ]
    )
    func duration(nanoseconds: Int, text: String) { #expect(Figures.duration(nanoseconds: nanoseconds) == text) }

    @Test("tell spans in whole seconds")
    func spans() {
        #expect(Figures.span(.milliseconds(1_600)) == "2 s")
        #expect(Figures.span(.seconds(123)) == "2 m 03 s")
        #expect(Figures.span(.seconds(Int64.max)).hasSuffix(" h"))
        #expect(Figures.ago(.milliseconds(10)) == "now")
        #expect(Figures.ago(.seconds(-5)) == "now")
        #expect(Figures.ago(.seconds(12)) == "12 s ago")
        #expect(Figures.duration(.seconds(Int64.max)) == Figures.duration(nanoseconds: .max))
        #expect(Figures.duration(.seconds(Int64.min)) == Figures.duration(nanoseconds: .min))
    }

    @Test(
        "never round to all or nothing",
        arguments: [
            (0, "0 %"), (1, "100 %"), (0.998, "99.8 %"), (0.99999, "99.9 %"), (0.00001, "<0.1 %"), (0.5, "50.0 %"),
            (1.5, "150.0 %"), (-0.25, "-25.0 %"), (.nan, "-"), (.infinity, "-"),
        ] as [(Double, String)]
    )
    func percent(fraction: Double, text: String) { #expect(Figures.percent(fraction) == text) }

    @Test(
        "tell rates",
        arguments: [(3_456, "3,456/s"), (0, "0/s"), (0.4, "0.4/s"), (9.97, "10/s"), (.nan, "-")] as [(Double, String)])
    func rate(value: Double, text: String) { #expect(Figures.rate(value) == text) }

    @Test("bear every number there is", arguments: Hostile.doubles)
    func hostileDoubles(value: Double) {
        for text in [
            Figures.short(value), Figures.rate(value), Figures.shortRate(value), Figures.percent(value),
        ] { #expect(!text.isEmpty) }
        #expect(Figures.short(min(max(value, -1e18), 1e18)).count <= 6)
    }

    @Test("bear every integer there is", arguments: Hostile.integers)
    func hostileIntegers(value: Int) {
        for text in [
            Figures.count(value), Figures.bytes(value), Figures.duration(nanoseconds: value),
            Figures.span(.nanoseconds(value)),
        ] { #expect(!text.isEmpty) }
    }
}
