public import VMBusWire

extension GuestConnection {
    /// Opens a channel on a page list that the host holds; the host→guest ring starts after `downstreamPageOffset` pages.
    ///
    /// `targetVP` is the processor for the host's interrupts, `OpenChannel.interruptsDisabled` for none (from 2.4).
    ///
    /// - Throws: when the channel is not closed or was taken back, the list cannot hold its rings, or an option needs what
    ///   was not agreed on.
    public mutating func open(
        relid: UInt32, pageList handle: UInt32, targetVP: UInt32, downstreamPageOffset: UInt32,
        options: OpenOptions = OpenOptions()
    ) throws(GuestRefusal) -> [GuestEffect] {
        var channel = try closedChannel(relid)
        try requireRings(handle, relid, downstreamPageOffset)
        if targetVP == OpenChannel.interruptsDisabled, agreement.version < .windows8 {
            throw GuestRefusal("opening without interrupts needs version 2.4, \(agreement.version) was negotiated")
        }
        if options.redirectsInterrupt { try requireFeature(.channelInterruptRedirection) }
        if options.eventFlag != nil || options.connectionID != nil {
            try requireFeature(.guestSpecifiedSignalParameters)
        }
        let flag = try eventFlag(options.eventFlag, relid)
        flags[flag] = relid
        channel.eventFlag = flag
        channel.state = .opening
        channel.openID = profile.openID == .relid ? relid : 0
        channel.targetVP = agreement.version >= .windows8 ? targetVP : 0
        var message = OpenChannel(
            relid: relid, openID: channel.openID, ringGPADL: handle, targetVP: channel.targetVP,
            downstreamPageOffset: downstreamPageOffset)
        #if Mutations
            if configuration.mutation == .openOutsideList {
                message.downstreamPageOffset = UInt32(clamping: lists[handle]?.list.pages.count ?? 0)
            }
        #endif
        message.userData = options.userData
        message.connectionID = options.connectionID ?? channel.offer.connectionID
        message.eventFlag = flag
        message.flags = options.redirectsInterrupt ? .redirectInterrupt : []
        return postOpen(.openChannel(message), channel)
    }

    /// Opens a channel that goes on when the connection ends; it has no interrupts (reference §3.11). The host answers the
    /// processor and the interrupt source named here.
    ///
    /// - Throws: below 4.0, and as `open`.
    public mutating func openReserved(
        relid: UInt32, pageList handle: UInt32, targetVP: UInt32, targetSINT: UInt32 = UInt32(SynIC.vmbusSINT),
        downstreamPageOffset: UInt32
    ) throws(GuestRefusal) -> [GuestEffect] {
        var channel = try closedChannel(relid)
        guard agreement.version >= .windows10 else {
            throw GuestRefusal("reserved channels need version 4.0, \(agreement.version) was negotiated")
        }
        try requireRings(handle, relid, downstreamPageOffset)
        channel.state = .openingReserved
        channel.openID = 0
        channel.targetVP = targetVP
        channel.targetSINT = targetSINT
        var message = OpenReservedChannel()
        message.relid = relid
        message.targetVP = targetVP
        message.targetSINT = targetSINT
        message.ringGPADL = handle
        message.downstreamPageOffset = downstreamPageOffset
        return postOpen(.openReservedChannel(message), channel)
    }

    private mutating func postOpen(_ message: ChannelMessage, _ channel: GuestChannel) -> [GuestEffect] {
        table[channel.relid] = channel
        table[channel.relid]?.request = message.encoded(context: agreement)
        return post(message)
    }

    /// Closes a reserved channel, of this connection or of one that has ended.
    ///
    /// - Throws: when no such channel is open, or the connection that stands is older than 4.0.
    public mutating func closeReserved(relid: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        guard state != .connected || agreement.version >= .windows10 else {
            throw GuestRefusal("closing a reserved channel needs version 4.0, \(agreement.version) was negotiated")
        }
        var message = CloseReservedChannel()
        message.relid = relid
        if state == .connected, let channel = table[relid], channel.state == .openReserved {
            guard !channel.isRescinded else {
                // No answer would come (reference §8.5).
                table[relid]?.state = .closed
                return [.reservedClosed(relid: relid, pageLists: handles[relid] ?? [])]
            }
            table[relid]?.state = .closingReserved
            (message.targetVP, message.targetSINT) = (channel.targetVP, channel.targetSINT)
        } else if let channel = reserved[relid], !channel.isClosing {
            reserved[relid]?.isClosing = true
            (message.targetVP, message.targetSINT) = (channel.targetVP, channel.targetSINT)
        } else {
            throw GuestRefusal("no reserved channel \(relid) is open")
        }
        return post(.closeReservedChannel(message))
    }

    /// Closes a channel; its page lists are taken back by `tearDownPageList`.
    ///
    /// - Throws: when the channel is not open.
    public mutating func close(relid: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        var channel = try connectedChannel(relid)
        guard channel.state == .open else { throw GuestRefusal("channel \(relid) is not open") }
        channel.state = .closed
        freeFlag(&channel)
        table[relid] = channel
        return post(.closeChannel(ChannelReference(relid: relid)))
    }

    /// Moves a channel's interrupts to another processor. Answered from 5.3 on.
    ///
    /// - Throws: below 4.1, and when the channel is not open, has no interrupts, or the last move is not answered.
    public mutating func modify(relid: UInt32, targetVP: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        var channel = try connectedChannel(relid)
        if let refusal = moveRefusal { throw refusal }
        guard channel.state == .open, !channel.isRescinded else { throw GuestRefusal("channel \(relid) is not open") }
        guard channel.targetVP != OpenChannel.interruptsDisabled, targetVP != OpenChannel.interruptsDisabled else {
            throw GuestRefusal("channel \(relid) cannot be moved to or from no processor")
        }
        guard !channel.isModifying else { throw GuestRefusal("the last move of channel \(relid) is not answered") }
        channel.isModifying = agreement.version >= .iron
        channel.targetVP = targetVP
        table[relid] = channel
        return post(.modifyChannel(ModifyChannel(relid: relid, targetVP: targetVP)))
    }

    private var moveRefusal: GuestRefusal? {
        #if Mutations
            if configuration.mutation == .moveOfOldVersion { return nil }
        #endif
        return agreement.version >= .redstone3
            ? nil : GuestRefusal("moving a channel needs version 4.1, \(agreement.version) was negotiated")
    }

    private func closedChannel(_ relid: UInt32) throws(GuestRefusal) -> GuestChannel {
        let channel = try connectedChannel(relid)
        guard channel.state == .closed, !channel.isRescinded else {
            throw GuestRefusal("channel \(relid) is not closed, or was taken back")
        }
        return channel
    }

    private func requireRings(_ handle: UInt32, _ relid: UInt32, _ offset: UInt32) throws(GuestRefusal) {
        guard let list = lists[handle], list.relid == relid, list.state == .created else {
            throw GuestRefusal("the host holds no page list \(Hexadecimal.prefixed(handle)) for channel \(relid)")
        }
        guard list.list.isWholePages else { throw GuestRefusal("rings lie in one range of whole pages") }
        guard offset > 0, offset < UInt32(clamping: list.list.pages.count) else {
            throw GuestRefusal("page offset \(offset) lies outside the list")
        }
    }
}

extension GuestConnection {
    mutating func openResult(_ result: OpenChannelResult) -> [GuestEffect] {
        guard var channel = table[result.relid],
            channel.isRescinded || channel.state == .opening || channel.state == .openingReserved
        else { return unaskedOpenResult(result) }
        // The rescind has told whoever waited.
        guard !channel.isRescinded else { return [] }
        guard result.openID == channel.openID else { return unaskedOpenResult(result) }
        guard result.status.isSuccess else {
            endOpen(&channel)
            table[result.relid] = channel
            return [.openRefused(relid: result.relid, result.status)]
        }
        channel.state = channel.state == .opening ? .open : .openReserved
        channel.request = []
        table[result.relid] = channel
        return [.opened(relid: result.relid)]
    }

    private func unaskedOpenResult(_ result: OpenChannelResult) -> [GuestEffect] {
        violation(
            "open-answered-once", "OPEN_CHANNEL_RESULT.relid", String(result.relid),
            "no such open waits for an answer")
    }

    /// Nobody opens the channel any more.
    mutating func endOpen(_ channel: inout GuestChannel) {
        channel.state = .closed
        channel.request = []
        freeFlag(&channel)
    }

    mutating func openUnposted(_ relid: UInt32, _ state: GuestChannel.State) -> [GuestEffect] {
        guard var channel = table[relid], channel.state == state else { return [] }
        endOpen(&channel)
        table[relid] = channel
        return [.openRefused(relid: relid, .unexpected)]
    }

    mutating func closeReservedUnposted(_ relid: UInt32) {
        if table[relid]?.state == .closingReserved { table[relid]?.state = .openReserved }
        reserved[relid]?.isClosing = false
    }

    /// CLOSE_RESERVED_RESPONSE; it may come when no connection stands.
    mutating func reservedClosed(_ relid: UInt32) -> [GuestEffect] {
        if let channel = reserved[relid], channel.isClosing {
            reserved[relid] = nil
            return [.reservedClosed(relid: relid, pageLists: channel.pageLists)]
        }
        guard let channel = table[relid], channel.state == .closingReserved || channel.isRescinded else {
            return violation(
                "reserved-channel", "CLOSE_RESERVED_RESPONSE.relid", String(relid),
                "no such reserved channel is being closed")
        }
        guard channel.state == .closingReserved else { return [] }
        table[relid]?.state = .closed
        return [.reservedClosed(relid: relid, pageLists: handles[relid] ?? [])]
    }

    mutating func modified(_ response: ModifyChannelResponse) -> [GuestEffect] {
        guard let channel = table[response.relid], channel.isModifying else {
            return violation(
                "modify-needs-version", "MODIFY_CHANNEL_RESPONSE.relid", String(response.relid),
                "no such move waits for an answer")
        }
        table[response.relid]?.isModifying = false
        guard !channel.isRescinded else { return settle(response.relid) }
        return [.modified(relid: response.relid, response.status)]
    }
}
