/// What is to be done with a device at one look.
struct DeviceTask: Sendable {
    /// Whether everything is read, also what changes seldom.
    var isWhole = true
    /// The channels that are read otherwise.
    var channels: Set<UInt32> = []
    /// The channels whose files are kept open; nil to leave them as they are.
    var kept: Set<UInt32>?
    /// The channel whose fills are looked at many times.
    var burst: UInt32?
    /// Whether the places in the primary's rings are read.
    var readsIndices = true
    /// The processor time of the calling thread, in nanoseconds.
    var clock: @Sendable () -> UInt64 = { 0 }
}
