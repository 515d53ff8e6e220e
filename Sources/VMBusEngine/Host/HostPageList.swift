import VMBusWire

/// A page list as the host sees it (reference §8.6).
public struct HostPageList: Sendable, Hashable {
    /// How far its life is.
    public enum State: Sendable, Hashable {
        /// Parts are still to come.
        case inProgress(PageListAssembly)
        /// Complete; the device has been asked.
        case offered
        /// The same, and the guest has let go of the channel meanwhile.
        case offeredTearingDown
        /// The guest has its answer.
        case accepted
        /// The guest takes it back; the device still has it.
        case tearingDown
    }

    /// The guest's handle.
    public let handle: UInt32
    /// The channel that it belongs to.
    public let relid: UInt32
    /// The pages; none while parts are to come.
    public internal(set) var list: PageList
    /// How far its life is.
    public internal(set) var state: State
    /// Counts up, so that lists have an order of age.
    let age: UInt64

    /// Whether the device may have the pages.
    var isShared: Bool {
        switch state {
        case .inProgress: false
        case .offered, .offeredTearingDown, .accepted, .tearingDown: true
        }
    }

    /// Whether parts are to come.
    var isInProgress: Bool { !isShared }

    /// Pages that count against the host's limit: those announced, while parts are to come.
    var pageCount: Int {
        switch state {
        case .inProgress(let assembly): assembly.announcedPages
        default: list.ranges.reduce(0) { $0 + $1.pages.count }
        }
    }
}
