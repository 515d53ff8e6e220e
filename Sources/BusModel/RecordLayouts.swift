public import VMBusWire

extension LayoutExplorer {
    /// The bytes of records that are neither messages nor packets, under short names.
    public mutating func exploreRecords() {
        add(explore(MonitorSignal.self), as: "monitor")
        add(explore(EventFlagDelivery.self), as: "interrupt")
        add(explore(RegisterWrite.self), as: "register")
        add(explore(AttributeList.self), as: "attributes")
        add(explore(KeyframeEntries.self), as: "keyframe")
        add(explore(TraceRecord.self), as: "trace")
        add(explore(KernelLogRecord.self), as: "kernel_log")
    }
}
