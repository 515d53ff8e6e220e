/// A problem that operators and maintainers have run into (reference, anchors D), and what keeps the doctor from seeing it
/// where something does.
public struct KnownProblem: Sendable, Hashable {
    /// Its row of the table.
    public let row: Int
    /// What happens.
    public let title: String
    /// Why it, or a part of it, cannot be seen from a guest; nil where it can.
    public let notVisible: String?

    private init(_ row: Int, _ title: String, notVisible: String? = nil) {
        (self.row, self.title, self.notVisible) = (row, title, notVisible)
    }

    /// All rows, in order.
    public static let all: [KnownProblem] = [
        KnownProblem(1, "a worker sleeps in channel open while another waits in rescind"),
        KnownProblem(2, "the socket plane is torn down at standby"),
        KnownProblem(3, "a socket to the host gets no answer"),
        KnownProblem(4, "a rescind arrives while a channel is opening"),
        KnownProblem(5, "events are needed on kernels without tracepoints"),
        KnownProblem(6, "integration services are silent"),
        KnownProblem(7, "offers and rescinds in quick succession"),
        KnownProblem(
            8, "a socket's channel is revoked before the open is complete",
            notVisible: "it crashes a Windows guest; the order of messages is a rule of 'check', not of the doctor"),
        KnownProblem(9, "a relid is released while a page list or a move waits"),
        KnownProblem(10, "offers come before they are asked for"),
        KnownProblem(11, "a reset never ends with a channel that is opening"),
        KnownProblem(12, "posts and signals to unknown connections are dropped"),
        KnownProblem(
            13, "the inspection hangs with what it inspects",
            notVisible: "not a state of the bus: reads have time limits and old values are shown as old"),
        KnownProblem(
            14, "wishes for documents and better tools",
            notVisible: "not a state of the bus: every message, state and field explains itself"),
        KnownProblem(15, "a page list's teardown fails behind a rescind"),
        KnownProblem(16, "a page list is not complete"),
        KnownProblem(17, "a flood of messages"),
        KnownProblem(18, "an interrupt before the open result is ignored"),
        KnownProblem(19, "a mask is left behind and bytes wait"),
        KnownProblem(20, "bytes are left in a ring at its close"),
        KnownProblem(21, "a monitor bit is never taken"),
        KnownProblem(22, "an early receive event is lost"),
        KnownProblem(
            23, "a race in flow control",
            notVisible:
                "sysfs does not show the pending size of a ring; the explorer of the simulator finds such races"),
        KnownProblem(24, "a stale packet is read"),
        KnownProblem(25, "request ids are used up and it looks like a full ring"),
        KnownProblem(26, "a ring is half as large as thought"),
        KnownProblem(27, "an interrupt is lost as its processor goes offline"),
        KnownProblem(28, "UIO: masks and sub-channels"),
        KnownProblem(29, "what tx_send_full and rx_comp_busy mean"),
        KnownProblem(30, "completions with error status"),
        KnownProblem(31, "sub-channels fail for memory"),
        KnownProblem(32, "a close fails and outstanding requests stay"),
        KnownProblem(33, "the data path is switched again and again"),
        KnownProblem(34, "the wrong driver owns a channel"),
        KnownProblem(35, "channels and processors are out of balance"),
        KnownProblem(36, "a flood of storage errors"),
        KnownProblem(37, "storage requests time out"),
        KnownProblem(
            38, "the wrong channel is chosen for a processor",
            notVisible: "which processor issued a request is not told; channels that share a processor are"),
        KnownProblem(
            39, "a queue depth overflows at boot",
            notVisible: "the kernel computes it for itself and hangs before any program runs"),
        KnownProblem(40, "a disk goes offline with SRB status 0x20"),
        KnownProblem(41, "memory is not added in time"),
        KnownProblem(42, "key/value exchange fails, or the host sees no address"),
        KnownProblem(43, "backups fail"),
        KnownProblem(
            44, "the clock drifts",
            notVisible: "the samples lie in the service's ring, which the kernel reads at once and does not show"),
        KnownProblem(45, "file copy needs an unbound device"),
        KnownProblem(46, "devices are missing behind hibernation"),
        KnownProblem(47, "a crash kernel waits for the unload's answer"),
        KnownProblem(48, "a PCI device waits for ever"),
        KnownProblem(
            49, "memory that could not be encrypted again is freed",
            notVisible: "which pages the host still sees is not told; a close that fails is"),
        KnownProblem(50, "the host slows down a guest that signals without need; page lists reach their limit"),
    ]
}
