import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The bytes of a file or of standard input, as they are, piece by piece.
final class InputPieces: Sendable {
    private static let pieceBytes = 256 * 1_024

    private struct Counts {
        var bytes = 0
        var lines = 0
        var isAtEnd = false
    }

    private let descriptor: Int32
    private let name: String
    private let size: Int?
    private let counts = Mutex(Counts())

    /// - Parameter path: `-` for standard input.
    /// - Throws: ``CommandFailure`` when it cannot be opened.
    init(_ path: String) throws {
        let input = try OpenedInput(path)
        (name, descriptor, size) = (input.name, input.descriptor, input.size)
    }

    deinit { if descriptor != 0 { close(descriptor) } }

    /// The next piece; nothing at the end. It blocks.
    ///
    /// - Throws: ``CommandFailure``.
    func next() throws -> [UInt8]? {
        if size == nil { try OpenedInput.wait(for: descriptor) }
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        var count = unsafe read(descriptor, &piece, piece.count)
        while count < 0, errno == EINTR {
            try Task.checkCancellation()
            count = unsafe read(descriptor, &piece, piece.count)
        }
        guard count >= 0 else {
            throw CommandFailure(
                .failed, "bad-input", "\(name) cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        piece.removeLast(piece.count - count)
        counts.withLock { counts in
            counts.bytes += count
            counts.lines += piece.count { $0 == UInt8(ascii: "\n") }
            counts.isAtEnd = count == 0
        }
        return count == 0 ? nil : piece
    }

    /// How many lines have been read, and how many there will be, going by how much of the file they have taken.
    var progress: (done: Int, total: Int?) {
        counts.withLock { counts in
            guard let size, counts.bytes > 0, !counts.isAtEnd else { return (counts.lines, nil) }
            return (counts.lines, Int(Double(counts.lines) * Double(size) / Double(counts.bytes)))
        }
    }
}
