import VMBusRing

/// One access to a ring's memory: the smallest thing that happens at once.
enum RingAccess: Hashable, Sendable {
    case load(RingWord)
    case store(UInt32, RingWord)
    /// Eight bytes of the data area; the place counts in units of eight.
    case loadData(Int)
    case storeData(UInt64, Int)
    case fence
}

extension RingAccess {
    /// What was done, with the value that a load gave.
    func text(result: UInt64) -> String {
        switch self {
        case .load(let word): "loads \(word.name): \(result)"
        case .store(let value, let word): "stores \(word.name) \(value)"
        case .loadData(let place): "loads data at \(place * 8): \(Self.hexadecimal(result))"
        case .storeData(let value, let place): "stores data at \(place * 8): \(Self.hexadecimal(value))"
        case .fence: "fence"
        }
    }

    private static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

extension RingWord {
    /// The word as people write it.
    var name: String {
        switch self {
        case .writeIndex: "write index"
        case .readIndex: "read index"
        case .interruptMask: "interrupt mask"
        case .pendingSendSize: "pending-send size"
        case .featureBits: "feature bits"
        }
    }

    /// Who alone may write it (reference §4.1).
    var owner: RingEnd {
        switch self {
        case .writeIndex, .pendingSendSize, .featureBits: .sender
        case .readIndex, .interruptMask: .receiver
        }
    }
}
