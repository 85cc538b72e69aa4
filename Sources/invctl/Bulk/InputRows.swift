import InventoryKit

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The rows of a file or of standard input, read as they are needed, in constant memory.
final class InputRows<Maker: RowMaker> {
    private static var pieceBytes: Int { 65_536 }

    let descriptor: Int32
    private let name: String
    private let size: Int?
    private var reader: RowReader<Maker>
    private var isAtEnd = false
    private var bytesRead = 0

    /// - Parameter path: `-` for standard input.
    /// - Throws: ``CommandFailure`` when it cannot be opened.
    init(_ path: String, _ maker: Maker) throws {
        reader = RowReader(maker)
        let input = try OpenedInput(path)
        (name, descriptor, size) = (input.name, input.descriptor, input.size)
    }

    deinit { if descriptor != 0 { close(descriptor) } }

    /// - Throws: ``CommandFailure`` when the file as a whole cannot be read.
    func next() throws -> Result<Maker.Row, RowFault>? {
        while true {
            do {
                if let row = try reader.next() { return row }
            } catch let error { throw CommandFailure(.usage, "bad-input", "\(name): \(error.detail)") }
            guard !isAtEnd else { return nil }
            try readPiece()
        }
    }

    /// How many there will be, going by how much of the file so many have taken; nothing where its size is not known.
    func estimate(of done: Int) -> Int? {
        guard let size, bytesRead > 0, size > 0 else { return nil }
        return isAtEnd && bytesRead >= size ? nil : Int(Double(done) * Double(size) / Double(bytesRead))
    }

    private func readPiece() throws {
        if size == nil { try OpenedInput.wait(for: descriptor) }
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        let count = unsafe read(descriptor, &piece, piece.count)
        guard count >= 0 else {
            guard errno == EINTR else {
                throw CommandFailure(
                    .failed, "bad-input", "\(name) cannot be read: \(unsafe String(cString: strerror(errno)))")
            }
            return try Interrupts.check()
        }
        bytesRead += count
        if count == 0 {
            isAtEnd = true
            reader.finish()
        } else {
            reader.append(piece[..<count])
        }
    }
}
