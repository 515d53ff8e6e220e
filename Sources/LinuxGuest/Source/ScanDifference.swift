import BusModel
import VMBusWire

/// Tells scan after scan what is new since the one before, as records of the log.
///
/// A channel whose counters stand still says so once, so that its rate falls to zero, and then nothing. When it moves
/// again the last quiet moment is recorded first, so that no reader spreads the new counts over the whole silence.
struct ScanDifference: Sendable {
    private struct Known: Sendable {
        var entity: LogEntity
        /// When the counters were recorded last.
        var recorded: UInt64
        /// When they were read last.
        var read: UInt64
        /// Whether the counters were the same in the last two looks.
        var isQuiet: Bool
    }

    /// In the order in which they were told.
    private var order: [LogSubject] = []
    // Looked up only, never walked.
    private var known: [LogSubject: Known] = [:]
    private var wasMissing = false

    private static let upwardCounters: Set<Attribute> = [
        .interrupts, .events, .interruptsInFull, .interruptsOutEmpty, .outFullFirst, .outFullTotal,
    ]

    /// The records that lead from the last look to this one, in the order of their times.
    ///
    /// - Parameter time: The time of all that has none of its own; no read is earlier.
    mutating func records(_ entities: [LogEntity], busAvailable: Bool, at time: UInt64) -> FlowBatch {
        var batch = FlowBatch()
        let present = Set(entities.filter { !$0.isReplacement }.map(\.subject))
        let replaced = Set(entities.filter(\.isReplacement).map(\.subject))
        tellQuietMoments(entities, &batch)
        for subject in order.reversed() {
            // What is below a device that is gone is gone with it.
            var parent = subject
            parent.subchannel = nil
            let goesWithDevice = subject != parent && !present.contains(parent)
            guard !present.contains(subject) || replaced.contains(parent),
                let gone = known.removeValue(forKey: subject), !goesWithDevice
            else { continue }
            tell(.state, gone.entity, [], at: time, code: .removed, &batch)
        }
        for entity in entities {
            // Devices that come together keep the order of the listing, in whichever order they were read.
            let isNewDevice = entity.subject.subchannel == nil && known[entity.subject] == nil
            tell(entity, at: isNewDevice ? time : entity.readTime ?? time, &batch)
        }
        // Whatever is told of the guest says that there is a bus, so this comes last each time.
        if !busAvailable, !wasMissing || !batch.isEmpty {
            batch.append(
                FlowRecordHeader(kind: .state, time: time, partition: 0, code: StateCode.busMissing.rawValue),
                AttributeList().encoded())
        }
        wasMissing = !busAvailable
        order = entities.map(\.subject)
        return batch.inOrderOfTime
    }

    /// Records of the last read of channels that were quiet and are not any more.
    private func tellQuietMoments(_ entities: [LogEntity], _ batch: inout FlowBatch) {
        for entity in entities where entity.isFresh {
            guard let old = known[entity.subject], old.isQuiet, old.recorded < old.read,
                old.entity.relid == entity.relid, old.entity.counters != entity.counters
            else { continue }
            tell(.sample, old.entity, old.entity.counters, at: old.read, &batch)
        }
    }

    private mutating func tell(_ entity: LogEntity, at time: UInt64, _ batch: inout FlowBatch) {
        guard var old = known[entity.subject], old.entity.relid == entity.relid else {
            // Another relid is a new offer of the same device: everything about the channel is told afresh.
            known[entity.subject] = Known(entity: entity, recorded: time, read: time, isQuiet: false)
            let all = entity.state + entity.counters + problems(of: entity)
            tell(.state, entity, all, at: time, code: .appeared, &batch)
            return
        }
        var changed = zip(old.entity.state, entity.state).filter { $0 != $1 }.map(\.1)
        if old.entity.problems != entity.problems { changed += LogEntity.readings(of: entity.problems) }
        if !changed.isEmpty { tell(.state, entity, changed, at: time, code: .changed, &batch) }
        guard entity.isFresh else {
            (old.entity.state, old.entity.problems) = (entity.state, entity.problems)
            known[entity.subject] = old
            return
        }
        let dropped = zip(old.entity.counters, entity.counters).filter { before, now in
            Self.upwardCounters.contains(now.attribute) && before.form == .number && now.form == .number
                && now.number < before.number
        }
        if !dropped.isEmpty { tell(.state, entity, dropped.map(\.1), at: time, code: .countersReset, &batch) }
        let moved = old.entity.counters != entity.counters
        if moved || !old.isQuiet, !entity.counters.isEmpty {
            tell(.sample, entity, entity.counters, at: time, &batch)
            old.recorded = time
        }
        old.isQuiet = !moved
        old.read = time
        old.entity = entity
        known[entity.subject] = old
    }

    private func problems(of entity: LogEntity) -> [AttributeReading] {
        entity.problems.isEmpty ? [] : LogEntity.readings(of: entity.problems)
    }

    private func tell(
        _ kind: FlowKind, _ entity: LogEntity, _ readings: [AttributeReading], at time: UInt64, code: StateCode? = nil,
        _ batch: inout FlowBatch
    ) {
        let header = FlowRecordHeader(
            kind: kind, time: time, partition: entity.subject.partition, device: entity.subject.device,
            subchannel: entity.subject.subchannel ?? 0, relid: entity.relid, code: code?.rawValue ?? 0)
        batch.append(header, AttributeList(readings).encoded())
    }
}

extension FlowBatch {
    /// The same records ordered by time; those of one time stay as they are.
    fileprivate var inOrderOfTime: FlowBatch {
        if zip(headers, headers.dropFirst()).allSatisfy({ $0.time <= $1.time }) { return self }
        var ordered = FlowBatch()
        let places = headers.indices.sorted { left, right in
            headers[left].time != headers[right].time ? headers[left].time < headers[right].time : left < right
        }
        for place in places { ordered.append(headers[place], from: self) }
        return ordered
    }
}
