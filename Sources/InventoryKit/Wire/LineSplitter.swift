/// Cuts bytes that arrive in pieces into lines.
package struct LineSplitter {
    /// The longest line, in bytes: what does not end by then is no line, and is not kept in memory.
    private let limit: Int
    private var buffer: [UInt8] = []

    /// Where the next line begins, and how far no end of it was found.
    private var start = 0
    private var searched = 0

    package init(limit: Int) {
        self.limit = limit
    }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        buffer.removeFirst(start)
        searched -= start
        start = 0
        buffer.append(contentsOf: bytes)
    }

    /// The next line that is complete, without its end; `nil` where none is yet.
    ///
    /// - Throws: ``InvalidValue`` when the line is too long.
    package mutating func next() throws(InvalidValue) -> [UInt8]? {
        guard let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = buffer.count
            guard buffer.count - start <= limit else { throw tooLong }
            return nil
        }
        guard end - start <= limit else { throw tooLong }
        defer {
            start = end + 1
            searched = start
        }
        return Array(buffer[start..<end])
    }

    /// What came after the last end of a line.
    package var rest: [UInt8] { Array(buffer[start...]) }

    private var tooLong: InvalidValue { InvalidValue("is longer than \(limit) bytes") }
}
