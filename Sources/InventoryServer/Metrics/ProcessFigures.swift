import FoundationEssentials
import InventoryKit

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the kernel knows of this process, by the names that Prometheus' own clients use.
enum ProcessFigures {
    private static let startedAt = SystemClock().now()

    /// To be called when the process begins, so that it is known when that was.
    static func begin() { _ = startedAt }

    static func add(to metrics: inout MetricsText) {
        metrics.family("process_resident_memory_bytes", .gauge, "Memory of the process.", UInt64(max(0, residentBytes)))
        // POSIX has it count microseconds. What getrusage(2) fills in an optimised build does not let this file read.
        let seconds = Double(clock()) / 1_000_000
        metrics.family("process_cpu_seconds_total", .counter, "Processor time of the process.", [([], seconds)])
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            metrics.family("process_open_fds", .gauge, "Open files and connections.", UInt64(files))
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            metrics.family("process_max_fds", .gauge, "Files and connections at most.", UInt64(limit.rlim_cur))
        }
        metrics.family(
            "process_start_time_seconds", .gauge, "When the process began.",
            [([], Double(startedAt.milliseconds) / 1_000)])
        metrics.family(
            "inventoryd_build_info", .gauge, "The release.", [([("version", Release.version)], 1)])
    }

    /// What proc(5) says of this process; 0 where there is no such file.
    static var residentBytes: Int64 {
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/self/statm")) else { return 0 }
        let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int64(fields[1]) ?? 0) &* Int64(getpagesize()) : 0
    }
}
