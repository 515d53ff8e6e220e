public import Platform

/// How a guest is looked at for a screen: in turns, with old values shown as old, and never held up by a read that hangs.
public struct LiveWatch: Sendable {
    /// What the screen shows.
    public let focus: FocusBoard
    /// What the kernel tells of devices that come and go; nil where it cannot be heard.
    public let uevents: UeventSocket?
    /// How long a read may take before another thread goes on with the other devices, in nanoseconds; nil to read on the calling
    /// thread, however long it takes.
    public let readLimit: UInt64?

    /// A watch.
    public init(focus: FocusBoard = FocusBoard(), uevents: UeventSocket? = nil, readLimit: UInt64? = 2_000_000_000) {
        self.focus = focus
        self.uevents = uevents
        self.readLimit = readLimit
    }
}
