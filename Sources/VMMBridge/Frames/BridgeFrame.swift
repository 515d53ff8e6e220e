public import BusModel
public import VMBusWire

/// What a frame between a virtual machine monitor and the host is.
public struct FrameType: NamedScalar {
    /// The number in the frame's header.
    public let rawValue: UInt16

    /// Any type, known or not.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The monitor shows its guest's memory.
    public static let hello = FrameType(rawValue: 1)
    /// The guest called HvPostMessage.
    public static let postMessage = FrameType(rawValue: 2)
    /// The guest called HvSignalEvent.
    public static let signalEvent = FrameType(rawValue: 3)
    /// What became of a frame of the host's.
    public static let delivered = FrameType(rawValue: 4)
    /// The guest wrote a register of the hypervisor.
    public static let register = FrameType(rawValue: 5)
    /// The machine was reset: the guest is gone.
    public static let reset = FrameType(rawValue: 6)
    /// The answer to a hypercall.
    public static let result = FrameType(rawValue: 0x81)
    /// Put a message into a slot of a processor.
    public static let postToProcessor = FrameType(rawValue: 0x82)
    /// Set an event flag of a processor.
    public static let setEvent = FrameType(rawValue: 0x83)
    /// Interrupt a processor, as its pages were written already.
    public static let raiseSource = FrameType(rawValue: 0x84)

    /// The name.
    public var meaning: String? {
        switch self {
        case .hello: "HELLO"
        case .postMessage: "POST_MESSAGE"
        case .signalEvent: "SIGNAL_EVENT"
        case .delivered: "DELIVERED"
        case .register: "MSR"
        case .reset: "RESET"
        case .result: "RESULT"
        case .postToProcessor: "POST_TO_VP"
        case .setEvent: "SET_EVENT"
        case .raiseSource: "RAISE_SINT"
        default: nil
        }
    }
}

/// The 16 bytes at the start of every frame.
public struct FrameHeader: WireStructure {
    public static let structureName: StaticString = "BRIDGE_FRAME"

    /// Bytes of the header.
    public static let byteCount = 16
    /// The longest frame, header included.
    public static let maximumLength = 4096

    /// Bytes of the whole frame.
    public var length: UInt32 = 0
    /// What the frame is.
    public var type = FrameType(rawValue: 0)
    /// Joins a question and its answer; 0 where none is wanted.
    public var sequence: UInt64 = 0

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("len", &length, "bytes of the whole frame")
        try visitor.require(
            length >= Self.byteCount && length <= Self.maximumLength, "len", UInt64(length), "from 16 to 4096")
        try visitor.field("type", &type, "what the frame is")
        try visitor.reserved(2, "flags")
        try visitor.field("seq", &sequence, "joins a question and its answer")
    }
}

/// A frame that the monitor sent.
public enum MonitorFrame: Sendable, Hashable {
    case hello(Hello)
    case postMessage(PostedMessage, sequence: UInt64)
    /// Answered unless `sequence` is 0.
    case signalEvent(SignalledEvent, sequence: UInt64)
    case delivered(Delivery, tag: UInt64)
    case register(RegisterWrite)
    case reset
    /// A type that no monitor sends.
    case unknown(FrameType)

    /// Reads what stands behind a header.
    ///
    /// - Throws: the field that is short or breaks a rule.
    static func decode(_ header: FrameHeader, _ body: ArraySlice<UInt8>) throws(WireError) -> MonitorFrame {
        switch header.type {
        case .hello: .hello(try Hello.decode(body))
        case .postMessage: .postMessage(try PostedMessage.decode(body), sequence: header.sequence)
        case .signalEvent: .signalEvent(try SignalledEvent.decode(body), sequence: header.sequence)
        case .delivered: .delivered(try Delivery.decode(body), tag: header.sequence)
        case .register: .register(try RegisterWrite.decode(body))
        case .reset: .reset
        default: .unknown(header.type)
        }
    }

    /// The frame's bytes, for whoever plays the monitor.
    public var encoded: [UInt8] {
        switch self {
        case .hello(let body): frameBytes(.hello, 0, body.encoded())
        case .postMessage(let body, let sequence): frameBytes(.postMessage, sequence, body.encoded())
        case .signalEvent(let body, let sequence): frameBytes(.signalEvent, sequence, body.encoded())
        case .delivered(let body, let tag): frameBytes(.delivered, tag, body.encoded())
        case .register(let body): frameBytes(.register, 0, body.encoded())
        case .reset: frameBytes(.reset, 0, [])
        case .unknown(let type): frameBytes(type, 0, [])
        }
    }
}

/// A frame that the host sends.
public enum HostFrame: Sendable, Hashable {
    /// Answers a hypercall.
    case result(HypercallStatus, sequence: UInt64)
    /// Puts a message into a slot; answered when `tag` is not 0.
    case postToProcessor(MessageForProcessor, tag: UInt64)
    /// Sets an event flag; answered when `tag` is not 0.
    case setEvent(EventForProcessor, tag: UInt64)
    /// Interrupts a processor; answered when `tag` is not 0.
    case raiseSource(InterruptForProcessor, tag: UInt64)

    /// The frame's bytes.
    public var encoded: [UInt8] {
        switch self {
        case .result(let status, let sequence): frameBytes(.result, sequence, HypercallResult(status).encoded())
        case .postToProcessor(let body, let tag): frameBytes(.postToProcessor, tag, body.encoded())
        case .setEvent(let body, let tag): frameBytes(.setEvent, tag, body.encoded())
        case .raiseSource(let body, let tag): frameBytes(.raiseSource, tag, body.encoded())
        }
    }

    /// Reads a whole frame, for whoever plays the monitor.
    ///
    /// - Throws: the field that is short or breaks a rule, or a type that no host sends.
    public static func decode(_ frame: ArraySlice<UInt8>) throws(WireError) -> HostFrame {
        let header = try FrameHeader.decode(frame)
        let body = frame.dropFirst(FrameHeader.byteCount)
        switch header.type {
        case .result: return .result(try HypercallResult.decode(body).status, sequence: header.sequence)
        case .postToProcessor: return .postToProcessor(try MessageForProcessor.decode(body), tag: header.sequence)
        case .setEvent: return .setEvent(try EventForProcessor.decode(body), tag: header.sequence)
        case .raiseSource: return .raiseSource(try InterruptForProcessor.decode(body), tag: header.sequence)
        default:
            throw WireError(
                structure: "BRIDGE_FRAME", field: "type", offset: 4, problem: .unknownType(UInt64(header.type.rawValue))
            )
        }
    }
}

private func frameBytes(_ type: FrameType, _ sequence: UInt64, _ body: [UInt8]) -> [UInt8] {
    var header = FrameHeader()
    header.length = UInt32(truncatingIfNeeded: FrameHeader.byteCount + body.count)
    header.type = type
    header.sequence = sequence
    return header.encoded() + body
}
