/// What a machine tells about itself besides its files. A copied tree has none of it: only the machine that the program runs on.
///
/// All of it only asks; nothing here changes anything.
public protocol MachineProbe: Sendable {
    /// The CPUID instruction on whatever processor this runs on; nil on processors that have none.
    func processorIdentification(leaf: UInt32) -> ProcessorIdentification?

    /// The counters of a network interface's driver, as `ethtool -S` prints them, in the driver's order.
    ///
    /// - Throws: What the system said; `EOPNOTSUPP` for an interface that has none, `ETIMEDOUT` while the kernel does not answer.
    func interfaceCounters(_ interface: String) throws(SystemError) -> [InterfaceCounter]

    /// The kernel's log from its oldest record on.
    ///
    /// - Throws: What the system said; `EPERM` where the log is kept from ordinary users.
    func openKernelLog() throws(SystemError) -> any KernelLogReader
}

/// The four registers that CPUID fills in.
public struct ProcessorIdentification: Sendable, Hashable {
    /// EAX.
    public var eax: UInt32
    /// EBX.
    public var ebx: UInt32
    /// ECX.
    public var ecx: UInt32
    /// EDX.
    public var edx: UInt32

    /// Four registers.
    public init(eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
        (self.eax, self.ebx, self.ecx, self.edx) = (eax, ebx, ecx, edx)
    }
}

/// One counter of a network interface's driver.
public struct InterfaceCounter: Sendable, Hashable {
    /// The driver's name for it; it may hold any bytes but zero.
    public var name: String
    /// Its value.
    public var count: UInt64

    /// A counter.
    public init(_ name: String, _ count: UInt64) {
        (self.name, self.count) = (name, count)
    }
}

/// An open kernel log.
public protocol KernelLogReader: Sendable {
    /// The next record as `/dev/kmsg` gives it, `priority,sequence,microseconds,flags;text` and what may follow; nil if there is
    /// none now.
    ///
    /// - Throws: What the system said; `EPIPE` where records were overwritten before they were read, after which the next call goes on
    ///   with the oldest that is there.
    func next() throws(SystemError) -> [UInt8]?
}
