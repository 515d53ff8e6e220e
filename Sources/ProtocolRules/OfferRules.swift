import BusModel
import VMBusWire

/// The rules of offers: 3, 4, 5 and 13.
struct OfferRules: RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        guard let message = record.message, let index = bus.index(record.header.partition) else { return }
        switch message {
        case .requestOffers:
            guard bus.guests[index].phase == .connected else { return }
            report.check(
                .offersAfterRequest, !bus.guests[index].offersRequested, by: .guest, record, place: record.place,
                value: "a second time", "offers are asked for once per connection")
        case .allOffersDelivered:
            guard bus.guests[index].isConnected else { return }
            report.check(
                .offersAfterRequest, bus.guests[index].offersRequested && !bus.guests[index].offersDelivered, by: .host,
                record, place: record.place,
                value: bus.guests[index].offersDelivered ? "a second time" : "without REQUEST_OFFERS",
                "it answers a request, and once")
        case .offerChannel(let offer):
            guard bus.guests[index].isConnected else { return }
            examine(offer, bus.guests[index], record, &report)
        default: break
        }
    }

    private func examine(_ offer: OfferChannel, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport) {
        report.check(
            .offersAfterRequest, guest.offersRequested, by: .host, record, place: "OFFER_CHANNEL.relid",
            value: String(offer.relid), "offers come once they have been asked for")
        let holder = guest.channel(offer.relid)
        let isNumber = offer.relid > 0 && offer.relid < SynIC.eventFlagCount
        let isFree = report.check(
            .relidUnique, isNumber && (holder?.isRescinded ?? true), by: .host, record, place: "OFFER_CHANNEL.relid",
            value: String(offer.relid),
            isNumber ? "another channel on offer has the number" : "channel numbers are 1 to 2047")
        if isFree {
            report.check(
                .relidReleasedBeforeReuse, holder == nil, by: .host, record, place: "OFFER_CHANNEL.relid",
                value: String(offer.relid), "the guest has not released the number since the rescind")
        }
        family(offer, guest, record, &report)
    }

    /// Channels of the same device that the host has not taken back.
    private func family(_ offer: OfferChannel, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport) {
        let relatives = guest.channels.filter {
            !$0.isRescinded && $0.offer.interfaceInstance == offer.interfaceInstance && $0.relid != offer.relid
        }
        let primary = relatives.first { $0.offer.subchannelIndex == 0 }
        // One device of another type may have the same instance: only sub-channels must have their primary's.
        let twin = relatives.first {
            $0.offer.subchannelIndex == offer.subchannelIndex && $0.offer.interfaceType == offer.interfaceType
        }
        if offer.subchannelIndex > 0,
            !report.check(
                .subchannelFamily, primary?.offer.interfaceType == offer.interfaceType, by: .host, record,
                place: "OFFER_CHANNEL.interface_type", value: offer.interfaceType.description,
                primary.map { "the primary, channel \($0.relid), has another type" } ?? "its primary is not on offer")
        {
            return
        }
        report.check(
            .subchannelFamily, twin == nil, by: .host, record, place: "OFFER_CHANNEL.subchannel_index",
            value: String(offer.subchannelIndex), "channel \(twin?.relid ?? 0) of the device has the index")
    }
}
