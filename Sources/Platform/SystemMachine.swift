import CLinux
import Glibc

/// The machine that this program runs on.
public final class SystemMachine: MachineProbe {
    private let interfaces = PatientQuestions<String, [InterfaceCounter]>(name: "interfaces") {
        interface throws(SystemError) in try InterfaceCounters.read(interface)
    }

    /// How long the counters of an interface are waited for, once: they need a lock that a stuck driver may hold for ever.
    private static let patience = Duration.seconds(2)

    /// The machine.
    public init() {}

    /// The CPUID instruction.
    public func processorIdentification(leaf: UInt32) -> ProcessorIdentification? {
        var registers: [UInt32] = [0, 0, 0, 0]
        guard cl_processor_identification(leaf, &registers) != 0 else { return nil }
        return ProcessorIdentification(eax: registers[0], ebx: registers[1], ecx: registers[2], edx: registers[3])
    }

    /// The counters of an interface's driver, asked for on a thread of its own.
    public func interfaceCounters(_ interface: String) throws(SystemError) -> [InterfaceCounter] {
        try interfaces.ask(interface, patience: Self.patience)
    }

    /// `/dev/kmsg`, opened to read and never waited for.
    public func openKernelLog() throws(SystemError) -> any KernelLogReader {
        try KernelLogDevice(path: "/dev/kmsg")
    }
}

/// The kernel's log as a device.
private final class KernelLogDevice: KernelLogReader {
    private let descriptor: OwnedDescriptor

    /// No record is longer (`PRINTK_MESSAGE_MAX` and its dictionary).
    private static let longestRecord = 8192

    init(path: String) throws(SystemError) {
        descriptor = try OwnedDescriptor(
            checking: open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY), "open", path: path)
        guard lseek(descriptor.rawValue, 0, SEEK_SET) == 0 else { throw SystemError.last("lseek", path: path) }
    }

    func next() throws(SystemError) -> [UInt8]? {
        let record = try descriptor.read(atMost: Self.longestRecord)
        return record?.isEmpty == true ? nil : record
    }
}
