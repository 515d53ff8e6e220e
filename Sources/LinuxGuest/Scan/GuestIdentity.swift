public import Platform

/// Which machine it is that is looked at.
public struct GuestIdentity: Hashable, Sendable {
    /// Its host name.
    public internal(set) var hostName: Readout<String> = .missing
    /// The release of its kernel.
    public internal(set) var kernelRelease: Readout<String> = .missing
    /// How many processors it has online.
    public internal(set) var onlineCPUs: Readout<UInt64> = .missing

    /// Reads the files that tell.
    public init(files: any FileLayer) {
        hostName = files.readout("/proc/sys/kernel/hostname", as: AttributeText.text)
        // What the kernel says before anybody has named the machine.
        if hostName.value == "(none)" { hostName = .missing }
        kernelRelease = files.readout("/proc/sys/kernel/osrelease", as: AttributeText.text)
        if kernelRelease == .missing { kernelRelease = files.readout("/proc/version", as: Self.release) }
        onlineCPUs = files.readout("/sys/devices/system/cpu/online", as: CPUList.count)
    }

    /// The third word of `Linux version 6.1.0-40-amd64 (…) #1 SMP …`, which copies hold more often than the other file.
    private static func release(_ bytes: [UInt8]) throws(FormatError) -> String {
        let line = try AttributeText.line(bytes)
        var scanner = TextScanner(line)
        guard scanner.take("Linux version "), case let word = scanner.word(), !word.isEmpty else {
            throw AttributeText.malformed("Linux version", line)
        }
        return word.prefix(128).harmless
    }
}
