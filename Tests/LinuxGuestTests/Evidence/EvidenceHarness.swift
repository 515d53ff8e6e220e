import BusModel
import Glibc
import Platform
import Synchronization
import VMBusWire

@testable import LinuxGuest

/// A machine whose answers a test chooses.
final class InjectedMachine: MachineProbe {
    /// What the log gives next.
    enum LogEntry: Sendable {
        case record(String)
        case failure(Int32)
    }

    private struct State {
        var leaves: [UInt32: ProcessorIdentification] = [:]
        var counters: [String: Result<[InterfaceCounter], SystemError>] = [:]
        var log: Result<[LogEntry], SystemError> = .failure(SystemError(call: "open", code: EPERM))
        var asked: [String] = []
    }

    private let state = Mutex(State())

    /// What CPUID gives for a leaf.
    func put(leaf: UInt32, _ registers: ProcessorIdentification) { state.withLock { $0.leaves[leaf] = registers } }

    /// The counters of an interface.
    func put(_ interface: String, _ counters: [InterfaceCounter]) {
        state.withLock { $0.counters[interface] = .success(counters) }
    }

    /// Why there are no counters of an interface.
    func refuse(_ interface: String, _ code: Int32) {
        state.withLock { $0.counters[interface] = .failure(SystemError(call: "ioctl", code: code)) }
    }

    /// Adds to the log, which can be opened from then on.
    func log(_ entries: LogEntry...) {
        state.withLock { $0.log = .success(((try? $0.log.get()) ?? []) + entries) }
    }

    /// Why the log cannot be opened.
    func refuseLog(_ code: Int32) {
        state.withLock { $0.log = .failure(SystemError(call: "open", code: code)) }
    }

    /// What was asked so far.
    var asked: [String] { state.withLock { $0.asked } }

    func processorIdentification(leaf: UInt32) -> ProcessorIdentification? {
        state.withLock { state in
            state.asked.append("leaf \(leaf)")
            return state.leaves[leaf]
        }
    }

    func interfaceCounters(_ interface: String) throws(SystemError) -> [InterfaceCounter] {
        let result = state.withLock { state in
            state.asked.append("counters \(interface)")
            return state.counters[interface] ?? .failure(SystemError(call: "ioctl", code: EOPNOTSUPP))
        }
        return try result.get()
    }

    func openKernelLog() throws(SystemError) -> any KernelLogReader {
        _ = try state.withLock { $0.log }.get()
        return Reader(machine: self)
    }

    private final class Reader: KernelLogReader {
        private let machine: InjectedMachine

        init(machine: InjectedMachine) { self.machine = machine }

        func next() throws(SystemError) -> [UInt8]? {
            let entry: LogEntry? = machine.state.withLock { state in
                guard case .success(let entries) = state.log, let first = entries.first else { return nil }
                state.log = .success(Array(entries.dropFirst()))
                return first
            }
            switch entry {
            case .record(let text): return Array(text.utf8)
            case .failure(let code): throw SystemError(call: "read", code: code)
            case nil: return nil
            }
        }
    }
}

/// A guest that is looked at once a second, with what follows from all that was told.
struct EvidenceWatch {
    private(set) var snapshot = BusSnapshot()
    private(set) var records: [FlowBatch] = []
    private var source: LinuxGuestSource
    private let clock: SteppedClock

    init(_ files: any FileLayer, machine: (any MachineProbe)? = nil) {
        let clock = SteppedClock()
        self.clock = clock
        source = LinuxGuestSource(
            files: files, evidence: EvidenceCollector(files: files, machine: machine), clock: { clock.now })
    }

    /// Looks after so much more time: what was told, except of the bus itself.
    @discardableResult
    mutating func look(after milliseconds: UInt64 = 1000) throws -> [AttributeReading] {
        clock.advance(milliseconds)
        let batch = try source.advance(.steps(1))
        snapshot.apply(batch)
        records.append(batch)
        return batch.headers.indices.flatMap { index -> [AttributeReading] in
            let header = batch.headers[index]
            guard header.kind == .sample, header.relid == 0 else { return [] }
            return (try? AttributeList.decode(batch.payload(of: header)))?.readings ?? []
        }
    }

    /// What is known of the guest.
    var guest: Evidence { snapshot.partition(1)?.evidence ?? Evidence() }

    /// What is known of a device.
    func device(_ name: String = SampleGuest.instance) -> Evidence {
        GUID(name).flatMap { snapshot.device(1, $0)?.evidence } ?? Evidence()
    }

    /// The lines of the kernel's log so far.
    var logged: [KernelLogRecord] {
        records.flatMap { batch in
            batch.headers.filter { $0.kind == .kernelLog }.compactMap {
                try? KernelLogRecord.decode(batch.payload(of: $0))
            }
        }
    }
}

/// A clock that stands until it is told to go on.
final class SteppedClock: Sendable {
    private let time = Mutex<UInt64>(0)

    var now: UInt64 { time.withLock { $0 } }

    func advance(_ milliseconds: UInt64) { time.withLock { $0 += milliseconds * 1_000_000 } }
}
