import Testing

@testable import invctl

@Suite("Progress")
struct ProgressTests {
    private let half = Progress("seed", done: 43_000, total: 100_000, elapsed: .seconds(2), perSecond: 21_400)

    @Test("is a bar with how many, how fast and how long still")
    func bar() {
        let text = half.bar(width: 80).plain
        #expect(text == "seed  [########>              ]   43 %   43,000/100,000   21,400/s  ETA 3 s")
        #expect(half.plainLine.plain == "seed  43 %  43,000/100,000  21,400/s  ETA 3 s")
    }

    @Test("is a count and a rate when nobody knows the end")
    func open() {
        let progress = Progress("import", done: 43_000, elapsed: .seconds(2))
        #expect(progress.plainLine.plain == "import  43,000  21,500/s")
        #expect(progress.timeLeft == nil)
    }

    @Test("reaches 100 % at the end and not before")
    func end() {
        let almost = Progress("seed", done: 99_999, total: 100_000, elapsed: .seconds(4))
        #expect(almost.bar(width: 80).plain.contains(" 99 %"))
        let end = Progress("seed", done: 100_000, total: 100_000, elapsed: .milliseconds(4_670))
        #expect(end.plainLine.plain == "seed  100 %  100,000/100,000  21,413/s  in 4.67 s")
        #expect(Progress("seed", done: 0, total: 0, elapsed: .zero).isComplete)
    }

    @Test("fits every width and bears every figure", arguments: Hostile.integers)
    func hostile(number: Int) {
        for total in [nil] + Hostile.integers.map(Optional.some) {
            for rate in [nil, 0, .nan, .infinity, -1, 1e-300, 1e300] as [Double?] {
                for elapsed in [Duration.zero, .seconds(3), .seconds(-3), .seconds(Int64.max)] {
                    let progress = Progress("sēed", done: number, total: total, elapsed: elapsed, perSecond: rate)
                    for width in [0, 1, 20, 80] { #expect(progress.bar(width: width).width <= width) }
                    #expect(!progress.plainLine.plain.isEmpty)
                }
            }
        }
    }

    @Test("tells in lines the beginning, every tenth, every five seconds, and the end once")
    func lines() {
        func at(_ done: Int, _ seconds: Int, of total: Int? = 100) -> Progress {
            Progress("seed", done: done, total: total, elapsed: .seconds(seconds))
        }
        #expect(at(0, 0).isDue(after: nil))
        #expect(!at(9, 1).isDue(after: at(0, 0)))
        #expect(at(10, 1).isDue(after: at(9, 1)))
        #expect(!at(19, 2).isDue(after: at(10, 1)))
        #expect(at(11, 6).isDue(after: at(10, 1)))
        #expect(at(100, 6).isDue(after: at(99, 6)))
        #expect(!at(100, 60).isDue(after: at(100, 6)))
        #expect(!at(500, 4, of: nil).isDue(after: at(0, 0, of: nil)))
        #expect(at(500, 5, of: nil).isDue(after: at(0, 0, of: nil)))
    }

    @Test("has the rate of the last seconds, not of all, however often it is noted")
    func window() throws {
        var window = RateWindow()
        #expect(window.perSecond == nil)
        window.note(done: 0, at: .zero)
        #expect(window.perSecond == nil)
        // Ten seconds at 1,000/s, then ten at 100/s, noted every millisecond.
        for millisecond in 1...20_000 {
            let done = min(millisecond, 10_000) + max(0, millisecond - 10_000) / 10
            window.note(done: done, at: .milliseconds(millisecond))
            if millisecond == 9_000 {
                let rate = try #require(window.perSecond)
                #expect(abs(rate - 1_000) < 1)
            }
        }
        let rate = try #require(window.perSecond)
        #expect(abs(rate - 100) < 1)
    }

    @Test("has no rate where time stands still or runs back")
    func clock() {
        var window = RateWindow()
        window.note(done: .min, at: .seconds(2))
        window.note(done: .max, at: .seconds(2))
        #expect(window.perSecond == nil)
        window.note(done: .max, at: .seconds(1))
        #expect(window.perSecond == nil)
    }
}
