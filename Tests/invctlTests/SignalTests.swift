import Testing

/// What meets signals of the whole process, one after the other: a signal that one test sends itself would reach another.
@Suite("With signals", .serialized)
enum SignalTests {}
