import Testing

@testable import invctl

@Suite("A sparkline")
struct SparklineTests {
    @Test("has the newest at the right and gaps where nothing was measured")
    func course() {
        #expect(Sparkline([0, 1, 2, 3, 4, 5, 6, 7]).line(width: 8, utf8: true) == "▁▂▃▄▅▆▇█")
        #expect(Sparkline([0, 1, 2, 3, 4, 5, 6, 7]).line(width: 3, utf8: true) == "▆▇█")
        #expect(Sparkline([nil, 7, .nan, 0]).line(width: 6, utf8: true) == "   █ ▁")
        #expect(Sparkline([0, 1, 2, 3, 4, 5, 6, 7]).line(width: 8, utf8: false) == "_.:-=+*#")
    }

    @Test("draws zeros, and one value as its own measure")
    func flat() {
        #expect(Sparkline([0, 0]).line(width: 2, utf8: true) == "▁▁")
        #expect(Sparkline([5]).line(width: 3, utf8: true) == "  █")
        #expect(Sparkline([0.5], top: 1).line(width: 1, utf8: true) == "▅")
        #expect(Sparkline([]).line(width: 3, utf8: true) == "   ")
        #expect(Sparkline([1]).line(width: 0, utf8: true) == "")
    }

    @Test("fills a chart from below")
    func chart() {
        #expect(Sparkline([0, 15]).rows(width: 2, height: 2, utf8: true) == [" █", "▁█"])
        #expect(Sparkline([7, 15]).rows(width: 2, height: 2, utf8: true) == [" █", "██"])
        #expect(Sparkline([1]).rows(width: 2, height: -1, utf8: true).isEmpty)
    }

    @Test("has exactly its width, whatever the values", arguments: [true, false])
    func hostile(utf8: Bool) {
        for top in [nil] + Hostile.doubles.map(Optional.some) {
            for width in [0, 1, 5, 40] {
                let rows = Sparkline(Hostile.doubles, top: top).rows(width: width, height: 3, utf8: utf8)
                #expect(rows.map(displayWidth) == [width, width, width])
            }
        }
    }
}
