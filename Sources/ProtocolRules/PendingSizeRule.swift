import BusModel

/// The rule of the pending-send size: 26.
struct PendingSizeRule: RuleFold {
    mutating func observe(_ evidence: RuleEvidence, _ bus: RuleBus, _ report: inout RuleReport) {
        guard case .ring(let ring) = evidence else { return }
        report.checked(.pendingNeedsFeature)
        guard ring.pendingSendSize != 0, ring.featureBits & 1 == 0 else { return }
        report.broken(
            .pendingNeedsFeature, by: ring.sendingParty, partition: ring.partition, channel: ring.channel,
            relid: ring.relid, place: "ring of channel \(ring.relid), pending_send_size",
            value: "\(ring.pendingSendSize)",
            "the sender did not announce feature bit 0: nobody will wake it")
    }
}
