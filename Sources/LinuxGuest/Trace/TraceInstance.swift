public import Platform

/// One write into a tracing instance of our own, so that all of them can be shown before any is done.
public enum InstanceWrite: Sendable, Hashable, CustomStringConvertible {
    /// The instance is made.
    case create(InstanceDirectory)
    /// One of its settings is written.
    case setting(InstanceDirectory, file: String, text: String)
    /// The instance is removed.
    case remove(InstanceDirectory)

    /// The same as a shell would do it.
    public var description: String {
        switch self {
        case .create(let directory): "mkdir \(directory.path)"
        case .setting(let directory, let file, let text): "echo '\(text)' > \(directory.path)/\(file)"
        case .remove(let directory): "rmdir \(directory.path)"
        }
    }

    /// Does it.
    public func perform() throws(SystemError) {
        switch self {
        case .create(let directory): try directory.create()
        case .setting(let directory, let file, let text): try directory.write(text, to: file)
        case .remove(let directory): try directory.remove()
        }
    }
}

/// What high-rate tracing is to do.
public struct TraceOptions: Sendable, Hashable {
    /// The tracepoints, by name.
    public var events: [String] = TracePlan.signals
    /// The channels; none for all.
    public var relids: [UInt32] = []
    /// KiB of buffer for each processor.
    public var bufferKilobytes = 1024

    /// As when nothing is said.
    public init() {}
}

/// A tracing instance of our own: every write that it takes, in order, and those that take it back (ecosystem §3.4).
public struct TraceInstance: Sendable {
    /// Its directory.
    public let directory: InstanceDirectory
    /// What its records hold.
    public let formats: [TraceFormat]
    /// The writes that make it and switch it on.
    public let begin: [InstanceWrite]
    /// The writes that switch it off and remove it.
    public var end: [InstanceWrite] { Self.end(of: directory) }

    /// Plans an instance; nothing is written.
    ///
    /// - Throws: what stands in the way.
    public init(_ files: TracingFiles, name: TraceInstanceName, _ options: TraceOptions) throws(TracingObstacle) {
        let root = try files.root()
        let directory: InstanceDirectory
        do throws(SystemError) {
            directory = try InstanceDirectory(instances: "\(root)/instances", name: name.description)
        } catch {
            throw TracingObstacle("\(error)")
        }
        var formats: [TraceFormat] = []
        for event in options.events {
            formats.append(try files.format(TracePlan.system(of: event), event, below: root))
        }
        var begin: [InstanceWrite] = [
            .create(directory),
            .setting(directory, file: "trace_clock", text: "mono"),
            .setting(directory, file: "buffer_size_kb", text: "\(options.bufferKilobytes)"),
            .setting(directory, file: "buffer_percent", text: "0"),
        ]
        for format in formats where !options.relids.isEmpty {
            guard let field = ["relid", "child_relid"].first(where: { format.field($0) != nil }),
                let filter = TracePlan.filter(field, anyOf: options.relids)
            else {
                throw TracingObstacle("\(format.event) does not tell the relid; leave --relid or that event out")
            }
            begin.append(
                .setting(directory, file: "events/\(format.system)/\(format.event)/filter", text: filter))
        }
        for format in formats {
            begin.append(.setting(directory, file: "events/\(format.system)/\(format.event)/enable", text: "1"))
        }
        self.directory = directory
        self.formats = formats
        self.begin = begin
    }

    /// The writes that take an instance back.
    public static func end(of directory: InstanceDirectory) -> [InstanceWrite] {
        [.setting(directory, file: "events/enable", text: "0"), .remove(directory)]
    }

    /// Takes an instance back, however much of it there is.
    ///
    /// - Throws: why it is still there.
    public static func remove(_ directory: InstanceDirectory) throws(SystemError) {
        var failure: SystemError?
        for write in end(of: directory) {
            do throws(SystemError) {
                try write.perform()
                failure = nil
            } catch {
                failure = error
            }
        }
        if let failure, failure.symbol != "ENOENT" { throw failure }
    }

    /// The instances that dead programs of ours have left behind.
    ///
    /// - Throws: where tracefs cannot be had.
    public static func leftovers(_ files: TracingFiles) throws(TracingObstacle) -> [InstanceDirectory] {
        let root = try files.root()
        var directories: [InstanceDirectory] = []
        for name in files.leftovers(below: root) {
            if let directory = try? InstanceDirectory(instances: "\(root)/instances", name: name) {
                directories.append(directory)
            }
        }
        return directories
    }
}
