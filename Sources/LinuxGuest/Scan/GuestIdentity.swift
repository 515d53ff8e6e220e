public import Platform

/// Which machine it is that is looked at.
public struct GuestIdentity: Hashable, Sendable {
    /// Its host name.
    public internal(set) var hostName: Readout<String> = .missing
    /// The release of its kernel.
    public internal(set) var kernelRelease: Readout<String> = .missing
    /// How many processors it has online.
    public internal(set) var onlineCPUs: Readout<UInt64> = .missing

    /// Reads the three files that tell.
    public init(files: any FileLayer) {
        hostName = files.readout("/proc/sys/kernel/hostname", as: AttributeText.text)
        // What the kernel says before anybody has named the machine.
        if hostName.value == "(none)" { hostName = .missing }
        kernelRelease = files.readout("/proc/sys/kernel/osrelease", as: AttributeText.text)
        onlineCPUs = files.readout("/sys/devices/system/cpu/online", as: CPUList.count)
    }
}
