import BusModel

extension InspectorState {
    /// The guest that is looked at.
    private var guest: PartitionSnapshot? { newestSnapshot.partition(1) }

    /// Whether the guest's tracepoints are switched on by this program, whatever moment is shown.
    public var isTracing: Bool { guest?.evidence.number(.tracing) == 1 }

    /// Whether the guest could be traced, as far as its source has looked.
    public var canTrace: Bool { capabilities.kind == .live && tracingObstacle?.isEmpty == true }

    /// What keeps the guest from being traced, with what would help; empty for nothing, nil when nobody has looked.
    public var tracingObstacle: String? { guest?.evidence.text(.tracingObstacle) }
}
