import VMBusWire

extension GuestConnection {
    mutating func offered(_ offer: OfferChannel) -> [GuestEffect] {
        let place = "OFFER_CHANNEL.relid"
        guard offers != .notRequested else {
            return violation(
                "offers-after-request", place, String(offer.relid), "offers come once they have been asked for")
        }
        guard offer.relid > 0, offer.relid <= UInt32(Self.maximumChannels) else {
            return violation("relid-unique", place, String(offer.relid), "channel numbers are 1 to 2047")
        }
        guard table[offer.relid] == nil else {
            return violation("relid-unique", place, String(offer.relid), "the number is in use by another channel")
        }
        if agreement.features.contains(.confidentialChannels), offer.flags.contains(.confidentialExternalMemory),
            !offer.flags.contains(.confidentialRingBuffer)
        {
            return violation(
                "confidential-ring", "OFFER_CHANNEL.flags", offer.flags.meaning ?? "",
                "a channel with confidential external memory has a confidential ring")
        }
        let position = ChannelPosition(instance: offer.interfaceInstance, subchannel: offer.subchannelIndex)
        guard places[position] == nil else {
            return violation(
                "subchannel-family", "OFFER_CHANNEL.subchannel_index", String(offer.subchannelIndex),
                "the device has a channel of this index")
        }
        if offer.subchannelIndex > 0, places[ChannelPosition(instance: position.instance, subchannel: 0)] == nil {
            return violation(
                "subchannel-family", "OFFER_CHANNEL.interface_instance", offer.interfaceInstance.description,
                "a sub-channel follows its primary")
        }
        if var channel = awaited[position], channel.offer.interfaceType == offer.interfaceType {
            awaited[position] = nil
            channel.offer = offer
            adopt(channel)
            return [.readopted(offer)]
        }
        adopt(GuestChannel(offer: offer))
        return [.offered(offer)] + socketOffered(offer)
    }

    private mutating func adopt(_ channel: GuestChannel) {
        table[channel.relid] = channel
        places[channel.place] = channel.relid
    }

    mutating func offersDelivered() -> [GuestEffect] {
        guard offers == .requested else {
            return violation(
                "offers-after-request", "ALL_OFFERS_DELIVERED", "\(offers)", "it answers a request, and once")
        }
        offers = .delivered
        return [.allOffersDelivered]
    }

    mutating func rescinded(_ relid: UInt32) -> [GuestEffect] {
        guard var channel = table[relid] else {
            return violation(
                "relid-unique", "RESCIND_CHANNEL_OFFER.relid", String(relid), "no such channel is on offer")
        }
        guard !channel.isRescinded else { return [] }
        channel.isRescinded = true
        places[channel.place] = nil
        var effects: [GuestEffect] = []
        // Whoever waits for an answer about this channel gets it now, as none will come (reference §9 number 20).
        switch channel.state {
        case .opening, .openingReserved:
            endOpen(&channel)
            effects.append(.openRefused(relid: relid, .unexpected))
        case .closingReserved:
            channel.state = .closed
            effects.append(.reservedClosed(relid: relid, pageLists: handles[relid] ?? []))
        case .closed, .open, .openReserved: break
        }
        table[relid] = channel
        if profile.rescindEndsWaiting { effects += endWaits(relid) }
        // A driver that has let go already has nothing left to do.
        return effects + (channel.isReleased ? [] : [.rescinded(relid: relid)]) + settle(relid)
    }

    /// Lists whose answer somebody waits for: the waiter is told now, and the answer is heard silently when it comes.
    private mutating func endWaits(_ relid: UInt32) -> [GuestEffect] {
        pageLists(of: relid).flatMap { list -> [GuestEffect] in
            switch list.state {
            case .created: return []
            case .creating:
                remove(list, lateTeardown: false)
                return [.pageListRefused(handle: list.handle, relid: relid, .unexpected)]
            case .tearingDown:
                remove(list, lateTeardown: true)
                return [.pageListTorndown(handle: list.handle, relid: relid)]
            }
        }
    }

    /// The driver has let go of a channel. Its number is given back once the host has taken the channel back and owes no
    /// answer about it; until then the channel only waits.
    ///
    /// - Throws: when there is no such channel, it was let go of, or it is in use and was not taken back.
    public mutating func release(relid: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        let channel = try self.connectedChannel(relid)
        guard channel.isRescinded || (channel.state == .closed && pageLists(of: relid).isEmpty) else {
            throw GuestRefusal("channel \(relid) is in use and was not taken back")
        }
        table[relid]?.isReleased = true
        return settle(relid)
    }

    /// Gives a number back when nothing holds it any more.
    mutating func settle(_ relid: UInt32) -> [GuestEffect] {
        guard var channel = table[relid], channel.isRescinded, channel.isReleased else { return [] }
        if awaitsAnswers {
            guard !channel.isModifying, channel.lateAnswers == 0,
                pageLists(of: relid).allSatisfy({ $0.state == .created })
            else { return [] }
        }
        freeFlag(&channel)
        for list in pageLists(of: relid) {
            switch list.state {
            case .created: remove(list)
            case .creating: remove(list, lateTeardown: false)
            case .tearingDown: remove(list, lateTeardown: true)
            }
        }
        table[relid] = nil
        #if Mutations
            if configuration.mutation == .releasedTwice {
                return [1, 2].flatMap { _ in post(.relidReleased(ChannelReference(relid: relid))) }
            }
        #endif
        return post(.relidReleased(ChannelReference(relid: relid)))
    }

    private var awaitsAnswers: Bool {
        #if Mutations
            if configuration.mutation == .releaseBeforeMoveAnswer { return false }
        #endif
        return profile.releaseAwaitsAnswers
    }

    /// A channel of a connection that stands, which the driver still has.
    func connectedChannel(_ relid: UInt32) throws(GuestRefusal) -> GuestChannel {
        try requireConnected()
        guard let channel = table[relid] else { throw GuestRefusal("no channel \(relid) is on offer") }
        guard !channel.isReleased else { throw GuestRefusal("channel \(relid) was let go of") }
        return channel
    }
}
