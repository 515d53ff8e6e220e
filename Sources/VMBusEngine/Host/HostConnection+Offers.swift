public import VMBusWire

/// Why the host does not take an offer of its own devices.
public enum OfferRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// All numbers are taken.
    case tooManyChannels
    /// The device has this channel already.
    case duplicate(ChannelIdentity)
    /// Confidential external memory without a confidential ring (reference §3.3).
    case confidentialMemoryWithoutRing

    /// One line.
    public var description: String {
        switch self {
        case .tooManyChannels: "a guest has at most \(HostConnection.maximumChannels) channels; take one back first"
        case .duplicate(let identity):
            "channel \(identity.subchannelIndex) of device \(identity.interfaceInstance) is on offer already"
        case .confidentialMemoryWithoutRing:
            "an offer with confidential external memory has a confidential ring too: set both flags"
        }
    }
}

extension HostConnection {
    /// Adds a channel; its number is given when it is offered. A connected guest that has asked for offers gets it at once.
    ///
    /// A channel of the same device and index that was taken back, and whose number the guest still holds, is offered again
    /// under that number once the guest has released it (reference §8.5).
    ///
    /// - Parameters:
    ///   - order: where it stands among the offers of its kind when numbers are given (reference §3.5).
    ///   - keepsNumbers: whether it has the number and connection that stand in the offer, where those are free: a host whose
    ///     log is run again has given them.
    /// - Throws: why the channel cannot be offered.
    public mutating func addOffer(
        _ offer: OfferChannel, order: UInt64? = nil, keepsNumbers: Bool = false
    ) throws(OfferRefusal) -> (key: HostChannelKey, effects: [HostEffect]) {
        guard
            !offer.flags.contains(.confidentialExternalMemory) || offer.flags.contains(.confidentialRingBuffer)
        else { throw .confidentialMemoryWithoutRing }
        let identity = ChannelIdentity(offer)
        if let key = identities[identity], let index = position(key) {
            guard channels[index].state == .revoked else { throw .duplicate(identity) }
            var again = offer
            again.relid = channels[index].relid
            again.connectionID = channels[index].offer.connectionID
            channels[index].offer = again
            channels[index].order = order
            #if Mutations
                if configuration.mutation == .relidReusedUnreleased {
                    channels[index].state = .clientReleased
                    return (key, removeLists(at: index) + self.offer(at: index))
                }
            #endif
            channels[index].state = .reoffered
            return (key, [])
        }
        guard channels.count < Self.maximumChannels else { throw .tooManyChannels }
        var unnumbered = offer
        let keepsNumbers = keepsNumbers && offer.relid > 0 && relids[offer.relid] == nil
        if !keepsNumbers { unnumbered.relid = 0 }
        let channel = HostChannel(key: takeKey(), offer: unnumbered, order: order)
        identities[identity] = channel.key
        channels.append(channel)
        if keepsNumbers {
            relids[offer.relid] = channel.key
            while relids[lowestFreeRelid] != nil { lowestFreeRelid += 1 }
        }
        return (channel.key, offersSent ? self.offer(at: channels.count - 1) : [])
    }

    mutating func takeKey() -> HostChannelKey {
        defer { nextKey += 1 }
        return HostChannelKey(number: nextKey)
    }

    /// Takes a channel back: its device is gone and answers no more (reference §8.5).
    public mutating func revoke(_ key: HostChannelKey) -> [HostEffect] {
        guard let index = position(key) else { return [] }
        let channel = channels[index]
        var effects: [HostEffect] = []
        switch channel.state {
        case .revoked: return []
        case .reoffered:
            channels[index].state = .revoked
            return []
        case .open, .opening, .openingClientRelease: effects.append(.close(key))
        case .clientReleased, .closed, .closing, .closingReopen, .closingClientRelease: break
        }
        guard state == .connected, channel.isKnownToGuest else {
            effects += removeLists(at: index)
            remove(at: index)
            return effects + settled(key)
        }
        channels[index].state = .revoked
        channels[index].ringList = nil
        channels[index].moving = nil
        channels[index].nextMove = nil
        // A guest may wait for the answer of a move before it releases the channel.
        if channel.moving != nil { effects += answerMove(channel.relid, configuration.profile.failureStatus) }
        for list in channel.pageLists {
            switch list.state {
            case .offered: effects += refuseList(channel.relid, list.handle) + removeList(list.handle, at: index)
            case .offeredTearingDown: effects += removeList(list.handle, at: index)
            case .tearingDown:
                effects += removeList(list.handle, at: index)
                effects += send(.gpadlTorndown(GPADLTorndown(gpadl: list.handle)))
            case .inProgress, .accepted: break
            }
        }
        return effects + send(.rescindChannelOffer(ChannelReference(relid: channel.relid)))
    }

    /// Numbers are given in a stable order, so that they stay the same from boot to boot (reference §3.5).
    mutating func requestOffers() throws(ProtocolViolation) -> [HostEffect] {
        guard !offersSent else {
            throw ProtocolViolation(
                rule: "offers-after-request", place: "REQUEST_OFFERS", value: "twice",
                explanation: "offers are asked for once per connection")
        }
        offersSent = true
        var effects: [HostEffect] = []
        for index in channels.indices.sorted(by: { comesBefore(channels[$0], channels[$1]) }) {
            effects += offer(at: index)
        }
        return effects + send(.allOffersDelivered)
    }

    private func comesBefore(_ left: HostChannel, _ right: HostChannel) -> Bool {
        let orders = (left.order ?? .max, right.order ?? .max)
        let kinds = (left.offer.interfaceType, right.offer.interfaceType)
        let rests = (
            (left.offer.interfaceInstance, left.offer.subchannelIndex, left.key),
            (right.offer.interfaceInstance, right.offer.subchannelIndex, right.key)
        )
        if configuration.ordersAcrossKinds, orders.0 != orders.1 { return orders.0 < orders.1 }
        if kinds.0 != kinds.1 { return kinds.0 < kinds.1 }
        if orders.0 != orders.1 { return orders.0 < orders.1 }
        return rests.0 < rests.1
    }

    /// Offers a channel that the guest does not hold.
    mutating func offer(at index: Int) -> [HostEffect] {
        guard state == .connected, channels[index].state == .clientReleased else { return [] }
        // A reserved channel that was closed between two connections: a new guest's handles must not meet the old ones.
        channels[index].offerWaits = !channels[index].lists.isEmpty
        if channels[index].offerWaits { return [] }
        if channels[index].relid == 0 {
            let relid = lowestFreeRelid
            channels[index].offer.relid = relid
            channels[index].offer.connectionID = configuration.profile.connectionID(
                relid: relid, vtl: configuration.vtl)
            relids[relid] = channels[index].key
            while relids[lowestFreeRelid] != nil { lowestFreeRelid += 1 }
        }
        channels[index].state = .closed
        let offer = published(channels[index].offer)
        channels[index].isMonitorPublished = offer.isMonitored
        var bytes = ChannelMessage.offerChannel(offer).encoded(context: agreement)
        if let detail = configuration.profile.offerDetail { detail.write(into: &bytes) }
        return post(OutgoingMessage(bytes: bytes, target: MessageTarget(vp: targetVP), isReply: false))
    }

    /// The offer as this guest may see it: nothing that its version, its features or its monitor pages do not carry.
    private func published(_ offer: OfferChannel) -> OfferChannel {
        var offer = offer
        if agreement.version < .windows8 { offer.subchannelIndex = 0 }
        if !agreement.features.contains(.confidentialChannels) {
            offer.flags.subtract([.confidentialRingBuffer, .confidentialExternalMemory])
        }
        if !agreement.features.contains(.gpaPinning) { offer.flags.remove(.requirePinnedExternalMemory) }
        if agreement.version < .windows10 { offer.flags.remove(.tlnpiProvider) }
        if monitorPages == nil || offer.monitorID >= MonitorPage.idCount { offer.monitorAllocated = 0 }
        if !offer.isMonitored { offer.monitorID = 0 }
        #if Mutations
            if configuration.mutation == .relidGivenTwice { offer.relid = 1 }
            if configuration.mutation == .subchannelOfAnotherClass, offer.subchannelIndex > 0 {
                offer.interfaceType = offer.interfaceInstance
            }
        #endif
        return offer
    }

    /// The guest has let go of a number (reference §8.5, row RELID_RELEASED).
    mutating func released(_ relid: UInt32) throws(ProtocolViolation) -> [HostEffect] {
        let index = try known(relid, "RELID_RELEASED")
        let key = channels[index].key
        switch channels[index].state {
        case .closed:
            let effects = letGo(at: index)
            releaseNumber(at: index)
            return effects + [.released(key)]
        case .revoked:
            let effects = removeLists(at: index)
            remove(at: index)
            return effects + [.released(key)]
        case .reoffered:
            let effects = letGo(at: index)
            return effects + [.released(key)] + offer(at: index)
        case .open where channels[index].reservation == nil: return letGo(at: index)
        default:
            throw ProtocolViolation(
                rule: "rescind-released-once", place: "RELID_RELEASED.relid", value: String(relid),
                explanation: "the channel is between two states")
        }
    }

    /// The number is free for another channel.
    mutating func releaseNumber(at index: Int) {
        let relid = channels[index].relid
        guard relid != 0 else { return }
        relids[relid] = nil
        lowestFreeRelid = min(lowestFreeRelid, relid)
        channels[index].offer.relid = 0
        channels[index].isMonitorPublished = false
    }

    /// The indices lose a channel that is about to go.
    mutating func forget(_ channel: HostChannel) {
        identities[channel.identity] = nil
        guard channel.relid != 0 else { return }
        relids[channel.relid] = nil
        lowestFreeRelid = min(lowestFreeRelid, channel.relid)
    }

    /// The host has the channel no more.
    mutating func remove(at index: Int) { forget(channels.remove(at: index)) }
}

extension HostProfile.OfferDetail {
    /// The reserved bytes of an offer: 40 to 55 of the message.
    fileprivate func write(into bytes: inout [UInt8]) {
        let start = 40
        guard bytes.count >= start + 16 else { return }
        for position in 0..<8 {
            bytes[start + position] = UInt8(truncatingIfNeeded: interruptLatency >> UInt64(8 * position))
        }
        for position in 0..<4 {
            bytes[start + 8 + position] = UInt8(truncatingIfNeeded: revision >> UInt32(8 * position))
            bytes[start + 12 + position] = UInt8(truncatingIfNeeded: serverContextSize >> UInt32(8 * position))
        }
    }
}
