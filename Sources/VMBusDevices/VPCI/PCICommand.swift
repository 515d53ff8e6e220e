/// What is asked of a vPCI bus from outside the bus.
public enum PCICommand: Sendable, Hashable {
    /// The host wants the function back.
    case eject
    /// The host gives it, or one like it, to the guest.
    case insert
    /// The function interrupts the guest.
    case interrupt
    /// The function's blocks have changed, a bit each.
    case invalidate(UInt64)
    /// Tells what the guest has done with it.
    case status
    /// At the guest's end: an interrupt message has come.
    case interrupted(address: UInt64, data: UInt32)

    static let forms = ["eject", "insert", "interrupt", "invalidate MASK", "status"]

    init(_ words: [String]) throws(DeviceCommandError) {
        switch words {
        case ["eject"]: self = .eject
        case ["insert"]: self = .insert
        case ["interrupt"]: self = .interrupt
        case ["status"]: self = .status
        default:
            guard words.count == 2, words[0] == "invalidate",
                let mask = words[1].hasPrefix("0x") ? UInt64(words[1].dropFirst(2), radix: 16) : UInt64(words[1])
            else { throw DeviceCommandError(words, for: "pci", known: Self.forms) }
            self = .invalidate(mask)
        }
    }
}
