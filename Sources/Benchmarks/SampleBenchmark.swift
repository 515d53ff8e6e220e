import CRing
import Glibc
import LinuxGuest
import Platform

/// How fast the sampler looks at the channels of a guest, beside a bare loop in C of the same system calls; in processor time, as
/// a look is short and the machine may be busy.
public struct SampleBenchmark: Sendable {
    /// Slices of each contestant in each case.
    public var rounds: Int
    private let files: SystemFiles
    private let sysroot: String

    /// A benchmark on the guest below `sysroot`, or on this machine.
    public init(sysroot: String?, rounds: Int = 31) {
        self.rounds = rounds
        self.sysroot = sysroot ?? ""
        files = SystemFiles(sysroot: sysroot)
    }

    /// What is looked at.
    public enum Case: String, CaseIterable, Sendable {
        /// Every channel, as many with kept files as there may be.
        case all
    }

    /// Processor time for one file.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Channels that were looked at.
        public var channels: Int
        /// Files that were read at a look.
        public var files: Int
        /// How many of them were kept open.
        public var keptFiles: Int
        /// Our sampler.
        public var ours: SliceSummary
        /// The bare loop in C.
        public var c: SliceSummary
        /// Kernel memory (slab) that this machine's own sysfs takes for as many kept files, in KiB; nil where that cannot be told.
        public var slabKiB: Int?
    }

    /// Measures one case.
    public func measure(_ measured: Case) throws(BenchmarkFailure) -> Result {
        var sampler = LiveSampler(files: files)
        let everything = sampler.sweep()
        guard everything.busAvailable, everything.devices.contains(where: { $0.channels?.isEmpty == false }) else {
            throw BenchmarkFailure(
                description: "no channels in \(sysroot)/sys/bus/vmbus; name a guest's tree with --sysroot")
        }
        // From the second look on the files are kept, and files that this kernel does not have are known.
        _ = sampler.sweep()
        let loop = try BareLoop(sampler.swept, sysroot: sysroot, checksKind: !sysroot.isEmpty)
        let summaries = try InterleavedSlices(rounds: rounds).compare(2) { (contestant) throws(BenchmarkFailure) in
            let start = ProcessorClock.thread()
            if contestant == 0 {
                let scan = sampler.sweep()
                guard scan.busAvailable else { throw BenchmarkFailure(description: "the guest went away") }
            } else {
                try loop.run()
            }
            return Double(ProcessorClock.thread() - start) / Double(loop.fileCount)
        }
        return Result(
            case: measured, channels: loop.channelCount, files: loop.fileCount, keptFiles: loop.keptCount,
            ours: summaries[0], c: summaries[1], slabKiB: try Self.slabGrowth(loop.keptCount))
    }

    // MARK: Kernel memory

    /// How much kernel memory grows while so many files of this machine's sysfs are kept open and have been read: the median of
    /// several tries, as other programs use such memory as well.
    private static func slabGrowth(_ count: Int) throws(BenchmarkFailure) -> Int? {
        let path = "/sys/class/net/lo/statistics/rx_bytes"
        DescriptorLimit.makeRoom(for: count + 128)
        var growths: [Int] = []
        for _ in 0..<9 {
            guard let before = slab() else { return nil }
            var descriptors: [Int32] = []
            defer { for descriptor in descriptors { close(descriptor) } }
            var buffer = [UInt8](repeating: 0, count: 64)
            for _ in 0..<count {
                let descriptor = open(path, O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { return nil }
                descriptors.append(descriptor)
                _ = pread(descriptor, &buffer, buffer.count, 0)
            }
            guard let after = slab() else { return nil }
            growths.append(after - before)
        }
        return growths.sorted()[growths.count / 2]
    }

    /// Slab memory in KiB, as /proc/meminfo tells it.
    private static func slab() -> Int? {
        guard let bytes = try? SystemFiles().read("/proc/meminfo", limit: 1 << 16) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Slab:") }
            .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
    }
}

/// The files of a look, ready for the loop in C.
private final class BareLoop {
    let fileCount: Int
    let keptCount: Int
    let channelCount: Int
    private var directories: [csweep_directory] = []
    private var files: [csweep_file] = []
    private var strings: [UnsafeMutablePointer<CChar>] = []
    private let checksKind: Bool

    init(_ swept: [LiveSampler.SweptDirectory], sysroot: String, checksKind: Bool) throws(BenchmarkFailure) {
        self.checksKind = checksKind
        fileCount = swept.reduce(0) { $0 + $1.files.count }
        keptCount = swept.reduce(0) { $0 + ($1.isKept ? $1.files.count : 0) }
        channelCount = swept.count { $0.path.contains("/channels/") }
        for directory in swept {
            // Our sampler has followed the links before as well.
            guard let location = realpath(sysroot + directory.path, nil) else {
                throw BenchmarkFailure(description: "\(directory.path): \(SystemError.last("realpath"))")
            }
            strings.append(location)
            let first = files.count
            for name in directory.files {
                guard let text = strdup(name) else { throw BenchmarkFailure(description: "out of memory") }
                strings.append(text)
                var kept: Int32 = -1
                if directory.isKept {
                    kept = open(String(cString: location) + "/" + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                    guard kept >= 0 else {
                        throw BenchmarkFailure(description: "\(SystemError.last("open", path: directory.path))")
                    }
                }
                files.append(csweep_file(name: text, kept: kept))
            }
            directories.append(
                csweep_directory(path: location, first: first, count: files.count - first, is_kept: directory.isKept))
        }
    }

    deinit {
        for file in files where file.kept >= 0 { close(file.kept) }
        for string in strings { free(string) }
    }

    func run() throws(BenchmarkFailure) {
        guard csweep(directories, directories.count, files, checksKind) >= 0 else {
            throw BenchmarkFailure(description: "\(SystemError.last("the loop in C"))")
        }
    }
}
