import BusModel

/// A bit that the hypervisor sets, in words (Hypervisor Top Level Functional Specification, feature and interface discovery).
struct HypervisorBit {
    /// Which bit.
    let place: UInt64
    /// What it is called.
    let name: Substring
    /// What it means, in plain words.
    let help: Substring

    /// Whether it is set.
    func isSet(in word: UInt64) -> Bool { word >> place & 1 == 1 }

    /// The bits of a table with lines such as `5 Hypercalls: may call the hypervisor`.
    private static func table(_ text: String) -> [HypervisorBit] {
        text.split(separator: "\n").compactMap { line in
            guard let blank = line.firstIndex(of: " "), let place = UInt64(line[..<blank]),
                let colon = line.firstIndex(of: ":")
            else { return nil }
            return HypervisorBit(
                place: place, name: line[blank..<colon].dropFirst(), help: line[colon...].dropFirst(2))
        }
    }

    /// What VMBus lives on; a partition without one of them has no bus, or a slow one.
    static let needed = table(
        """
        5 Hypercalls: may call the hypervisor
        2 SynIC: has the interrupt controller through which messages and events come
        6 Processor index: may ask which virtual processor it runs on
        36 Post messages: may post messages to the host
        37 Signal events: may signal the host that a ring has something for it
        """)

    /// What a guest may do besides.
    static let privileges = table(
        """
        0 Run time: may read how long a virtual processor has run
        1 Reference counter: may read the clock that host and guest share
        3 Synthetic timers: has timers that expire as messages or interrupts
        4 APIC registers: may reach the interrupt controller by fast registers
        7 Reset register: may reset itself
        8 Statistics pages: may map the hypervisor's statistics
        9 Reference TSC: may read the shared clock without leaving the guest
        10 Guest idle: may tell the hypervisor that it idles
        11 Clock frequencies: may read the frequencies of its clocks
        13 Reenlightenment: learns when it was moved to a host with another clock
        15 Invariant TSC: may declare its clock to be steady
        32 Create partitions: is a root partition, or may act as one
        38 Create ports: may receive what other partitions send
        39 Connect ports: may send to other partitions
        43 Debugging: may be debugged through the hypervisor
        44 Processor power: manages the processors' power
        48 Virtual secure mode: has virtual trust levels
        49 Processor registers: may read registers of its processors by hypercall
        52 Extended hypercalls: may use the newer hypercalls
        53 Start processors: may start its processors by hypercall
        54 Isolation: is kept from the host's eyes
        """)

    /// What the hypervisor advises.
    static let hints = table(
        """
        0 Switch spaces: change address spaces by hypercall
        1 Local flush: flush the own translation buffer by hypercall
        2 Remote flush: flush those of other processors by hypercall
        3 APIC registers: reach the interrupt controller by fast registers
        4 Reset register: reset by the hypervisor's register
        5 Relaxed timing: do not trust watchdogs, as processors may stand still
        9 No AutoEOI: end interrupts yourself: AutoEOI is slow here
        10 Cluster IPI: interrupt other processors by hypercall
        11 Extended masks: name processors by sparse masks
        12 Nested: the hypervisor runs below another one
        14 Enlightened VMCS: run guests of your own by the hypervisor's structures
        18 Own cores: no other partition shares a core with this one
        """)

    /// What the hypervisor can do besides.
    static let features = table(
        """
        3 Processor hot add: processors can come and go
        4 Fast hypercalls: hypercalls may take their input in vector registers
        7 NUMA distances: distances between nodes can be asked for
        8 Timer frequencies: frequencies of timers can be read
        9 Machine checks: faults of the machine can be handed on
        10 Crash registers: a guest that crashes can tell the host why
        17 SINT polling: messages can be polled for without interrupts
        19 Direct timers: timers can interrupt without a message
        """)
}
