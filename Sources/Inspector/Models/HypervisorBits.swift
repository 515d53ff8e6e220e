import BusModel

/// A bit that the hypervisor sets, in words (Hypervisor Top Level Functional Specification, feature and interface discovery).
struct HypervisorBit {
    /// Which bit.
    let place: UInt64
    /// What it is called.
    let name: String
    /// What it means, in plain words.
    let help: String

    private init(_ place: UInt64, _ name: String, _ help: String) {
        (self.place, self.name, self.help) = (place, name, help)
    }

    /// Whether it is set.
    func isSet(in word: UInt64) -> Bool { word >> place & 1 == 1 }

    /// What VMBus lives on; a partition without one of them has no bus, or a slow one.
    static let needed = [
        HypervisorBit(5, "Hypercalls", "may call the hypervisor"),
        HypervisorBit(2, "SynIC", "has the interrupt controller through which messages and events come"),
        HypervisorBit(6, "Processor index", "may ask which virtual processor it runs on"),
        HypervisorBit(36, "Post messages", "may post messages to the host"),
        HypervisorBit(37, "Signal events", "may signal the host that a ring has something for it"),
    ]

    /// What a guest may do besides.
    static let privileges = [
        HypervisorBit(0, "Run time", "may read how long a virtual processor has run"),
        HypervisorBit(1, "Reference counter", "may read the clock that host and guest share"),
        HypervisorBit(3, "Synthetic timers", "has timers that expire as messages or interrupts"),
        HypervisorBit(4, "APIC registers", "may reach the interrupt controller by fast registers"),
        HypervisorBit(7, "Reset register", "may reset itself"),
        HypervisorBit(8, "Statistics pages", "may map the hypervisor's statistics"),
        HypervisorBit(9, "Reference TSC", "may read the shared clock without leaving the guest"),
        HypervisorBit(10, "Guest idle", "may tell the hypervisor that it idles"),
        HypervisorBit(11, "Clock frequencies", "may read the frequencies of its clocks"),
        HypervisorBit(13, "Reenlightenment", "learns when it was moved to a host with another clock"),
        HypervisorBit(15, "Invariant TSC", "may declare its clock to be steady"),
        HypervisorBit(32, "Create partitions", "is a root partition, or may act as one"),
        HypervisorBit(38, "Create ports", "may receive what other partitions send"),
        HypervisorBit(39, "Connect ports", "may send to other partitions"),
        HypervisorBit(43, "Debugging", "may be debugged through the hypervisor"),
        HypervisorBit(44, "Processor power", "manages the processors' power"),
        HypervisorBit(48, "Virtual secure mode", "has virtual trust levels"),
        HypervisorBit(49, "Processor registers", "may read registers of its processors by hypercall"),
        HypervisorBit(52, "Extended hypercalls", "may use the newer hypercalls"),
        HypervisorBit(53, "Start processors", "may start its processors by hypercall"),
        HypervisorBit(54, "Isolation", "is kept from the host's eyes"),
    ]

    /// What the hypervisor advises.
    static let hints = [
        HypervisorBit(0, "Switch spaces", "change address spaces by hypercall"),
        HypervisorBit(1, "Local flush", "flush the own translation buffer by hypercall"),
        HypervisorBit(2, "Remote flush", "flush those of other processors by hypercall"),
        HypervisorBit(3, "APIC registers", "reach the interrupt controller by fast registers"),
        HypervisorBit(4, "Reset register", "reset by the hypervisor's register"),
        HypervisorBit(5, "Relaxed timing", "do not trust watchdogs, as processors may stand still"),
        HypervisorBit(9, "No AutoEOI", "end interrupts yourself: AutoEOI is slow here"),
        HypervisorBit(10, "Cluster IPI", "interrupt other processors by hypercall"),
        HypervisorBit(11, "Extended masks", "name processors by sparse masks"),
        HypervisorBit(12, "Nested", "the hypervisor runs below another one"),
        HypervisorBit(14, "Enlightened VMCS", "run guests of your own by the hypervisor's structures"),
        HypervisorBit(18, "Own cores", "no other partition shares a core with this one"),
    ]

    /// What the hypervisor can do besides.
    static let features = [
        HypervisorBit(3, "Processor hot add", "processors can come and go"),
        HypervisorBit(4, "Fast hypercalls", "hypercalls may take their input in vector registers"),
        HypervisorBit(7, "NUMA distances", "distances between nodes can be asked for"),
        HypervisorBit(8, "Timer frequencies", "frequencies of timers can be read"),
        HypervisorBit(9, "Machine checks", "faults of the machine can be handed on"),
        HypervisorBit(10, "Crash registers", "a guest that crashes can tell the host why"),
        HypervisorBit(17, "SINT polling", "messages can be polled for without interrupts"),
        HypervisorBit(19, "Direct timers", "timers can interrupt without a message"),
    ]
}
