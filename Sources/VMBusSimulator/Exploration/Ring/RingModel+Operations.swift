import VMBusRing
import VMBusWire

extension RingModel {
    /// Lets the sender make its next access, or signal.
    mutating func actSender() -> RingHappening {
        if sender.phase == .signal {
            receiver.isSignalled = true
            goOnSending()
            return .signal(from: .sender)
        }
        var end = sender.ring
        let number = UInt64(sender.sent + 1)
        let payload = Self.payload(number, count: settings.payloadBytes)
        let phase = sender.phase
        var outcome = SendOutcome.sent(signal: false)
        var space: SpaceOutcome?
        let (finished, happening) = operate(.sender) { memory throws(RingError<SteppedRing.Stop>) in
            if case .waitForSpace(let needed) = phase {
                space = try end.waitForSpace(needed, in: &memory)
            } else {
                outcome = try end.send(
                    PacketInfo(.dataInBand, transactionID: number), payload: payload.span.bytes, in: &memory)
            }
        }
        guard finished else { return happening }
        sender.ring = end
        switch (phase, space, outcome) {
        case (.waitForSpace(let needed), .wait?, _): sender.phase = .asleep(needed: needed)
        case (.waitForSpace, _, _): sender.phase = .send
        case (_, _, .full(let needed, _)): sender.phase = .waitForSpace(needed: needed)
        case (_, _, .sent(let signal)):
            sender.sent += 1
            if signal { sender.phase = .signal } else { goOnSending() }
        }
        return happening
    }

    private mutating func goOnSending() {
        sender.phase = sender.sent < settings.packets ? .send : .done
    }

    /// Lets the receiver make its next access, or signal.
    mutating func actReceiver() -> RingHappening {
        if case .signal(let thenReads) = receiver.phase {
            sender.isSignalled = true
            receiver.phase = thenReads ? .next : .asleep
            return .signal(from: .receiver)
        }
        var end = receiver.ring
        let phase = receiver.phase
        let payloadBytes = settings.payloadBytes
        var packet: ReceivedPacket?
        var payload: [UInt8] = []
        var drained = DrainOutcome(signal: false, hasMore: true)
        let (finished, happening) = operate(.receiver) { memory throws(RingError<SteppedRing.Stop>) in
            switch phase {
            case .next:
                packet = try end.next(in: memory)
                do throws(SteppedRing.Stop) {
                    try packet?.appendPayload(from: memory, to: &payload)
                } catch {
                    throw .memory(error)
                }
            case .commit: drained.signal = try end.commit(in: &memory)
            case .finish: drained = try end.finishDraining(in: &memory)
            default: try end.mask(in: &memory)
            }
        }
        guard finished else { return happening }
        receiver.ring = end
        switch phase {
        case .next:
            receiver.phase = packet == nil ? .finish : .next
            if let packet {
                receiver.taken += 1
                check(packet, payload, expected: Self.payload(UInt64(receiver.taken), count: payloadBytes))
            }
        case .commit, .finish:
            receiver.phase =
                drained.signal ? .signal(thenReads: drained.hasMore) : drained.hasMore ? .next : .asleep
        default: receiver.phase = .next
        }
        return happening
    }

    /// Runs the operation in hand from its start, past one access that has not happened yet.
    /// - Returns: whether the operation came to its end, and the access.
    private mutating func operate(
        _ end: RingEnd, _ body: (inout SteppedRing) throws(RingError<SteppedRing.Stop>) -> Void
    ) -> (isFinished: Bool, RingHappening) {
        var lent = StoreBufferedRing(dataSize: 0, order: settings.order)
        swap(&lent, &ring)
        var memory = SteppedRing(lent, end: end, results: end == .sender ? sender.results : receiver.results)
        var isFinished = false
        do throws(RingError<SteppedRing.Stop>) {
            try body(&memory)
            isFinished = true
        } catch {
            switch error {
            case .memory: break
            case .damage(let damage): breach = Self.breach(damage, seenBy: end)
            case .refused(let refusal): breach = ModelBreach(rule: "packet-size", text: refusal.description)
            }
        }
        ring = memory.ring
        let results = memory.results
        if end == .sender {
            sender.results = isFinished ? [] : results
        } else {
            receiver.results = isFinished ? [] : results
        }
        return (isFinished, .access(end, memory.performed, result: results.last ?? 0))
    }

    /// What the packet of a number carries.
    static func payload(_ number: UInt64, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number &* 31 &+ UInt64($0)) }
    }
}
