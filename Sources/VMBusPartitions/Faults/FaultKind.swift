public import VMBusWire

/// How far from the protocol a fault is, so that what follows from it is read rightly (ecosystem §6.3).
public enum FaultClass: UInt32, Sendable, Hashable, CaseIterable {
    /// The protocol allows it: a correct other end must survive it and go on.
    case legalAdversity = 1
    /// The sender has a bug: the other end must survive, but may lose the device.
    case buggyPeer = 2
    /// The sender attacks: the other end must stay unharmed, and nothing else is asked.
    case hostilePeer = 3

    /// The words for it.
    public var words: String {
        switch self {
        case .legalAdversity: "legal adversity"
        case .buggyPeer: "buggy peer"
        case .hostilePeer: "hostile peer"
        }
    }
}

/// What a fault is done to.
public enum FaultTarget: String, Sendable, Hashable, CaseIterable {
    /// What HvPostMessage returns to the guest.
    case post
    /// A channel message.
    case message
    /// A guest's signal to the host.
    case signal
    /// The host's interrupt of the guest.
    case interrupt
    /// A packet in a ring.
    case packet
    /// A control word of a ring.
    case ring
    /// A device that the host offers.
    case device
}

/// What can be said about a fault besides when and where.
public enum FaultParameter: String, Sendable, Hashable, CaseIterable {
    /// How long something takes.
    case delay
    /// The number that is put in the place of another.
    case value
    /// The place of the number, in bytes from the start of its part.
    case offset
    /// Its size in bytes: 1, 2, 4 or 8.
    case width
    /// The name of a message's field.
    case field
}

/// One kind of fault: everything that is to be known of it is in ``all``.
public struct FaultKind: Sendable, Hashable, CustomStringConvertible {
    /// Its lasting name.
    public let id: String
    /// How far from the protocol it is.
    public let honesty: FaultClass
    /// What it is done to.
    public let target: FaultTarget
    /// Who can be made to commit it; the first one unless it is said. For a signal's loss that is the guest, for a post's
    /// status the hypervisor answers the guest.
    public let directions: [Direction]
    /// What it does, in plain words.
    public let summary: String
    /// The one message that it is done to; nil for any.
    public let message: MessageType?
    /// The one type of packet that it is done to; nil for any.
    public let packet: PacketType?
    /// What the payload of such a packet begins with; nil for anything.
    let firstWord: UInt32?
    /// What can be said about it besides.
    public let parameters: [FaultParameter]
    /// How it is done.
    let action: FaultAction

    private init(
        _ id: String, _ honesty: FaultClass, _ target: FaultTarget, _ directions: [Direction], _ action: FaultAction,
        _ parameters: [FaultParameter] = [], message: MessageType? = nil, packet: PacketType? = nil,
        firstWord: UInt32? = nil, does summary: String
    ) {
        self.id = id
        self.honesty = honesty
        self.target = target
        self.directions = directions
        self.action = action
        self.parameters = parameters
        self.message = message
        self.packet = packet
        self.firstWord = firstWord
        self.summary = summary
    }

    /// The kind that delays a message with all behind it, as the protocol keeps their order.
    static let inOrder = "delay-message"

    /// Its name.
    public var description: String { id }

    /// The kind of a name.
    public static func named(_ id: String) -> FaultKind? { all.first { $0.id == id } }

    /// Whether it comes by itself when its time is given; others wait for something that they are done to.
    public var comesByItself: Bool {
        switch action {
        case .stray, .unknownFlag, .rescind, .bounce, .ring, .alternateRing: true
        default: false
        }
    }

    /// All kinds, the harmless ones first.
    public static let all: [FaultKind] = {
        let (guest, host): ([Direction], [Direction]) = ([.guestToHost], [.hostToGuest])
        let both: [Direction] = [.hostToGuest, .guestToHost]
        return [
            // Legal adversity.
            FaultKind(inOrder, .legalAdversity, .message, both, .delay, [.delay], does: "a message comes later"),
            FaultKind(
                "late-modify-response", .legalAdversity, .message, host, .delay, [.delay],
                message: .modifyChannelResponse, does: "the answer to the move of a channel comes later"),
            FaultKind(
                "delay-interrupt", .legalAdversity, .interrupt, host, .delay, [.delay], does: "an interrupt comes later"
            ),
            FaultKind("delay-signal", .legalAdversity, .signal, guest, .delay, [.delay], does: "a signal comes later"),
            FaultKind(
                "coalesce-interrupts", .legalAdversity, .interrupt, host, .coalesce, [.delay],
                does: "an interrupt waits, and those of its channel meanwhile are one with it"),
            FaultKind(
                "coalesce-signals", .legalAdversity, .signal, guest, .coalesce, [.delay],
                does: "a signal waits, and those of its channel meanwhile are one with it"),
            FaultKind(
                "spurious-interrupt", .legalAdversity, .interrupt, host, .stray, [.delay],
                does: "a channel is interrupted though nothing is new"),
            FaultKind(
                "spurious-signal", .legalAdversity, .signal, guest, .stray, [.delay],
                does: "the host is signalled though nothing is new"),
            FaultKind(
                "duplicate-interrupt", .legalAdversity, .interrupt, host, .repeated, [.delay],
                does: "an interrupt comes twice"),
            FaultKind(
                "duplicate-signal", .legalAdversity, .signal, guest, .repeated, [.delay], does: "a signal comes twice"),
            FaultKind(
                "early-interrupt", .legalAdversity, .message, host, .interruptFirst, message: .openChannelResult,
                does: "a channel is interrupted before the guest knows that it is open"),
            FaultKind(
                "post-no-memory", .legalAdversity, .post, guest, .refusePost(0x0B),
                does: "HvPostMessage returns 0x0B, insufficient memory"),
            FaultKind(
                "post-no-connection", .legalAdversity, .post, guest, .refusePost(0x12),
                does: "HvPostMessage returns 0x12, invalid connection id, as hosts do when messages come too fast"),
            FaultKind(
                "post-busy", .legalAdversity, .post, guest, .refusePost(0x13),
                does: "HvPostMessage returns 0x13, insufficient buffers"),
            FaultKind(
                "refuse-version", .legalAdversity, .message, host, .field("version_supported", .set(0)),
                message: .versionResponse, does: "the host does not speak the version that is proposed"),
            FaultKind(
                "refuse-open", .legalAdversity, .message, guest, .refuse, message: .openChannel,
                does: "the host has no resources to open a channel, and does not open it"),
            FaultKind(
                "refuse-gpadl", .legalAdversity, .message, host, .field("status", .set(0xC000_009A)),
                message: .gpadlCreated, does: "the host has no resources for a page list"),
            FaultKind(
                "refuse-move", .legalAdversity, .message, guest, .refuse, message: .modifyChannel,
                does: "the host does not move a channel, and says so"),
            FaultKind(
                "rescind", .legalAdversity, .device, both, .rescind, [.delay],
                does: "the host takes a device back, right behind a message or at a time"),
            FaultKind(
                "rescind-while-opening", .legalAdversity, .device, guest, .rescind, [.delay], message: .openChannel,
                does: "the host takes a device back before it has answered the open"),
            FaultKind(
                "rapid-offers", .legalAdversity, .device, both, .bounce, [.delay, .value],
                does: "the host takes a device back, offers it again, and so on: 4 times, or as often as 'value' says"),
            // Buggy peer.
            FaultKind("lost-message", .buggyPeer, .message, both, .drop, does: "a message does not come"),
            FaultKind(
                "duplicate-message", .buggyPeer, .message, both, .repeated, [.delay], does: "a message comes twice"),
            FaultKind(
                "missing-result", .buggyPeer, .message, host, .drop, message: .openChannelResult,
                does: "an open is not answered"),
            FaultKind(
                "double-result", .buggyPeer, .message, host, .repeated, [.delay], message: .openChannelResult,
                does: "an open is answered twice"),
            FaultKind("lost-interrupt", .buggyPeer, .interrupt, host, .drop, does: "an interrupt does not come"),
            FaultKind("lost-signal", .buggyPeer, .signal, guest, .drop, does: "a signal does not come"),
            FaultKind(
                "wrong-relid", .buggyPeer, .message, both, .field("relid", .add(1)), [.value],
                does: "a message names another channel"),
            FaultKind(
                "wrong-open-id", .buggyPeer, .message, host, .field("open_id", .add(1)), [.value],
                message: .openChannelResult, does: "the answer to an open names another one"),
            FaultKind(
                "wrong-gpadl", .buggyPeer, .message, both, .field("gpadl", .add(1)), [.value],
                does: "a message names another page list"),
            FaultKind(
                "stale-gpadl", .buggyPeer, .message, guest, .field("ring_gpadl", .add(1)), [.value],
                message: .openChannel, does: "a channel is opened on another page list"),
            FaultKind(
                "double-completion", .buggyPeer, .packet, both, .repeatPacket, packet: .completion,
                does: "a request is completed twice"),
            FaultKind(
                "send-section-twice", .buggyPeer, .packet, host, .repeatPacket, packet: .completion, firstWord: 108,
                does: "a section of the network's send buffer is given back twice"),
            FaultKind(
                "write-index-back", .buggyPeer, .ring, both, .ring(.writeIndex, .back), [.value],
                does: "a write index moves backwards"),
            FaultKind(
                "read-index-back", .buggyPeer, .ring, both, .ring(.readIndex, .back), [.value],
                does: "a read index moves backwards"),
            FaultKind(
                "mask-stuck", .buggyPeer, .ring, both, .ring(.interruptMask, .set(1)),
                does: "the reader of a ring leaves its signals masked"),
            FaultKind(
                "wrong-transfer-set", .buggyPeer, .packet, host, .word(.header, at: 0, 2, .add(1)), [.value],
                packet: .dataUsingTransferPages, does: "a packet names another set of transfer pages"),
            FaultKind(
                "wrong-trailer", .buggyPeer, .packet, both, .word(.trailer, at: 4, 4, .add(8)), [.value],
                does: "the trailer of a packet names another start"),
            // Hostile peer.
            FaultKind(
                "unknown-interrupt", .hostilePeer, .interrupt, host, .unknownFlag, [.value],
                does: "an event flag of no channel is set: 2047, or 'value'"),
            FaultKind(
                "huge-relid", .hostilePeer, .message, both, .field("relid", .set(0x7FFF_FFFF)), [.value],
                does: "a message names a channel number that cannot be"),
            FaultKind(
                "unknown-message", .hostilePeer, .message, both, .bytes(at: 0, 4, .set(0x7FFF_FFFF)), [.value],
                does: "a message has a type that does not exist"),
            FaultKind(
                "oversized-message", .hostilePeer, .message, both, .resize(ChannelMessage.maximumSize),
                does: "a message is as long as a slot allows, with random bytes at its end"),
            FaultKind(
                "truncated-message", .hostilePeer, .message, both, .resize(ChannelMessage.headerSize),
                does: "a message ends behind its header"),
            FaultKind(
                "changed-field", .hostilePeer, .message, both, .field("", .set(UInt64.max)), [.field, .value],
                does: "a field of a message is changed: to all ones, or 'value'"),
            FaultKind("garbled-message", .hostilePeer, .message, both, .garble, does: "a byte of a message is random"),
            FaultKind(
                "version-features", .hostilePeer, .message, host, .bytes(at: 16, 4, .flip(UInt64.max)),
                message: .versionResponse, does: "the features that are agreed on are flipped"),
            FaultKind(
                "ring-features", .hostilePeer, .ring, both, .ring(.featureBits, .flip(UInt64.max)),
                does: "the feature bits of a ring are flipped"),
            FaultKind(
                "forged-transaction", .hostilePeer, .packet, both, .word(.descriptor, at: 8, 8, .set(0xDEAD_BEEF_0000)),
                [.value], does: "a packet has a transaction id that nobody gave"),
            FaultKind(
                "bad-data-offset", .hostilePeer, .packet, both, .word(.descriptor, at: 2, 2, .set(0xFFF0)), [.value],
                does: "the data of a packet begins behind its end (offset8 > len8)"),
            FaultKind(
                "zero-data-offset", .hostilePeer, .packet, both, .word(.descriptor, at: 2, 2, .set(0)), [.value],
                does: "the data of a packet begins inside its descriptor"),
            FaultKind(
                "huge-length", .hostilePeer, .packet, both, .word(.descriptor, at: 4, 2, .set(0xFFFF)), [.value],
                does: "a packet is longer than what was written"),
            FaultKind(
                "zero-length", .hostilePeer, .packet, both, .word(.descriptor, at: 4, 2, .set(0)), [.value],
                does: "a packet has no length"),
            FaultKind(
                "unknown-packet", .hostilePeer, .packet, both, .word(.descriptor, at: 0, 2, .set(0x7F)), [.value],
                does: "a packet has a type that does not exist"),
            FaultKind(
                "transfer-range-outside", .hostilePeer, .packet, host, .word(.header, at: 12, 4, .set(0xFFFF_F000)),
                [.value], packet: .dataUsingTransferPages, does: "a transfer-page range lies outside its buffer"),
            FaultKind(
                "transfer-range-long", .hostilePeer, .packet, host, .word(.header, at: 8, 4, .set(0x7FFF_FFFF)),
                [.value], packet: .dataUsingTransferPages, does: "a transfer-page range is longer than its buffer"),
            FaultKind(
                "transfer-range-count", .hostilePeer, .packet, host, .word(.header, at: 4, 4, .set(0xFFFF_FFFF)),
                [.value], packet: .dataUsingTransferPages, does: "a packet claims more transfer-page ranges than it has"
            ),
            FaultKind(
                "negative-size", .hostilePeer, .packet, both, .word(.payload, at: 4, 4, .set(0xFFFF_FFF8)),
                [.value, .offset, .width],
                does: "a size in a payload looks negative: the word at 'offset' 4, where pipes have their length"),
            FaultKind(
                "negative-attachment-size", .hostilePeer, .packet, both,
                .word(.attachment, at: 4, 4, .set(0xFFFF_FFF8)),
                [.value, .offset, .width],
                does:
                    "a size in what a packet points to looks negative: the word at 'offset' 4, where RNDIS has its length"
            ),
            FaultKind(
                "garbled-packet", .hostilePeer, .packet, both, .garble, does: "a byte of a packet's payload is random"),
            FaultKind(
                "write-index-outside", .hostilePeer, .ring, both, .ring(.writeIndex, .outside), [.value],
                does: "a write index lies outside its ring"),
            FaultKind(
                "write-index-odd", .hostilePeer, .ring, both, .ring(.writeIndex, .add(3)), [.value],
                does: "a write index is no multiple of 8"),
            FaultKind(
                "read-index-outside", .hostilePeer, .ring, both, .ring(.readIndex, .outside), [.value],
                does: "a read index lies outside its ring"),
            FaultKind(
                "read-index-odd", .hostilePeer, .ring, both, .ring(.readIndex, .add(3)), [.value],
                does: "a read index is no multiple of 8"),
            FaultKind(
                "double-fetch-index", .hostilePeer, .ring, both, .alternateRing(.writeIndex, .outside),
                [.value, .delay], does: "a write index changes between two looks at it, and back"),
            FaultKind(
                "double-fetch-length", .hostilePeer, .packet, both,
                .alternateWord(.descriptor, at: 4, 2, .set(0xFFFF)), [.value, .delay],
                does: "the length of a packet changes between two looks at it, and back"),
            FaultKind(
                "double-fetch-payload", .hostilePeer, .packet, both,
                .alternateWord(.payload, at: 4, 4, .set(0xFFFF_FFF8)), [.value, .offset, .width, .delay],
                does: "a word of a payload changes between two looks at it, and back"),
        ]
    }()
}

/// How a fault is done.
enum FaultAction: Sendable, Hashable {
    case delay, drop, refuse, repeated, coalesce, stray, interruptFirst, unknownFlag, rescind, bounce, garble,
        repeatPacket
    case refusePost(UInt16)
    /// A message's field is changed.
    case field(String, FaultValue)
    /// Bytes of a message are changed, wherever fields are.
    case bytes(at: Int, Int, FaultValue)
    case resize(Int)
    /// Bytes of a packet are changed.
    case word(PacketPart, at: Int, Int, FaultValue)
    /// The same for a moment.
    case alternateWord(PacketPart, at: Int, Int, FaultValue)
    case ring(RingWordName, FaultValue)
    case alternateRing(RingWordName, FaultValue)
}

/// What a number becomes.
enum FaultValue: Sendable, Hashable {
    case set(UInt64)
    /// Wrapping.
    case add(UInt64)
    case flip(UInt64)
    /// An index eight bytes behind the end of its ring.
    case outside
    /// An index eight bytes before what it was, round the start of its ring.
    case back
}

/// A part of a packet.
enum PacketPart: Sendable, Hashable {
    case descriptor, header, payload, trailer
    /// What the packet points to.
    case attachment
}

/// A word of a ring's control page.
enum RingWordName: Sendable, Hashable { case writeIndex, readIndex, interruptMask, featureBits }
