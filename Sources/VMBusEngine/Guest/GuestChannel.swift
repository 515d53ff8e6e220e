public import VMBusWire

/// A channel as the guest sees it.
public struct GuestChannel: Sendable, Hashable {
    /// How far the channel's life is (reference §8.2).
    public enum State: Sendable, Hashable {
        /// Offered and not open.
        case closed
        /// OPEN_CHANNEL is on its way.
        case opening
        /// Data can flow.
        case open
    }

    /// The offer.
    public let offer: OfferChannel
    /// How far its life is.
    public internal(set) var state = State.closed
    /// Whether the host has taken it back.
    public internal(set) var isRescinded = false
    /// Whether a move has not been answered yet.
    public internal(set) var isModifying = false

    /// The channel's number.
    public var relid: UInt32 { offer.relid }
}

/// A page list as the guest sees it.
public struct GuestPageList: Sendable, Hashable {
    /// How far its life is.
    public enum State: Sendable, Hashable {
        /// Posted, not answered.
        case creating
        /// The host holds it.
        case created
        /// The host has been asked to let go.
        case tearingDown
    }

    /// The handle.
    public let handle: UInt32
    /// The channel that it belongs to.
    public let relid: UInt32
    /// The pages.
    public let list: PageList
    /// How far its life is.
    public internal(set) var state = State.creating
}

/// Why a wish of a driver was not carried out.
public struct GuestRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The reason.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension GuestConnection {
    /// The channel with a number.
    public func channel(_ relid: UInt32) -> GuestChannel? { channels.first { $0.relid == relid } }

    private func index(_ relid: UInt32) throws(GuestRefusal) -> Int {
        guard state == .connected else { throw GuestRefusal("the connection does not stand") }
        guard let index = channels.firstIndex(where: { $0.relid == relid }) else {
            throw GuestRefusal("no channel \(relid) is on offer")
        }
        return index
    }

    /// Shares pages with the host, as a header and as many bodies as they need.
    ///
    /// - Throws: when there is no such channel, it was taken back, or the list is too long for one handle.
    public mutating func createPageList(
        relid: UInt32, _ list: PageList
    ) throws(GuestRefusal) -> (handle: UInt32, effects: [GuestEffect]) {
        let channel = channels[try index(relid)]
        guard !channel.isRescinded else { throw GuestRefusal("channel \(relid) was taken back") }
        let handle = takeHandle()
        guard let messages = list.messages(relid: relid, handle: handle) else {
            throw GuestRefusal("a list of \(list.pages.count) pages is too long for one handle")
        }
        pageLists.append(GuestPageList(handle: handle, relid: relid, list: list))
        return (handle, messages.map { post($0) })
    }

    /// Takes pages back. They may be used again once `pageListTorndown` comes.
    public mutating func tearDownPageList(_ handle: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        guard let index = pageLists.firstIndex(where: { $0.handle == handle && $0.state == .created }) else {
            throw GuestRefusal("the host holds no page list \(Hexadecimal.prefixed(handle))")
        }
        let relid = pageLists[index].relid
        if channel(relid)?.isRescinded ?? true {
            // No GPADL_TORNDOWN would come any more (reference §8.2).
            pageLists.remove(at: index)
            return [.pageListTorndown(handle: handle, relid: relid)]
        }
        pageLists[index].state = .tearingDown
        return [post(.gpadlTeardown(GPADLTeardown(relid: relid, gpadl: handle)))]
    }

    /// Opens a channel on a page list that the host holds; the host→guest ring starts after `downstreamPageOffset` pages.
    public mutating func open(
        relid: UInt32, pageList handle: UInt32, targetVP: UInt32, downstreamPageOffset: UInt32
    ) throws(GuestRefusal) -> [GuestEffect] {
        let index = try index(relid)
        guard channels[index].state == .closed, !channels[index].isRescinded else {
            throw GuestRefusal("channel \(relid) is not closed, or was taken back")
        }
        guard let list = pageLists.first(where: { $0.handle == handle && $0.relid == relid && $0.state == .created })
        else {
            throw GuestRefusal("the host holds no page list \(Hexadecimal.prefixed(handle)) for channel \(relid)")
        }
        guard downstreamPageOffset > 0, downstreamPageOffset < UInt32(list.list.pages.count) else {
            throw GuestRefusal("page offset \(downstreamPageOffset) lies outside the list")
        }
        channels[index].state = .opening
        var message = OpenChannel(
            relid: relid, openID: relid, ringGPADL: handle,
            targetVP: agreement.version >= .windows8 ? targetVP : 0, downstreamPageOffset: downstreamPageOffset)
        message.connectionID = channels[index].offer.connectionID
        message.eventFlag = UInt16(truncatingIfNeeded: relid)
        return [post(.openChannel(message))]
    }

    /// Closes a channel; its page lists are taken back by `tearDownPageList`.
    public mutating func close(relid: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        let index = try index(relid)
        guard channels[index].state == .open else { throw GuestRefusal("channel \(relid) is not open") }
        channels[index].state = .closed
        return [post(.closeChannel(ChannelReference(relid: relid)))]
    }

    /// Moves a channel's interrupts to another processor.
    public mutating func modify(relid: UInt32, targetVP: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        let index = try index(relid)
        guard agreement.version >= .redstone3 else {
            throw GuestRefusal("moving a channel needs version 4.1, \(agreement.version) was negotiated")
        }
        guard channels[index].state == .open else { throw GuestRefusal("channel \(relid) is not open") }
        guard !channels[index].isModifying else {
            throw GuestRefusal("the last move of channel \(relid) is not answered")
        }
        channels[index].isModifying = agreement.version >= .iron
        return [post(.modifyChannel(ModifyChannel(relid: relid, targetVP: targetVP)))]
    }

    /// The driver has let go of a channel that was taken back: its number may be used again.
    public mutating func release(relid: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        let index = try index(relid)
        guard channels[index].isRescinded else { throw GuestRefusal("channel \(relid) was not taken back") }
        channels.remove(at: index)
        pageLists.removeAll { $0.relid == relid }
        return [post(.relidReleased(ChannelReference(relid: relid)))]
    }

    /// Asks for an hv_sock connection.
    public mutating func connectSocket(_ request: TLConnectRequest) throws(GuestRefusal) -> [GuestEffect] {
        guard state == .connected, agreement.version >= .windows10 else {
            throw GuestRefusal("hv_sock needs a connection of version 4.0")
        }
        return [post(.tlConnectRequest(request))]
    }
}

extension GuestConnection {
    private func violation(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> [GuestEffect] {
        [.violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))]
    }

    mutating func offered(_ offer: OfferChannel) -> [GuestEffect] {
        guard state == .connected else { return [] }
        let place = "OFFER_CHANNEL.relid"
        guard offer.relid > 0, offer.relid < SynIC.eventFlagCount else {
            return violation("relid-unique", place, String(offer.relid), "channel numbers are 1 to 2047")
        }
        guard channel(offer.relid) == nil else {
            return violation("relid-unique", place, String(offer.relid), "the number is in use by another channel")
        }
        let family = channels.filter { $0.offer.interfaceInstance == offer.interfaceInstance && !$0.isRescinded }
        guard !family.contains(where: { $0.offer.subchannelIndex == offer.subchannelIndex }) else {
            return violation(
                "subchannel-family", "OFFER_CHANNEL.subchannel_index", String(offer.subchannelIndex),
                "the device has a channel of this index")
        }
        if offer.subchannelIndex > 0, family.first(where: { $0.offer.subchannelIndex == 0 }) == nil {
            return violation(
                "subchannel-family", "OFFER_CHANNEL.interface_instance", offer.interfaceInstance.description,
                "a sub-channel follows its primary")
        }
        channels.append(GuestChannel(offer: offer))
        return [.offered(offer)]
    }

    mutating func rescinded(_ relid: UInt32) -> [GuestEffect] {
        guard let index = channels.firstIndex(where: { $0.relid == relid }) else {
            return violation(
                "relid-unique", "RESCIND_CHANNEL_OFFER.relid", String(relid), "no such channel is on offer")
        }
        guard !channels[index].isRescinded else { return [] }
        channels[index].isRescinded = true
        let wasOpening = channels[index].state == .opening
        if wasOpening { channels[index].state = .closed }
        // Whoever waits for an answer about this channel gets it now, as none will come (reference §9 number 20).
        var effects: [GuestEffect] = wasOpening ? [.openRefused(relid: relid, .unexpected)] : []
        for list in pageLists where list.relid == relid && list.state != .created {
            effects.append(
                list.state == .creating
                    ? .pageListRefused(handle: list.handle, relid: relid, .unexpected)
                    : .pageListTorndown(handle: list.handle, relid: relid))
        }
        pageLists.removeAll { $0.relid == relid && $0.state != .created }
        return effects + [.rescinded(relid: relid)]
    }

    mutating func openResult(_ result: OpenChannelResult) -> [GuestEffect] {
        guard let index = channels.firstIndex(where: { $0.relid == result.relid && $0.state == .opening }),
            result.openID == result.relid
        else {
            return violation(
                "open-answered-once", "OPEN_CHANNEL_RESULT.relid", String(result.relid),
                "no such open waits for an answer")
        }
        channels[index].state = result.status.isSuccess ? .open : .closed
        return [
            result.status.isSuccess ? .opened(relid: result.relid) : .openRefused(relid: result.relid, result.status)
        ]
    }

    mutating func pageListCreated(_ created: GPADLCreated) -> [GuestEffect] {
        guard
            let index = pageLists.firstIndex(where: {
                $0.handle == created.gpadl && $0.relid == created.relid && $0.state == .creating
            })
        else {
            return violation(
                "gpadl-lifecycle", "GPADL_CREATED.gpadl", Hexadecimal.prefixed(created.gpadl),
                "no such page list waits for an answer")
        }
        guard created.status.isSuccess else {
            pageLists.remove(at: index)
            return [.pageListRefused(handle: created.gpadl, relid: created.relid, created.status)]
        }
        pageLists[index].state = .created
        return [.pageListCreated(handle: created.gpadl, relid: created.relid)]
    }

    mutating func pageListTorndown(_ handle: UInt32) -> [GuestEffect] {
        guard let index = pageLists.firstIndex(where: { $0.handle == handle && $0.state == .tearingDown }) else {
            return violation(
                "gpadl-lifecycle", "GPADL_TORNDOWN.gpadl", Hexadecimal.prefixed(handle), "the list was not taken back")
        }
        let relid = pageLists.remove(at: index).relid
        return [.pageListTorndown(handle: handle, relid: relid)]
    }

    mutating func modified(_ response: ModifyChannelResponse) -> [GuestEffect] {
        guard let index = channels.firstIndex(where: { $0.relid == response.relid && $0.isModifying }) else {
            return violation(
                "modify-needs-version", "MODIFY_CHANNEL_RESPONSE.relid", String(response.relid),
                "no such move waits for an answer")
        }
        channels[index].isModifying = false
        return [.modified(relid: response.relid, response.status)]
    }
}
