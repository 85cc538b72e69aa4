import InventoryKit
import TestSupport
import Testing

private let moments: [(String, Int64)] = [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("2000-02-29T23:59:59.999Z", 951_868_799_999),
    ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2026-01-31T12:00:00Z", 1_769_860_800_000),
    ("2038-01-19T03:14:08Z", 2_147_483_648_000), ("2100-03-01T00:00:00Z", 4_107_542_400_000),
    ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    // With offsets: the first is an example of RFC 3339, section 5.8.
    ("1996-12-19T16:39:57-08:00", 851_042_397_000), ("2026-01-31T13:30:00+01:30", 1_769_860_800_000),
    ("2026-01-31T12:00:00-00:00", 1_769_860_800_000), ("2026-02-01T11:59:00+23:59", 1_769_860_800_000),
    ("1970-01-01T01:00:00+01:00", 0), ("9999-12-31T22:59:59.999-01:00", 253_402_300_799_999),
    // The letters may be lower case.
    ("2026-01-31t12:00:00z", 1_769_860_800_000),
    // A leap second is the first of the next minute, as in POSIX time.
    ("2016-12-31T23:59:60Z", 1_483_228_800_000),
]

private let bad = [
    "", "2026", "2026-01-31", "12:00:00Z", "now",
    // No such day.
    "2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z", "2026-02-30T12:00:00Z", "2024-02-30T12:00:00Z",
    "2026-04-31T12:00:00Z", "2026-01-32T12:00:00Z", "2026-01-00T12:00:00Z", "2026-00-10T12:00:00Z",
    "2026-13-10T12:00:00Z",
    // No such time.
    "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z", "2026-01-31T25:00:00Z",
    // No zone, or no such zone.
    "2026-01-31T12:00:00", "2026-01-31T12:00:00.000", "2026-01-31T12:00:00+01", "2026-01-31T12:00:00+0100",
    "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+01:60", "2026-01-31T12:00:00 +01:00", "2026-01-31T12:00:00+1:00",
    "2026-01-31T12:00:00UTC", "2026-01-31T12:00:00ZZ", "2026-01-31T12:00:00Z+01:00", "2026-01-31T12:00:00+01:00Z",
    // Not of this form.
    "2026-1-31T12:00:00Z", "26-01-31T12:00:00Z", "2026-01-31T12:00Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00,5Z",
    "2026/01/31T12:00:00Z", "20260131T120000Z", " 2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z ",
    "+2026-01-31T12:00:00Z", "-026-01-31T12:00:00Z", "2026-01-31T12:00:-1Z", "２026-01-31T12:00:00Z",
    "2026-01-31T12:00:00Z\u{0}",
    // Out of range, some only after their offset.
    "1969-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "1970-01-01T00:59:59+01:00",
    "9999-12-31T23:00:00-01:00", "9999-12-31T23:59:60Z",
]

@Suite("A time")
struct TimestampTests {
    @Test("is read from RFC 3339 with any offset", arguments: moments)
    func read(text: String, milliseconds: Int64) throws {
        let time = try Timestamp(rfc3339: text)
        #expect(time.milliseconds == milliseconds)
    }

    @Test("is no other text", arguments: bad)
    func refused(text: String) {
        #expect(throws: InvalidValue.self) { try Timestamp(rfc3339: text) }
    }

    @Test(
        "drops what is past the millisecond, and never rounds up",
        arguments: [
            ("0", 0), ("1", 100), ("12", 120), ("123", 123), ("1239", 123), ("999999999", 999), ("0009", 0),
        ] as [(String, Int64)]
    )
    func fraction(digits: String, milliseconds: Int64) throws {
        let time = try Timestamp(rfc3339: "2026-01-31T12:00:00.\(digits)Z")
        #expect(time.milliseconds == noon.milliseconds + milliseconds)
    }

    @Test(
        "is written in UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"), (1_769_860_800_000, "2026-01-31T12:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)]
    )
    func written(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
    }

    @Test(
        "knows leap years",
        arguments: [(1_996, true), (1_999, false), (2_000, true), (2_026, false), (2_100, false), (2_400, true)]
    )
    func leapYears(year: Int, isLeap: Bool) {
        let leapDay = try? Timestamp(rfc3339: "\(year)-02-29T00:00:00Z")
        #expect((leapDay != nil) == isLeap)
    }

    /// Compares with a calendar that counts day by day, by the rule as people say it.
    @Test("agrees with the calendar on every day until 2110")
    func everyDay() throws {
        var disagreements: [String] = []
        var milliseconds: Int64 = 0
        for year in 1_970...2_110 {
            let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
            for (month, days) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                for day in 1...days {
                    let text = "\(year)-\(twoDigits(month + 1))-\(twoDigits(day))T00:00:00.000Z"
                    let time = Timestamp(milliseconds: milliseconds)
                    let read = try? Timestamp(rfc3339: text)
                    if time.rfc3339 != text || read != time { disagreements.append(text) }
                    milliseconds += 86_400_000
                }
            }
        }
        #expect(disagreements.prefix(3).isEmpty)
    }

    private func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    @Test("written and read again is the same, and texts sort as times do", arguments: seeds)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<1_000 {
            let time = Timestamp(milliseconds: random.int64(0...253_402_300_799_999))
            let read = try Timestamp(rfc3339: time.rfc3339)
            #expect(read == time, "seed \(seed), \(time.milliseconds)")
            let other = Timestamp(milliseconds: random.int64(0...253_402_300_799_999))
            #expect((time < other) == (time.rfc3339 < other.rfc3339), "seed \(seed), \(time.rfc3339), \(other.rfc3339)")
        }
    }

    @Test("means the same whatever offset it is written with", arguments: seeds)
    func offsets(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            // A day away from both ends, so that the local time stays in range.
            let time = Timestamp(milliseconds: random.int64(86_400_000...253_402_214_400_000))
            let minutes = random.int(-1_439...1_439)
            let local = Timestamp(milliseconds: time.milliseconds + Int64(minutes) * 60_000)
            let offset = "\(twoDigits(abs(minutes) / 60)):\(twoDigits(abs(minutes) % 60))"
            let text = "\(local.rfc3339.dropLast())\(minutes < 0 ? "-" : "+")\(offset)"
            let read = try Timestamp(rfc3339: text)
            #expect(read == time, "seed \(seed), \(text)")
        }
    }

    @Test("is never a crash, whatever the text", arguments: seeds)
    func fuzz(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let original = Array("2026-01-31T12:00:00.000+01:00".utf8)
        for _ in 0..<1_000 {
            var bytes = original
            for _ in 0...random.int(0...3) {
                bytes[random.int(0...bytes.count - 1)] = random.pick(Array("0129:-+.TZ \u{7F}".utf8))
            }
            let text = String(decoding: bytes.prefix(random.int(0...bytes.count)), as: UTF8.self)
            // What is read is within range; what is not is refused without a trap.
            if let time = try? Timestamp(rfc3339: text) {
                #expect((0...253_402_300_799_999).contains(time.milliseconds), "seed \(seed), \(text)")
            }
        }
    }
}
