import VMBusWire

/// How a guest signals the host about one channel (reference §1.9).
public struct SignalPath: Sendable, Hashable {
    /// Whether the channel's bit in the interrupt page's send half is set first (reference §1.7).
    public let setsSendHalf: Bool
    /// What is done then.
    public let action: Action

    /// What is done.
    public enum Action: Sendable, Hashable {
        /// Set the bit of this monitor id, 0 to 127, in the child→parent monitor page at this guest-physical address.
        case monitor(id: UInt8, page: UInt64)
        /// Call HvSignalEvent on this connection, with flag number 0.
        case hypercall(connectionID: UInt32)
    }
}

extension GuestConnection {
    /// How the guest signals the host about a channel. A channel in low-latency mode does without the monitor page.
    ///
    /// Nil for a number that no channel has.
    public func signalPath(relid: UInt32, isLowLatency: Bool = false) -> SignalPath? {
        guard let offer = table[relid]?.offer else { return nil }
        if offer.isMonitored, !isLowLatency, profile.usesMonitorPages, monitorPages.childToParent != 0,
            offer.monitorID < MonitorPage.idCount
        {
            return SignalPath(
                setsSendHalf: true, action: .monitor(id: monitorID(of: offer), page: monitorPages.childToParent))
        }
        guard agreement.version >= .windows7 else {
            return SignalPath(setsSendHalf: true, action: .hypercall(connectionID: ConnectionID.event))
        }
        return SignalPath(
            setsSendHalf: offer.isDedicatedInterrupt & 1 == 0, action: .hypercall(connectionID: offer.connectionID))
    }

    private func monitorID(of offer: OfferChannel) -> UInt8 {
        #if Mutations
            if configuration.mutation == .foreignMonitorBit { return offer.monitorID ^ 64 }
        #endif
        return offer.monitorID
    }

    /// The channel that an event flag of the guest's interrupt means; nil for a flag that no channel waits for.
    public func relid(eventFlag: UInt16) -> UInt32? {
        eventFlag == 0 ? nil : flags[eventFlag]
    }

    /// The event flag of a channel; nil while it is closed.
    public func eventFlag(relid: UInt32) -> UInt16? { table[relid]?.eventFlag }

    /// The flag for a channel that opens: the driver's wish, or the profile's choice. Without feature 0x01 it is the
    /// channel's number.
    func eventFlag(_ wish: UInt16?, _ relid: UInt32) throws(GuestRefusal) -> UInt16 {
        if let wish {
            guard wish > 0, UInt32(wish) < SynIC.eventFlagCount, flags[wish] == nil else {
                throw GuestRefusal("event flag \(wish) is not one of 1 to 2047, or is in use")
            }
            return wish
        }
        let own = UInt16(truncatingIfNeeded: relid)
        guard agreement.features.contains(.guestSpecifiedSignalParameters) else { return own }
        if profile.eventFlags == .relid, flags[own] == nil { return own }
        for flag in 1..<UInt16(SynIC.eventFlagCount) where flags[flag] == nil { return flag }
        throw GuestRefusal("no event flag is free")
    }

    mutating func freeFlag(_ channel: inout GuestChannel) {
        if let flag = channel.eventFlag { flags[flag] = nil }
        channel.eventFlag = nil
    }
}
