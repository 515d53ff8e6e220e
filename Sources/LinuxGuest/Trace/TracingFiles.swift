public import BusModel
public import Platform

/// Why the bus cannot be traced: what is missing and what would give it, in one sentence.
public struct TracingObstacle: Error, Sendable, Hashable, CustomStringConvertible {
    /// What and what to do.
    public let description: String
    /// Whether a right is what is missing.
    public let isPermission: Bool

    /// An obstacle.
    public init(_ description: String, isPermission: Bool = false) {
        self.description = description
        self.isPermission = isPermission
    }
}

/// The kernel's tracing files, read only: where they are, what stands in the way, and what tracepoints hold.
///
/// Nothing is mounted: tracefs is looked for where it usually is and in the list of mounts (ecosystem §3.4).
public struct TracingFiles: Sendable {
    private let files: any FileLayer

    /// The tracing files among a guest's.
    public init(files: any FileLayer) { self.files = files }

    /// Where tracefs usually is.
    static let usualPlace = "/sys/kernel/tracing"
    private static let usualPlaces = [usualPlace, "/sys/kernel/debug/tracing"]
    /// More bytes than the first part of a `format` file that names all fields.
    private static let formatLimit = 64 << 10

    // MARK: The way to it

    /// The directory of tracefs.
    public func root() throws(TracingObstacle) -> String {
        var denied: SystemError?
        for place in Self.usualPlaces + mountedPlaces {
            do throws(SystemError) {
                if try files.kind(of: place + "/events") == .directory { return place }
            } catch {
                if error.isPermission { denied = denied ?? error }
            }
        }
        if let denied {
            if let lockdown, lockdown != "none" {
                throw TracingObstacle(
                    "tracefs may not be read (\(denied.symbol)) and the kernel is locked down (\(lockdown)); "
                        + "without lockdown=confidentiality root may read it", isPermission: true)
            }
            throw TracingObstacle(
                "tracefs may not be read (\(denied.symbol) at \(PrintableText.harmless(denied.path ?? "tracefs"))); "
                    + "run it as root, or mount tracefs with gid= and mode= for a group of yours", isPermission: true)
        }
        guard (try? files.kind(of: Self.usualPlaces[0])) == .directory else {
            throw TracingObstacle("this kernel has no tracefs; one built with CONFIG_TRACING has it")
        }
        throw TracingObstacle("tracefs is not mounted; 'mount -t tracefs nodev /sys/kernel/tracing' mounts it")
    }

    /// Where the list of mounts says that tracefs is.
    private var mountedPlaces: [String] {
        guard let bytes = try? files.read("/proc/mounts", limit: 1 << 20) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count > 2 && words[2] == "tracefs" ? String(words[1]) : nil
        }
    }

    /// The mode of lockdown in force; nil for a kernel without it.
    private var lockdown: String? {
        guard let text = text("/sys/kernel/security/lockdown") else { return nil }
        return text.split { $0 == "[" || $0 == "]" }.dropFirst(text.hasPrefix("[") ? 0 : 1).first.map(String.init)
    }

    private func text(_ path: String) -> String? {
        (try? files.read(path, limit: 4096)).flatMap { try? AttributeText.text($0) }
    }

    // MARK: What stands in the way

    /// What keeps the control plane from being traced through perf; nil for nothing. It only looks.
    public func obstacle() -> TracingObstacle? {
        do throws(TracingObstacle) {
            let root = try root()
            _ = try format("hyperv", "vmbus_onoffer", below: root)
            return perfObstacle
        } catch {
            return error
        }
    }

    /// What perf asks for before it tells the bytes of a tracepoint's records.
    private var perfObstacle: TracingObstacle? {
        guard let paranoid = text("/proc/sys/kernel/perf_event_paranoid").flatMap({ Int($0) }) else {
            return TracingObstacle("this kernel has no perf events; one built with CONFIG_PERF_EVENTS has them")
        }
        guard paranoid > -1, !mayTrace else { return nil }
        return TracingObstacle(
            "perf events are refused (kernel.perf_event_paranoid is \(paranoid)); run it as root, or give the program "
                + "CAP_PERFMON", isPermission: true)
    }

    /// Whether the process has CAP_PERFMON (38) or CAP_SYS_ADMIN (21); it has where that cannot be told.
    private var mayTrace: Bool {
        guard let status = try? files.read("/proc/self/status", limit: 1 << 16) else { return true }
        for line in String(decoding: status, as: UTF8.self).split(separator: "\n") where line.hasPrefix("CapEff:") {
            guard let set = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) else { return true }
            return set >> 38 & 1 != 0 || set >> 21 & 1 != 0
        }
        return true
    }

    // MARK: Tracepoints

    /// What a tracepoint's records hold.
    ///
    /// - Throws: which file is missing or unreadable, and what would help.
    public func format(
        _ system: String, _ event: String, below root: String
    ) throws(TracingObstacle) -> TraceFormat {
        let path = "\(root)/events/\(system)/\(event)/format"
        let text: [UInt8]
        do throws(SystemError) {
            text = try files.read(path, limit: Self.formatLimit)
        } catch {
            if error.isPermission {
                throw TracingObstacle("\(path) may not be read (\(error.symbol)); run it as root", isPermission: true)
            }
            throw TracingObstacle(
                (try? files.kind(of: "\(root)/events/\(system)")) == .directory
                    ? "this kernel has no tracepoint \(system):\(event)"
                    : "there are no tracepoints of \(system): the module that brings them is not loaded "
                        + "(hyperv comes with hv_vmbus of Linux 4.15 and later, netvsc with hv_netvsc)")
        }
        do throws(FormatError) {
            return try TraceFormat(text, system: system)
        } catch {
            throw TracingObstacle("\(path): \(error); this kernel's form of it is not known here")
        }
    }

    /// The names of the tracepoints of a system, ordered; none where there are none.
    public func events(of system: String, below root: String) -> [String] {
        ((try? files.names(in: "\(root)/events/\(system)")) ?? []).filter {
            TraceFormat.isName($0) && $0 != "enable" && $0 != "filter"
        }
    }

    /// The processors that are online, as the kernel lists them.
    public func onlineProcessors() -> [Int] {
        guard let bytes = try? files.read("/sys/devices/system/cpu/online", limit: 4096),
            let list = try? CPUList.processors(bytes)
        else { return [0] }
        return list
    }

    // MARK: What was left behind

    /// Tracing instances of ours whose program is dead, by name; nothing where instances cannot be listed.
    public func leftovers(below root: String) -> [String] {
        ((try? files.names(in: "\(root)/instances")) ?? []).filter(isLeftover)
    }

    /// Whether an instance is one of ours whose program is dead.
    func isLeftover(_ name: String) -> Bool { TraceInstanceName(name).map { !isAlive($0) } ?? false }

    private func isAlive(_ owner: TraceInstanceName) -> Bool {
        guard let stat = try? files.read("/proc/\(owner.process)/stat", limit: 4096) else {
            // Processes that cannot be listed at all may be alive.
            return (try? files.kind(of: "/proc/self")) == nil
        }
        return TraceInstanceName.startTime(stat).map { $0 == owner.startTime } ?? true
    }

    /// What there is to say of tracing as evidence of the guest's partition: what stands in the way.
    public func readings() -> [AttributeReading] {
        [AttributeReading(.tracingObstacle, text: obstacle()?.description ?? "")]
    }
}

extension SystemError {
    /// Whether a right was missing.
    fileprivate var isPermission: Bool { symbol == "EACCES" || symbol == "EPERM" }
}
