#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How the process meets signals, and how it ends.
enum Interrupts {
    /// A pipe that nobody reads any more is an error like others, not a signal. Ctrl-C ends a command where it is: what
    /// loads and sells can be run again.
    static func watch() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// At once: there is nothing to be closed that the system does not close, and the event loops would take their time.
    static func exit(_ code: Int32) -> Never { _exit(code) }
}
