#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file, or standard input, opened for reading. Whoever opens it closes it, if it is not standard input.
struct OpenedInput {
    /// For people.
    let name: String
    let descriptor: Int32

    /// In bytes; nothing where it is not known.
    let size: Int?

    /// - Parameter path: `-` for standard input.
    /// - Throws: ``CommandFailure`` when it cannot be opened, or standard input is taken by the script that the command
    ///   stands in.
    init(_ path: String) throws {
        name = path == "-" ? "standard input" : path
        guard path != "-" else {
            guard !Invocation.current.isInputTaken else {
                throw CommandFailure(
                    .usage, "no-input",
                    "standard input is the script that this command stands in: put the input into a file and name it, "
                        + "or the commands into one (shell -f FILE)")
            }
            descriptor = 0
            size = nil
            return
        }
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .usage, "no-input", "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        var status = stat()
        let kind = unsafe fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        guard kind != S_IFDIR else {
            close(descriptor)
            throw CommandFailure(.usage, "no-input", "\(path) is a directory: name a file in it")
        }
        let isRegular = kind == S_IFREG
        size = isRegular ? Int(status.st_size) : nil
    }

    /// Returns when there is something to be read, or nothing will come any more. Who is interrupted does not wait for a
    /// pipe or a person that gives nothing.
    static func wait(for descriptor: Int32) throws {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&polled, 1, 100) <= 0 { try Interrupts.check() }
    }
}
