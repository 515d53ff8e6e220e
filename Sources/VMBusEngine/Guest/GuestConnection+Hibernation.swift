import VMBusWire

extension GuestConnection {
    /// Ends the connection so that `resume` can find the devices again (reference §8.1). Their drivers have closed their
    /// channels; sub-channels, hv_sock connections and what is beyond `maximumChannels` awaited devices are taken from them
    /// here.
    ///
    /// - Throws: when the profile cannot hibernate, the connection does not stand, or a channel is open.
    public mutating func suspend() throws(GuestRefusal) -> [GuestEffect] {
        guard profile.canHibernate else {
            throw GuestRefusal("a guest of the profile \(profile.name) cannot hibernate")
        }
        try requireConnected()
        if let channel = channels.first(where: { $0.state != .closed }) {
            throw GuestRefusal("channel \(channel.relid) is not closed")
        }
        var effects: [GuestEffect] = []
        for channel in channels where !channel.isRescinded {
            var kept = GuestChannel(offer: channel.offer)
            kept.offer.relid = GuestChannel.noRelid
            // Devices of earlier hibernations may still be missing.
            let hasPlace = awaited.count < Self.maximumChannels || awaited[kept.place] != nil
            guard channel.offer.subchannelIndex == 0, !channel.isSocket, hasPlace else {
                effects.append(.rescinded(relid: channel.relid))
                continue
            }
            awaited[kept.place] = kept
        }
        let goodbye = postUnload()
        guard !goodbye.isEmpty, profile.awaitsUnloadComplete, agreement.version >= .windows7 else {
            return effects + goodbye + suspended()
        }
        state = .suspending
        return effects + goodbye
    }

    mutating func suspended() -> [GuestEffect] {
        state = .suspended
        forget()
        return [.suspended]
    }

    /// Begins the connection again, with the same version only, and asks for the offers.
    ///
    /// - Throws: when the connection was not ended by `suspend`.
    public mutating func resume() throws(GuestRefusal) -> [GuestEffect] {
        guard state == .suspended else { throw GuestRefusal("the guest does not hibernate") }
        state = .resuming(agreement.version)
        proposals = proposalList(for: agreement.version)
        return tryNextProposal()
    }

    mutating func awaitOffers() -> [GuestEffect] {
        guard awaited.count > 0 else { return [] }
        wakes.missingOffers = takeWake()
        return [
            .wake(
                GuestWake(purpose: .missingOffers, number: wakes.missingOffers),
                afterMicroseconds: profile.resumeLimit)
        ]
    }

    mutating func nameMissingOffers() -> [GuestEffect] {
        wakes.missingOffers = 0
        return awaited.count > 0 ? [.offersMissing(awaitedOffers)] : []
    }
}
