public import VMBusWire

/// What is to be done in the place of an effect, or at its side.
public enum FaultAct: Sendable, Hashable {
    /// This effect, without asking the injector about it again.
    case effect(PartitionEffect)
    /// HvPostMessage gives this status, and the message goes nowhere.
    case refuse(status: UInt16)
    /// An interrupt or a signal of a channel that has nothing new.
    case stray(Direction, FaultPlace)
    /// An event flag is set that may belong to nobody.
    case flag(UInt32)
    /// The host takes a device back.
    case rescind(GUID)
    /// The host offers a device again.
    case offer(GUID)
    /// The sender of a packet writes it once more.
    case repeatPacket(ChannelPlace, Direction, [UInt8])
    /// Bytes of a packet that lies in its ring, or of what it points to, become others.
    case packet(PacketEdit)
    /// A word of a ring's control page becomes another.
    case ring(RingEdit)
    /// Words get their values back.
    case restore([WordEdit])
    /// Is to be written down.
    case tell(FaultReport)
}

/// An act and the nanoseconds until it.
public struct DelayedFaultAct: Sendable, Hashable {
    /// What is to be done.
    public let act: FaultAct
    /// Nanoseconds until then.
    public let delay: UInt64

    init(_ act: FaultAct, after delay: UInt64 = 0) {
        self.act = act
        self.delay = delay
    }
}

/// Which open channel is meant; the first one that fits.
public struct FaultPlace: Sendable, Hashable {
    /// Which device; nil for any.
    public let device: GUID?
    /// Which of its channels; nil for any.
    public let subchannel: UInt16?

    /// Whether it is this channel.
    public func fits(_ place: ChannelPlace) -> Bool {
        (device ?? place.device) == place.device && (subchannel ?? place.subchannel) == place.subchannel
    }
}

/// What is written down of a fault: a record of the kind `fault` with the class as its code.
public struct FaultReport: Sendable, Hashable {
    /// What was done.
    public let kind: FaultKind
    /// On which channel, if on one.
    public let place: ChannelPlace?
    /// Who commits it.
    public let direction: Direction
    /// What was done in particular, with the bytes before and after.
    public let text: String

    /// The record's code, of those of `FaultCode`.
    public var code: UInt32 { kind.honesty.rawValue }

    /// The record's bytes.
    public var payload: [UInt8] { Array("\(kind.id) (\(kind.honesty.words)): \(text)".utf8) }

    func saying(_ text: String) -> FaultReport {
        FaultReport(kind: kind, place: place, direction: direction, text: text)
    }
}

/// A number in a packet that is to be changed where it lies.
public struct PacketEdit: Sendable, Hashable {
    /// Its channel.
    public let place: ChannelPlace
    /// The channel whose rings they are.
    public var rings: FaultPlace { FaultPlace(place) }
    /// Who wrote it.
    public let direction: Direction
    /// The packet as it was written, without its trailer.
    let bytes: [UInt8]
    /// What the packet points to.
    let attachment: [UInt8]
    /// Where the number is: in the packet and its trailer, or in the attachment.
    let offset: Int
    let part: PacketPart
    let width: Int
    let value: FaultValue
    /// Nanoseconds until everything is as before; nil for never.
    public let lasts: UInt64?
    /// What is written down of it.
    let report: FaultReport
}

/// A word of a ring's control page that is to be changed.
public struct RingEdit: Sendable, Hashable {
    /// Which channel; the first open one that fits.
    public let place: FaultPlace
    /// Who changes a word that is his to write.
    public let direction: Direction
    let word: RingWordName
    let value: FaultValue
    /// Nanoseconds until everything is as before; nil for never.
    public let lasts: UInt64?
    /// What is written down of it.
    let report: FaultReport
}

/// A word of the guest's memory that a fault changes.
public struct WordEdit: Sendable, Hashable {
    /// Guest-physical address, a multiple of 4.
    public let address: UInt64
    /// What was there.
    public let original: UInt32
    /// What is put there.
    public let changed: UInt32
}
