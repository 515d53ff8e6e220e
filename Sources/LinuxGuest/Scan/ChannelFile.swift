/// The files of a channel's directory that are read, in the order in which they are read.
enum ChannelFile: Int, CaseIterable, Sendable {
    case subchannel, cpu, inMask, outMask, readAvailable, writeAvailable, interrupts, events, interruptsInFull
    case interruptsOutEmpty, outFullFirst, outFullTotal, monitor, latency, pending

    /// Its name (reference §7.3).
    var name: String {
        switch self {
        case .subchannel: "subchannel_id"
        case .cpu: "cpu"
        case .inMask: "in_mask"
        case .outMask: "out_mask"
        case .readAvailable: "read_avail"
        case .writeAvailable: "write_avail"
        case .interrupts: "interrupts"
        case .events: "events"
        case .interruptsInFull: "intr_in_full"
        case .interruptsOutEmpty: "intr_out_empty"
        case .outFullFirst: "out_full_first"
        case .outFullTotal: "out_full_total"
        case .monitor: "monitor_id"
        case .latency: "latency"
        case .pending: "pending"
        }
    }

    /// Whether older kernels, or channels without a monitor, do not have it.
    var isOptional: Bool {
        switch self {
        case .cpu, .inMask, .outMask, .readAvailable, .writeAvailable, .interrupts, .events: false
        default: true
        }
    }

    /// Whether it stays the same as long as the channel is offered.
    var isLasting: Bool { self == .subchannel || self == .monitor }

    /// The most files that are read at every look.
    static let changingCount = allCases.count { !$0.isLasting }
}
