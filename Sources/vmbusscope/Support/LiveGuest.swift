import BusModel
import Inspector
import LinuxGuest
import Platform

/// A live guest looked at from the main thread, for commands that print and have no screen to keep awake.
struct LiveGuest {
    private var source: LinuxGuestSource
    private let busPath: String
    /// What follows from all looks so far.
    private(set) var state: InspectorState

    /// The guest that the options name.
    init(_ options: SourceOptions) throws(CommandFailure) {
        source = try options.source()
        busPath = options.busPath
        state = InspectorState(capabilities: source.capabilities, title: source.title)
    }

    /// Looks once more.
    ///
    /// - Throws: `CommandFailure` if there is no bus, or if nothing of it may be read.
    mutating func look() throws(CommandFailure) {
        do throws(SourceError) {
            let batch = try source.advance(.steps(1))
            state.ingest(batch)
            if batch.isEmpty { state.look(at: MonotonicClock.now()) }
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        guard state.snapshot.busAvailable else { throw Self.noBus(busPath) }
        let guest = state.snapshot.partition(1)
        if guest?.devices.isEmpty != false, let problem = state.snapshot.problems.first(where: { $0.isPermission }) {
            throw Self.noPermission("\(busPath) (\(problem.error))")
        }
    }

    /// What is said where there is no bus.
    static func noBus(_ path: String) -> CommandFailure {
        CommandFailure(
            .noBus,
            "no VMBus here: \(path) does not exist; run it in a Hyper-V guest with hv_vmbus loaded, "
                + "or name a copied tree with --sysroot")
    }

    /// What is said where nothing may be read.
    static func noPermission(_ what: String) -> CommandFailure {
        CommandFailure(.permissionMissing, "\(what) may not be read; run it as root")
    }
}

extension SnapshotProblem {
    fileprivate var isPermission: Bool { error == "EACCES" || error == "EPERM" }
}
