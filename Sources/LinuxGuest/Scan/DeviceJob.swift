/// A device on its way to a thread that reads it.
struct DeviceJob: Sendable {
    /// The device; it comes back with what was found.
    var reader: DeviceReader
    /// What is to be done.
    let task: DeviceTask
    /// The names by which people know devices.
    let finder: KernelNameFinder
    /// The number of the look.
    let look: UInt64

    /// Reads.
    func run(_ tools: inout ReadingTools, clock: () -> UInt64) -> DeviceLook {
        var reader = reader
        var hasDescriptors = true
        if let kept = task.kept { hasDescriptors = reader.keepFiles(of: kept, &tools) }
        // Where something is not as it was, everything is looked at.
        let again = task.isWhole ? nil : reader.lookAgain(task, &tools, look: look)
        var scan = again ?? reader.lookAtAll(finder, task, &tools, look: look)
        scan?.readTime = clock()
        return DeviceLook(reader: reader, scan: scan, isWhole: again == nil, hasDescriptors: hasDescriptors)
    }
}

/// A device that was read.
struct DeviceLook: Sendable {
    let reader: DeviceReader
    /// What was found; nil if the device was gone before anything of it could be seen.
    let scan: DeviceScan?
    /// Whether everything was read.
    let isWhole: Bool
    /// Whether there were descriptors enough to keep all files that were to be kept.
    let hasDescriptors: Bool
}

/// A read that has not come back.
struct HangingRead: Hashable, Sendable {
    /// The device's name.
    let device: String
    /// The file below the device's directory.
    let path: String
}
