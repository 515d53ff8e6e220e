import BusModel
import VMBusWire

/// The rule of rescinds: 12.
struct RescindRules: RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        guard let message = record.message, let index = bus.index(record.header.partition),
            bus.guests[index].isConnected
        else { return }
        switch message {
        case .rescindChannelOffer(let reference):
            let channel = bus.guests[index].channel(reference.relid)
            report.check(
                .rescindReleasedOnce, channel?.isRescinded == false, by: .host, record,
                place: "RESCIND_CHANNEL_OFFER.relid", value: String(reference.relid),
                channel == nil ? "no such channel is on offer" : "the channel was taken back already")
        case .relidReleased(let reference): released(reference.relid, bus.guests[index], record, &report)
        default: break
        }
    }

    private func released(_ relid: UInt32, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport) {
        let channel = guest.channel(relid)
        guard
            report.check(
                .rescindReleasedOnce, channel?.isReleasable == true, by: .guest, record, place: "RELID_RELEASED.relid",
                value: String(relid),
                channel == nil ? "the number was released already" : "the channel is in use and was not taken back"),
            let channel, channel.offer.subchannelIndex == 0
        else { return }
        let child = guest.channels.first {
            $0.offer.subchannelIndex > 0 && $0.offer.interfaceInstance == channel.offer.interfaceInstance
        }
        report.check(
            .rescindReleasedOnce, child == nil, by: .guest, record, place: "RELID_RELEASED.relid",
            value: String(relid), "sub-channel \(child?.relid ?? 0) of the device is released first")
    }
}
