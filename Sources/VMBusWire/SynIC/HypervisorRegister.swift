/// A register of the hypervisor's interface that a guest's processor writes (a model-specific register, reference §1.1).
public struct HypervisorRegister: NamedScalar {
    /// The register's number.
    public let rawValue: UInt32

    /// Any register, known or not.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Which operating system runs.
    public static let guestOSID = HypervisorRegister(rawValue: 0x4000_0000)
    /// Page through which the guest calls the hypervisor; bit 0 enables it.
    public static let hypercall = HypervisorRegister(rawValue: 0x4000_0001)
    /// Bit 0 enables the processor's synthetic interrupt controller.
    public static let control = HypervisorRegister(rawValue: 0x4000_0080)
    /// Page of the event flags; bit 0 enables it.
    public static let eventFlagsPage = HypervisorRegister(rawValue: 0x4000_0082)
    /// Page of the message slots; bit 0 enables it.
    public static let messagePage = HypervisorRegister(rawValue: 0x4000_0083)
    /// The guest has emptied a slot and asks for what waits behind it.
    public static let endOfMessage = HypervisorRegister(rawValue: 0x4000_0084)
    /// The first of the sixteen synthetic interrupt sources.
    public static let firstSource = HypervisorRegister(rawValue: 0x4000_0090)
    /// The first of the five parameters of a crash.
    public static let firstCrashParameter = HypervisorRegister(rawValue: 0x4000_0100)
    /// Tells of a crash: bit 63, once the parameters are written.
    public static let crashControl = HypervisorRegister(rawValue: 0x4000_0105)

    /// Which of the five parameters of a crash it is.
    public var crashParameter: Int? {
        let first = Self.firstCrashParameter.rawValue
        return (first..<first + 5).contains(rawValue) ? Int(rawValue - first) : nil
    }

    /// Which synthetic interrupt source it sets up.
    public var source: UInt8? {
        let first = Self.firstSource.rawValue
        return (first..<first + UInt32(SynIC.sourceCount)).contains(rawValue) ? UInt8(rawValue - first) : nil
    }

    /// The register's name as the reference spells it.
    public var meaning: String? {
        if let source { return "SINT\(source)" }
        if let crashParameter { return "CRASH_P\(crashParameter)" }
        switch self {
        case .guestOSID: return "GUEST_OS_ID"
        case .hypercall: return "HYPERCALL"
        case .control: return "SCONTROL"
        case .eventFlagsPage: return "SIEFP"
        case .messagePage: return "SIMP"
        case .endOfMessage: return "EOM"
        case .crashControl: return "CRASH_CTL"
        default: return rawValue == 0x4000_0073 ? "VP_ASSIST_PAGE" : nil
        }
    }
}

/// Who runs in a guest, as it tells the hypervisor in GUEST_OS_ID: for open systems bit 63, bits 62:56 the system, bits 47:16
/// its version.
public struct GuestOSID: Sendable, Hashable {
    /// The register's value.
    public let rawValue: UInt64

    /// Any value; 0 for nobody.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The system and its version, such as "Linux 6.12.107"; nil for what is not known.
    public var name: String? {
        guard rawValue >> 63 == 1 else { return nil }
        let version = UInt32(truncatingIfNeeded: rawValue >> 16)
        switch rawValue >> 56 & 0x7F {
        // Linux counts in bytes: major, minor, patch.
        case 1: return "Linux \(version >> 16).\(version >> 8 & 0xFF).\(version & 0xFF)"
        case 2: return "FreeBSD \(version)"
        default: return nil
        }
    }
}
