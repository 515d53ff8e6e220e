import Synchronization

/// Whether a guest is to be traced: set by the screen's thread, looked at by the one that samples.
public final class TraceRequest: Sendable {
    private let wanted: Atomic<Bool>
    /// Whether what network adapters and disks are asked for is traced as well.
    public let includesTransfers: Bool

    /// A request.
    ///
    /// - Parameters:
    ///   - isWanted: whether tracing begins with the first look.
    ///   - includesTransfers: also netvsc, SCSI and block tracepoints, of VMBus devices only.
    public init(isWanted: Bool = false, includesTransfers: Bool = false) {
        wanted = Atomic(isWanted)
        self.includesTransfers = includesTransfers
    }

    /// Whether tracing is wanted now.
    public var isWanted: Bool { wanted.load(ordering: .acquiring) }

    /// Asks for tracing, or for its end, with the next look.
    public func set(_ isWanted: Bool) { wanted.store(isWanted, ordering: .releasing) }
}
