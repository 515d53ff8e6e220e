public import VMBusWire

/// Where a message of the host goes: a source of one of the guest's processors.
public struct MessageTarget: Sendable, Hashable {
    /// The virtual processor.
    public var vp: UInt32
    /// The synthetic interrupt source, 0 to 15.
    public var sint: UInt8

    /// A place.
    public init(vp: UInt32, sint: UInt8 = SynIC.vmbusSINT) {
        self.vp = vp
        self.sint = sint
    }
}

/// A message on its way out.
struct OutgoingMessage: Sendable, Hashable {
    var bytes: [UInt8]
    var target: MessageTarget
    /// Whether it goes to a place that the sender of a request named, and not to the connection's own.
    var isReply: Bool

    var effect: HostEffect {
        isReply ? .reply(bytes: bytes, to: target) : .send(bytes: bytes, targetVP: target.vp)
    }
}

/// The pair of monitor pages of a connection (reference §1.8), as guest-physical addresses.
public struct MonitorPages: Sendable, Hashable {
    /// The page that the host writes; 0 only where the host gave the pages and has no use for it.
    public var parentToChild: UInt64
    /// The page that the guest writes; not 0.
    public var childToParent: UInt64

    /// A pair.
    public init(parentToChild: UInt64, childToParent: UInt64) {
        self.parentToChild = parentToChild
        self.childToParent = childToParent
    }
}

/// A contact as the host got it: the message and how it came.
public struct ContactRequest: Sendable, Hashable {
    /// The message.
    public let message: InitiateContact
    /// Whether it came over the multi-client connection; only there do SINT and VTL count (reference §2.4).
    public let isMultiClient: Bool
    /// Whether it came from inside the guest's trusted part (a paravisor).
    public let isTrusted: Bool

    /// A contact.
    public init(message: InitiateContact, isMultiClient: Bool, isTrusted: Bool = false) {
        self.message = message
        self.isMultiClient = isMultiClient
        self.isTrusted = isTrusted
    }

    /// Where the answers go (reference §2.4: the processor counts from 3.0 on, the source from 5.0 on).
    public var target: MessageTarget {
        MessageTarget(
            vp: message.version >= .windows8_1 ? message.targetVP : 0,
            sint: isMultiClient && message.version >= .redstone3MultiClient ? message.targetSINT : SynIC.vmbusSINT)
    }

    /// The trust level that is meant; nil where the message cannot say.
    public var targetVTL: UInt8? { isMultiClient && message.version >= .redstone4 ? message.targetVTL : nil }

    /// The features that the guest wants; flags below 6.0 do not exist.
    public var features: FeatureFlags { message.version >= .copper ? message.features : [] }

    /// The shared interrupt page, which is in use only below 2.4 (reference §1.7); nil for none.
    public var interruptPage: UInt64? {
        message.version < .windows8 && message.interruptPage != 0 ? message.interruptPage : nil
    }

    /// The guest's monitor pages; nil for none.
    var monitorPages: MonitorPages? {
        message.childToParentMonitorPage == 0
            ? nil
            : MonitorPages(
                parentToChild: message.parentToChildMonitorPage, childToParent: message.childToParentMonitorPage)
    }

    var hasOneMonitorPage: Bool {
        (message.parentToChildMonitorPage == 0) != (message.childToParentMonitorPage == 0)
    }
}
