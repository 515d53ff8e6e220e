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
        hostName = Self.read("/proc/sys/kernel/hostname", files, as: AttributeText.text)
        // What the kernel says before anybody has named the machine.
        if hostName.value == "(none)" { hostName = .missing }
        kernelRelease = Self.read("/proc/sys/kernel/osrelease", files, as: AttributeText.text)
        onlineCPUs = Self.read("/sys/devices/system/cpu/online", files, as: CPUList.count)
    }

    private static func read<Value>(
        _ path: String, _ files: any FileLayer, as parse: ([UInt8]) throws(FormatError) -> Value
    ) -> Readout<Value> {
        do {
            let bytes = try files.read(path, limit: 4096)
            do {
                return .known(try parse(bytes))
            } catch .empty {
                return .failed(.empty)
            } catch {
                return .failed(.malformed(error))
            }
        } catch {
            let failure = ReadFailure.refused(error.code)
            return failure.isAbsence ? .missing : .failed(failure)
        }
    }
}
