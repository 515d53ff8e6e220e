public import VMBusWire

extension HostConnection {
    /// The channel with a key.
    public func channel(_ key: HostChannelKey) -> HostChannel? { channels.first { $0.key == key } }

    /// The channel with a number that the guest may hold.
    public func channel(relid: UInt32) -> HostChannel? { channels.first { $0.relid == relid && relid != 0 } }

    /// Adds a channel; its number is given when it is offered. A connected guest that has asked for offers gets it at once.
    ///
    /// A channel of the same device and index that was taken back, and whose number the guest still holds, is offered again
    /// under that number once the guest has released it (reference §8.5).
    public mutating func addOffer(_ offer: OfferChannel) -> (key: HostChannelKey, effects: [HostEffect]) {
        if let index = channels.firstIndex(where: {
            $0.state == .revoked && $0.offer.interfaceType == offer.interfaceType
                && $0.offer.interfaceInstance == offer.interfaceInstance
                && $0.offer.subchannelIndex == offer.subchannelIndex
        }) {
            var again = offer
            again.relid = channels[index].relid
            channels[index].offer = again
            channels[index].state = .reoffered
            return (channels[index].key, [])
        }
        var unnumbered = offer
        unnumbered.relid = 0
        let channel = HostChannel(key: takeKey(), offer: unnumbered)
        channels.append(channel)
        return (channel.key, offersSent ? self.offer(channel.key) : [])
    }

    /// Takes a channel back.
    public mutating func revoke(_ key: HostChannelKey) -> [HostEffect] {
        guard let index = channels.firstIndex(where: { $0.key == key }) else { return [] }
        let relid = channels[index].relid
        guard state == .connected, channels[index].isKnownToGuest else {
            channels.remove(at: index)
            return []
        }
        var effects: [HostEffect] = []
        switch channels[index].state {
        case .open, .opening: effects.append(.close(key))
        case .revoked, .reoffered: return []
        default: break
        }
        channels[index].state = .revoked
        // Lists under way get their answer; those that stand stay until the guest releases the channel (reference §8.5).
        for assembly in assemblies where assembly.relid == relid {
            effects += send(
                .gpadlCreated(GPADLCreated(relid: relid, gpadl: assembly.handle, status: .unexpected)))
        }
        assemblies.removeAll { $0.relid == relid }
        return effects + send(.rescindChannelOffer(ChannelReference(relid: relid)))
    }

    /// Numbers are given in the order of interface, then of arrival, so that they stay the same from boot to boot
    /// (reference §3.5).
    mutating func requestOffers() -> [HostEffect] {
        guard !offersSent else {
            return violation(
                "offers-after-request", "REQUEST_OFFERS", "twice", "offers are asked for once per connection")
        }
        offersSent = true
        let order = channels.sorted {
            ($0.offer.subchannelIndex, $0.offer.interfaceType, $0.key)
                < ($1.offer.subchannelIndex, $1.offer.interfaceType, $1.key)
        }
        return order.flatMap { offer($0.key) } + send(.allOffersDelivered)
    }

    /// Offers a channel that the guest does not hold.
    mutating func offer(_ key: HostChannelKey) -> [HostEffect] {
        guard state == .connected, let index = channels.firstIndex(where: { $0.key == key }),
            channels[index].state == .clientReleased
        else { return [] }
        if channels[index].relid == 0 {
            guard let relid = freeRelid() else { return [] }
            channels[index].offer.relid = relid
            channels[index].offer.connectionID = Self.connectionID(relid)
        }
        channels[index].state = .closed
        var offer = channels[index].offer
        if agreement.version < .windows8 { offer.subchannelIndex = 0 }
        return send(.offerChannel(offer))
    }

    /// OpenVMM's numbering (reference §1.6).
    static func connectionID(_ relid: UInt32) -> UInt32 { relid | UInt32(SynIC.vmbusSINT) << 12 }

    private func freeRelid() -> UInt32? {
        var used = [Bool](repeating: false, count: Int(SynIC.eventFlagCount))
        for channel in channels where channel.relid < SynIC.eventFlagCount { used[Int(channel.relid)] = true }
        return used.indices.dropFirst().first { !used[$0] }.map { UInt32($0) }
    }

    /// The guest has let go of a number (reference §8.5, row RELID_RELEASED).
    mutating func released(_ relid: UInt32) -> [HostEffect] {
        guard let index = channels.firstIndex(where: { $0.relid == relid && $0.isKnownToGuest }) else {
            return violation(
                "rescind-released-once", "RELID_RELEASED.relid", String(relid), "the guest holds no such channel")
        }
        let key = channels[index].key
        switch channels[index].state {
        case .closed:
            releasePageLists(relid)
            channels[index].offer.relid = 0
            channels[index].state = .clientReleased
            return [.released(key)]
        case .revoked:
            let lists = releasePageLists(relid)
            channels.remove(at: index)
            return lists + [.released(key)]
        case .reoffered:
            let lists = releasePageLists(relid)
            channels[index].state = .clientReleased
            return lists + [.released(key)] + offer(key)
        case .open:
            let lists = releasePageLists(relid)
            channels[index].state = .closingClientRelease
            return [.close(key)] + lists
        default:
            return violation(
                "rescind-released-once", "RELID_RELEASED.relid", String(relid), "the channel is between two states")
        }
    }

    @discardableResult
    private mutating func releasePageLists(_ relid: UInt32) -> [HostEffect] {
        defer { pageLists.removeAll { $0.relid == relid } }
        return pageLists.filter { $0.relid == relid }.map { .pageListReleased(handle: $0.handle, relid: relid) }
    }
}
