public import VMBusWire

/// What the guest's end wants done.
public enum GuestEffect: Sendable, Hashable {
    /// Post a message with HvPostMessage. What it returns, unless it is success, goes to `postRefused`.
    case post(bytes: [UInt8], connectionID: UInt32)
    /// A version is agreed on.
    case connected(WireContext)
    /// No version is left, or the host refused.
    case connectFailed
    /// A channel is on offer.
    case offered(OfferChannel)
    /// The answer to the request for offers is complete.
    case allOffersDelivered
    /// A page list stands.
    case pageListCreated(handle: UInt32, relid: UInt32)
    /// The host did not accept a page list.
    case pageListRefused(handle: UInt32, relid: UInt32, MessageStatus)
    /// The host no longer touches the pages of a list.
    case pageListTorndown(handle: UInt32, relid: UInt32)
    /// The host could not be asked to give a list back: its pages must never be used again (reference §9 number 29).
    case pageListLeaked(handle: UInt32, relid: UInt32)
    /// A channel is open.
    case opened(relid: UInt32)
    /// The host did not open a channel.
    case openRefused(relid: UInt32, MessageStatus)
    /// The host has let go of a reserved channel: the pages of these lists are the guest's own again.
    case reservedClosed(relid: UInt32, pageLists: [UInt32])
    /// The host has taken a channel back: its driver must let go, then call `release`.
    case rescinded(relid: UInt32)
    /// The host has answered a move.
    case modified(relid: UInt32, MessageStatus)
    /// An hv_sock connection stands: its channel has been offered.
    case socketConnected(TLConnectRequest, relid: UInt32)
    /// Nobody listens on the other end of an hv_sock connection.
    case socketRefused(TLConnectResult)
    /// Nobody has answered an hv_sock connection in time.
    case socketTimedOut(TLConnectRequest)
    /// The host has changed, or not changed, the monitor pages.
    case connectionModified(ConnectionState)
    /// The host holds its messages until `resumeMessages`.
    case messagesPaused
    /// The connection has ended for hibernation; `resume` begins it again.
    case suspended
    /// A device that was there before the hibernation is there again, with this offer.
    case readopted(OfferChannel)
    /// These devices were there before the hibernation and have not come back in time.
    case offersMissing([OfferChannel])
    /// Call `wake` with this token after the given time.
    case wake(GuestWake, afterMicroseconds: UInt64)
    /// Look for messages in the pages of every processor, as interrupts may not come any more.
    case pollMessagePages
    /// Clear VMBus's message slot of every processor.
    case clearMessageSlots
    /// The host did not answer the goodbye in time; the guest goes on without it.
    case unloadAbandoned
    /// The connection has ended.
    case unloaded
    /// A message could not be posted, and is not tried again.
    case postFailed(MessageType, PostResult)
    /// The host broke a rule.
    case violation(ProtocolViolation)
}

/// Names a time that the guest's end waits for. One that came too late, or whose reason is gone, does nothing.
public struct GuestWake: Sendable, Hashable {
    /// What happens then.
    public enum Purpose: Sendable, Hashable {
        /// The messages that wait are posted again.
        case retry
        /// The answer to a crashing guest's goodbye is looked for.
        case poll
        /// The devices that did not come back are named.
        case missingOffers
        /// An hv_sock connection has failed; the guest's end of it.
        case socket(GUID)
    }

    /// What happens then.
    public let purpose: Purpose
    let number: UInt32
}
