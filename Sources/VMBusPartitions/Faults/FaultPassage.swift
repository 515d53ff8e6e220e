import VMBusWire

/// One effect on its way through an injector, and what faults have made of it.
struct FaultPassage {
    private let original: PartitionEffect
    private let guest: Int
    private let time: UInt64
    /// Who wants it done.
    let direction: Direction
    /// The channel that it is about.
    var place: ChannelPlace?
    private(set) var effect: PartitionEffect?
    /// Nanoseconds until it is carried out.
    private(set) var delay: UInt64 = 0
    private var before: [FaultAct] = []
    private var after: [DelayedFaultAct] = []

    /// Nil for what no fault is done to.
    init?(_ effect: PartitionEffect, guest: Int, time: UInt64) {
        switch effect {
        case .post: direction = .guestToHost
        case .send: direction = .hostToGuest
        case .signal(let place, _), .monitorSignal(let place, _): (direction, self.place) = (.guestToHost, place)
        case .interrupt(let place, _, _): (direction, self.place) = (.hostToGuest, place)
        case .packet(let place, let writer, _, _, _): (direction, self.place) = (writer, place)
        default: return nil
        }
        original = effect
        self.effect = effect
        self.guest = guest
        self.time = time
    }

    var isUntouched: Bool { effect == original && delay == 0 && before.isEmpty && after.isEmpty }

    var acts: [DelayedFaultAct] {
        before.map { DelayedFaultAct($0) } + (effect.map { [DelayedFaultAct(.effect($0), after: delay)] } ?? []) + after
    }

    var isMessage: Bool { if case .post = original { true } else if case .send = original { true } else { false } }

    /// Whether it wakes the other end up.
    var isWakeUp: Bool {
        switch original {
        case .signal, .monitorSignal, .interrupt: true
        default: false
        }
    }

    /// The message, as it is by now.
    private var message: [UInt8]? {
        switch effect {
        case .post(let bytes, _), .send(let bytes, _): bytes
        default: nil
        }
    }

    /// Waits behind another message.
    mutating func wait(_ nanoseconds: UInt64) { delay = max(delay, nanoseconds) }

    /// It is one with another that waits.
    func merged(_ kind: FaultKind) -> [DelayedFaultAct] {
        [DelayedFaultAct(.tell(report(kind, "\(subject) is one with the one that waits")))]
    }

    // MARK: Which

    func fits(_ fault: FaultConfiguration) -> Bool {
        guard let effect, fault.guest ?? guest == guest, time >= fault.time ?? 0,
            fault.device == nil || fault.device == place?.device,
            fault.subchannel == nil || fault.subchannel == place?.subchannel
        else { return false }
        switch (fault.kind.target, effect) {
        case (.post, .post), (.message, .post), (.message, .send):
            return direction == fault.direction && fits(message: fault.message)
        case (.device, .post), (.device, .send):
            // Whoever sends the message, it is the host that takes the device back.
            return fits(message: fault.message) && (fault.device ?? place?.device) != nil
        case (.signal, .signal), (.signal, .monitorSignal), (.interrupt, .interrupt): return true
        case (.ring, .packet): return direction == fault.direction
        case (.packet, .packet(_, _, let type, let bytes, _)):
            let firstWord = fault.kind.firstWord
            return direction == fault.direction && fault.kind.packet ?? type == type
                && (firstWord == nil || PacketImage(bytes).number(.payload, at: 0, 4).map(UInt32.init) == firstWord)
        default: return false
        }
    }

    private func fits(message type: MessageType?) -> Bool {
        guard let type else { return true }
        return message.map { Self.type(of: $0) } == type
    }

    private static func type(of message: [UInt8]) -> MessageType {
        MessageType(rawValue: UInt32(truncatingIfNeeded: LittleEndian.number(message, at: 0, 4) ?? 0))
    }

    // MARK: What

    /// Lets a fault be done. False when there is nothing that it could be done to.
    mutating func undergo(_ fault: FaultConfiguration, _ draw: inout FaultDraw) -> Bool {
        let kind = fault.kind
        switch kind.action {
        case .delay, .coalesce:
            let wait = fault.delay ?? (isMessage ? 5_000_000 : 1_000_000)
            tell(kind, "\(subject) comes \(wait) ns later")
            delay &+= wait
        case .drop:
            tell(kind, "\(subject) does not come")
            effect = nil
        case .refuse:
            guard let refusal else { return false }
            tell(kind, "\(subject) is answered by a refusal")
            effect = nil
            after.append(DelayedFaultAct(.effect(.send(bytes: refusal.encoded(), targetVP: 0))))
        case .repeated:
            guard let effect else { return false }
            tell(kind, "\(subject) comes twice")
            after.append(DelayedFaultAct(.effect(effect), after: delay &+ (fault.delay ?? 0)))
        case .refusePost(let status):
            tell(kind, "\(subject) is refused with \(Hexadecimal.prefixed(status))")
            effect = nil
            after.append(DelayedFaultAct(.refuse(status: status)))
        case .interruptFirst:
            guard let place else { return false }
            tell(kind, "an interrupt of channel \(place.relid) comes before \(subject)")
            before.append(.stray(.hostToGuest, FaultPlace(place)))
        case .field(let name, let value): return changeField(fault, name.isEmpty ? fault.field ?? "" : name, value)
        case .bytes(let offset, let width, let value):
            guard var message else { return false }
            // Versions that have no such bytes get them.
            while message.count < offset + width { message.append(0) }
            guard let change = message.changing(value.or(fault.value), at: offset, width) else { return false }
            replaceMessage(fault, with: change)
        case .resize(let count):
            guard var message, message.count != count else { return false }
            if message.count > count { message.removeLast(message.count - count) }
            while message.count < count { message.append(UInt8(draw.next(below: 256))) }
            replaceMessage(fault, with: message)
        case .garble: return garble(fault, &draw)
        case .repeatPacket:
            guard let place, case .packet(_, _, _, let bytes, _) = effect else { return false }
            tell(kind, "\(subject) is written twice")
            after.append(DelayedFaultAct(.repeatPacket(place, direction, bytes)))
        case .word(let part, let offset, let width, let value),
            .alternateWord(let part, let offset, let width, let value):
            return changePacket(fault, part, fault.offset ?? offset, fault.width ?? width, value.or(fault.value))
        case .stray, .unknownFlag, .rescind, .bounce, .ring, .alternateRing:
            after += Self.acts(of: fault, at: place)
        }
        return true
    }

    /// What a host answers that does not do what it is asked.
    private var refusal: ChannelMessage? {
        guard let message else { return nil }
        return switch try? ChannelMessage.decode(message) {
        case .openChannel(let open):
            .openChannelResult(
                OpenChannelResult(
                    relid: open.relid, openID: open.openID, status: MessageStatus(rawValue: 0xC000_009A)))
        case .modifyChannel(let move):
            .modifyChannelResponse(ModifyChannelResponse(relid: move.relid, status: .unexpected))
        default: nil
        }
    }

    private mutating func changeField(_ fault: FaultConfiguration, _ name: String, _ value: FaultValue) -> Bool {
        guard let message, let node = ChannelMessage.tree(message[...]).first(named: name),
            [1, 2, 4, 8].contains(node.size),
            let changed = message.changing(value.or(fault.value), at: node.offset, node.size)
        else { return false }
        replaceMessage(fault, with: changed)
        return true
    }

    private mutating func replaceMessage(_ fault: FaultConfiguration, with bytes: [UInt8]) {
        switch effect {
        case .post(let old, let connectionID):
            tell(fault.kind, "\(subject): \(Self.difference(old, bytes))")
            effect = .post(bytes: bytes, connectionID: connectionID)
        case .send(let old, let targetVP):
            tell(fault.kind, "\(subject): \(Self.difference(old, bytes))")
            effect = .send(bytes: bytes, targetVP: targetVP)
        default: break
        }
    }

    private mutating func garble(_ fault: FaultConfiguration, _ draw: inout FaultDraw) -> Bool {
        if var message {
            guard !message.isEmpty else { return false }
            message[Int(draw.next(below: UInt64(message.count)))] ^= UInt8(1 + draw.next(below: 255))
            replaceMessage(fault, with: message)
            return true
        }
        guard case .packet(_, _, _, let bytes, _) = effect else { return false }
        let payload = PacketImage(bytes).range(of: .payload)
        guard !payload.isEmpty else { return false }
        let offset = Int(draw.next(below: UInt64(payload.count)))
        return changePacket(fault, .payload, offset, 1, .flip(1 + draw.next(below: 255)))
    }

    private mutating func changePacket(
        _ fault: FaultConfiguration, _ part: PacketPart, _ offset: Int, _ width: Int, _ value: FaultValue
    ) -> Bool {
        guard let channel = place, case .packet(_, _, let type, let bytes, let attachment) = effect else {
            return false
        }
        let image = part == .attachment ? PacketImage(attachment: attachment) : PacketImage(bytes)
        let range = image.range(of: part)
        guard offset <= range.count - width else { return false }
        var lasts: UInt64?
        if case .alternateWord = fault.kind.action { lasts = fault.delay ?? 2000 }
        after.append(
            DelayedFaultAct(
                .packet(
                    PacketEdit(
                        place: channel, direction: direction, bytes: bytes, attachment: attachment,
                        offset: range.lowerBound + offset, part: part, width: width, value: value,
                        lasts: lasts, report: report(fault.kind, subject))), after: lasts == nil ? 0 : 1))
        guard lasts == nil else { return true }
        // What stays is what its sender has committed: it is recorded so. No record has trailers.
        let place = range.lowerBound + offset
        if part == .attachment, let changed = attachment.changing(value, at: place, width) {
            effect = .packet(channel, direction, type, bytes: bytes, attachment: changed)
        } else if part != .trailer, let changed = bytes.changing(value, at: place, width) {
            let type = LittleEndian.number(changed, at: 0, 2).map { PacketType(rawValue: UInt16($0)) } ?? type
            effect = .packet(channel, direction, type, bytes: changed, attachment: attachment)
        }
        return true
    }

    /// What a fault comes to that needs nothing to be done to.
    static func acts(of fault: FaultConfiguration, at place: ChannelPlace? = nil) -> [DelayedFaultAct] {
        let kind = fault.kind
        let report = FaultReport(kind: kind, place: place, direction: fault.direction, text: "")
        let target = FaultPlace(
            device: fault.device ?? place?.device, subchannel: fault.subchannel ?? place?.subchannel)
        var acts: [DelayedFaultAct] = []
        func tell(_ text: String) { acts.append(DelayedFaultAct(.tell(report.saying(text)))) }
        switch kind.action {
        case .stray:
            tell("\(target) has nothing new")
            acts.append(DelayedFaultAct(.stray(fault.direction, target), after: fault.delay ?? 100_000))
        case .unknownFlag:
            let flag = UInt32(truncatingIfNeeded: fault.value ?? 2047)
            tell("flag \(flag)")
            acts.append(DelayedFaultAct(.flag(flag)))
        case .rescind, .bounce:
            guard let device = target.device else { return [] }
            var times: UInt64 = 1
            if case .bounce = kind.action { times = fault.value ?? 4 }
            tell("\(target)" + (times > 1 ? ", \(times) times" : ""))
            let step = fault.delay ?? (times > 1 ? 2_000_000 : 0)
            for number in 0..<times {
                acts.append(DelayedFaultAct(.rescind(device), after: step &* (2 &* number &+ (times > 1 ? 0 : 1))))
                guard times > 1 else { break }
                acts.append(DelayedFaultAct(.offer(device), after: step &* (2 &* number &+ 1)))
            }
        case .ring(let word, let value), .alternateRing(let word, let value):
            var lasts: UInt64?
            if case .alternateRing = kind.action { lasts = fault.delay ?? 2000 }
            let edit = RingEdit(
                place: target, direction: fault.direction, word: word, value: value.or(fault.value), lasts: lasts,
                report: report)
            acts.append(DelayedFaultAct(.ring(edit), after: lasts == nil ? 0 : 1))
        default: break
        }
        return acts
    }

    // MARK: Words

    private mutating func tell(_ kind: FaultKind, _ text: String) { before.append(.tell(report(kind, text))) }

    private func report(_ kind: FaultKind, _ text: String) -> FaultReport {
        FaultReport(kind: kind, place: place, direction: direction, text: text)
    }

    /// What it is, in words.
    private var subject: String {
        let channel = place.map { "channel \($0.relid)" } ?? "no channel"
        switch original {
        case .post(let bytes, _), .send(let bytes, _):
            let type = Self.type(of: bytes)
            return type.meaning ?? "message \(type.rawValue)"
        case .signal, .monitorSignal: return "the signal of \(channel)"
        case .interrupt: return "the interrupt of \(channel)"
        case .packet(_, _, let type, let bytes, _): return "\(type) of \(bytes.count) bytes in \(channel)"
        default: return ""
        }
    }

    /// The bytes that differ, before and after.
    private static func difference(_ old: [UInt8], _ new: [UInt8]) -> String {
        guard old.count == new.count else {
            let (kept, all) = (min(old.count, new.count), max(old.count, new.count))
            let tail = (old.count > new.count ? old : new)[kept...]
            return "\(old.count) -> \(new.count) bytes, \(kept)..<\(all) are \(tail.hexadecimal)"
        }
        let places = old.indices.filter { old[$0] != new[$0] }
        guard let first = places.first, let last = places.last else { return "no byte differs" }
        return "bytes \(first)...\(last): \(old[first...last].hexadecimal) -> \(new[first...last].hexadecimal)"
    }
}
