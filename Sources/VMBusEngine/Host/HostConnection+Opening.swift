public import VMBusWire

extension HostConnection {
    /// OPEN_CHANNEL (reference §8.5). A channel that was taken back ignores it: the guest will see the rescind.
    mutating func open(_ message: OpenChannel) throws(ProtocolViolation) -> [HostEffect] {
        let index = try known(message.relid, "OPEN_CHANNEL")
        switch channels[index].state {
        case .revoked, .reoffered: return []
        case .closed: break
        case .closing(nil): break
        default:
            throw ProtocolViolation(
                rule: "open-preconditions", place: "OPEN_CHANNEL.relid", value: String(message.relid),
                explanation: "the channel is open already, or about to be")
        }
        let request: OpenRequest
        do throws(ProtocolViolation) {
            request = try self.request(agreed(message), reservation: nil, at: index, "OPEN_CHANNEL")
        } catch {
            let refusal = OpenChannelResult(
                relid: message.relid, openID: message.openID, status: configuration.profile.failureStatus)
            return [.violation(error)] + send(.openChannelResult(refusal))
        }
        if case .closing = channels[index].state {
            channels[index].state = .closingReopen(request)
            return []
        }
        return begin(request, at: index)
    }

    /// The message without what was not agreed on (reference §2.3).
    private func agreed(_ message: OpenChannel) -> OpenChannel {
        var message = message
        if !agreement.features.contains(.guestSpecifiedSignalParameters) {
            message.connectionID = 0
            message.eventFlag = 0
        }
        message.flags = agreement.features.contains(.channelInterruptRedirection) ? message.flags : []
        // Before 2.4 all interrupts go to the first processor, unless there are none.
        if agreement.version < .windows8, message.targetVP != OpenChannel.interruptsDisabled { message.targetVP = 0 }
        return message
    }

    /// OPEN_RESERVED_CHANNEL (reference §3.11, §8.5): an open that outlives the connection, without interrupts.
    mutating func openReserved(_ message: OpenReservedChannel) throws(ProtocolViolation) -> [HostEffect] {
        let name = "OPEN_RESERVED_CHANNEL"
        let index = try known(message.relid, name)
        switch channels[index].state {
        case .revoked, .reoffered: return []
        case .closed: break
        default:
            throw ProtocolViolation(
                rule: "open-preconditions", place: "\(name).relid", value: String(message.relid),
                explanation: "the channel is open already, or still closing")
        }
        let target = try reservedTarget(message.targetVP, message.targetSINT, name)
        let open = OpenChannel(
            relid: message.relid, openID: 0, ringGPADL: message.ringGPADL, targetVP: OpenChannel.interruptsDisabled,
            downstreamPageOffset: message.downstreamPageOffset)
        let reservation = Reservation(version: agreement.version, features: agreement.features, target: target)
        do throws(ProtocolViolation) {
            return begin(try request(open, reservation: reservation, at: index, name), at: index)
        } catch {
            let refusal = OpenChannelResult(
                relid: message.relid, openID: 0, status: configuration.profile.failureStatus)
            return [.violation(error)] + reply(.openChannelResult(refusal), to: target)
        }
    }

    private func reservedTarget(
        _ vp: UInt32, _ sint: UInt32, _ name: String
    ) throws(ProtocolViolation) -> MessageTarget {
        guard let sint = UInt8(exactly: sint), sint < SynIC.sourceCount else {
            throw ProtocolViolation(
                rule: "reserved-target", place: "\(name).target_sint", value: String(sint),
                explanation: "a processor has \(SynIC.sourceCount) synthetic interrupt sources")
        }
        return MessageTarget(vp: vp, sint: sint)
    }

    private func request(
        _ message: OpenChannel, reservation: Reservation?, at index: Int, _ name: String
    ) throws(ProtocolViolation) -> OpenRequest {
        func violation(_ field: String, _ value: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(
                rule: "open-preconditions", place: "\(name).\(field)", value: value, explanation: explanation)
        }
        guard let list = channels[index].lists[message.ringGPADL], list.state == .accepted, list.list.isWholePages
        else {
            throw violation(
                "ring_gpadl", Hexadecimal.prefixed(message.ringGPADL),
                "both rings lie in one accepted list of whole pages")
        }
        let pages = UInt32(list.list.ranges[0].pages.count)
        guard message.downstreamPageOffset > 1, message.downstreamPageOffset < pages,
            pages - message.downstreamPageOffset > 1
        else {
            throw violation(
                "downstream_page_offset", String(message.downstreamPageOffset),
                "both rings have a control page and data in a list of \(pages) pages")
        }
        var eventFlag = message.relid
        if reservation == nil, agreement.features.contains(.guestSpecifiedSignalParameters) {
            eventFlag = UInt32(message.eventFlag)
            guard eventFlag < SynIC.eventFlagCount else {
                throw violation(
                    "event_flag", String(eventFlag), "a source has \(SynIC.eventFlagCount) event flags")
            }
        }
        return OpenRequest(
            message: message, ringPages: list.list, eventFlag: eventFlag, reservation: reservation)
    }

    private mutating func begin(_ request: OpenRequest, at index: Int) -> [HostEffect] {
        channels[index].state = .opening(request)
        channels[index].ringList = request.message.ringGPADL
        return [.open(channels[index].key, request)]
    }

    /// The device has opened, or has not.
    public mutating func openCompleted(_ key: HostChannelKey, success: Bool) -> [HostEffect] {
        openCompleted(key, status: success ? .success : configuration.profile.failureStatus)
    }

    /// The device has opened, or has not: a status that is negative as a signed number is a failure (reference §8.5).
    public mutating func openCompleted(_ key: HostChannelKey, status: MessageStatus) -> [HostEffect] {
        guard let index = position(key) else { return [] }
        switch channels[index].state {
        case .opening(let request):
            channels[index].state = status.isDone ? .open(request) : .closed
            channels[index].targetVP = status.isDone ? request.message.targetVP : 0
            if !status.isDone { channels[index].ringList = nil }
            let result = OpenChannelResult(
                relid: channels[index].relid, openID: request.message.openID, status: status)
            #if Mutations
                if configuration.mutation == .openAnsweredTwice, request.reservation == nil {
                    return send(.openChannelResult(result)) + send(.openChannelResult(result))
                }
            #endif
            guard let reservation = request.reservation else { return send(.openChannelResult(result)) }
            guard state == .connected else {
                // The guest that asked has unloaded, and waits for no answer (anchors B.4, pending messages).
                if !status.isDone { return dropReserved(at: index) }
                return []
            }
            return reply(.openChannelResult(result), to: reservation.target)
        case .openingClientRelease:
            if status.isDone {
                channels[index].state = .closingClientRelease
                return [.close(key)]
            }
            return rest(at: index)
        default: return []
        }
    }

    /// A reserved channel that nobody has open any more, outside the connection under which it was opened.
    private mutating func dropReserved(at index: Int) -> [HostEffect] {
        let key = channels[index].key
        channels[index].state = .clientReleased
        let effects = takeBackLists(at: index)
        releaseNumber(at: index)
        return effects + [.released(key)]
    }

    /// The device has finished with a channel that the guest has let go of.
    private mutating func rest(at index: Int) -> [HostEffect] {
        let key = channels[index].key
        channels[index].state = .clientReleased
        let effects = leaveRing(at: index) + takeBackLists(at: index)
        releaseNumber(at: index)
        return effects + [.released(key)] + settled(key)
    }

    /// CLOSE_CHANNEL (reference §8.5). There is no answer.
    mutating func close(_ relid: UInt32) throws(ProtocolViolation) -> [HostEffect] {
        let index = try known(relid, "CLOSE_CHANNEL")
        switch channels[index].state {
        case .open(let request) where request.reservation == nil:
            return beginClose(nil, at: index)
        case .open:
            throw ProtocolViolation(
                rule: "reserved-channel", place: "CLOSE_CHANNEL.relid", value: String(relid),
                explanation: "a reserved channel is closed by CLOSE_RESERVED_CHANNEL")
        case .revoked, .reoffered: return []
        default:
            throw ProtocolViolation(
                rule: "close-open", place: "CLOSE_CHANNEL.relid", value: String(relid),
                explanation: "the channel is not open")
        }
    }

    private mutating func beginClose(_ reservation: Reservation?, at index: Int) -> [HostEffect] {
        channels[index].state = .closing(reservation)
        channels[index].moving = nil
        channels[index].nextMove = nil
        return [.close(channels[index].key)]
    }

    /// CLOSE_RESERVED_CHANNEL (reference §3.11): heard in every state of the connection.
    mutating func closeReserved(_ message: CloseReservedChannel) throws(ProtocolViolation) -> [HostEffect] {
        let name = "CLOSE_RESERVED_CHANNEL"
        let index = try known(message.relid, name)
        switch channels[index].state {
        case .open(let request):
            guard var reservation = request.reservation else {
                throw ProtocolViolation(
                    rule: "reserved-channel", place: "\(name).relid", value: String(message.relid),
                    explanation: "the channel was not opened as a reserved one")
            }
            reservation.target = try reservedTarget(message.targetVP, message.targetSINT, name)
            return beginClose(reservation, at: index)
        case .revoked, .reoffered: return []
        default:
            throw ProtocolViolation(
                rule: "close-open", place: "\(name).relid", value: String(message.relid),
                explanation: "the channel is not open")
        }
    }

    /// The device has closed.
    public mutating func closeCompleted(_ key: HostChannelKey) -> [HostEffect] {
        guard let index = position(key) else { return [] }
        switch channels[index].state {
        case .closing(let reservation):
            channels[index].state = .closed
            channels[index].targetVP = 0
            let lists = leaveRing(at: index)
            guard let reservation else { return lists }
            let response = ChannelMessage.closeReservedResponse(ChannelReference(relid: channels[index].relid))
            let answered = lists + reply(response, to: reservation.target)
            // No disconnect waited for it: outside a connection the number goes back here (reference §3.11).
            return state == .connected ? answered : answered + dropReserved(at: index)
        case .closingReopen(let request):
            return leaveRing(at: index) + begin(request, at: index)
        case .closingClientRelease: return rest(at: index)
        default: return []
        }
    }
}

// MARK: - Moving

extension HostConnection {
    /// MODIFY_CHANNEL: answered from 5.3 on (reference §3.13, §8.7).
    mutating func modify(_ message: ModifyChannel) throws(ProtocolViolation) -> [HostEffect] {
        let relid = message.relid
        func violation(_ rule: String, _ explanation: String) -> [HostEffect] {
            self.violation(rule, "MODIFY_CHANNEL.relid", String(relid), explanation)
        }
        let index: Int
        do throws(ProtocolViolation) {
            index = try known(relid, "MODIFY_CHANNEL")
        } catch {
            return answerMove(relid, configuration.profile.failureStatus) + [.violation(error)]
        }
        guard case .open(let request) = channels[index].state else {
            let answer =
                configuration.profile.answersMoveOfClosedChannel
                ? answerMove(relid, configuration.profile.failureStatus) : []
            return answer + violation("modify-open", "only an open channel is moved")
        }
        guard message.targetVP != OpenChannel.interruptsDisabled, request.interruptsEnabled else {
            return answerMove(relid, configuration.profile.failureStatus)
                + violation("modify-interrupts", "a move neither ends nor begins a channel's interrupts")
        }
        if channels[index].moving != nil {
            if agreement.version >= .iron {
                return violation("modify-once", "one move of a channel is answered before the next")
            }
            channels[index].nextMove = message.targetVP
            return []
        }
        return move(to: message.targetVP, at: index)
    }

    private mutating func move(to targetVP: UInt32, at index: Int) -> [HostEffect] {
        let key = channels[index].key
        channels[index].moving = targetVP
        return configuration.awaits.contains(.moves)
            ? [.move(key, targetVP: targetVP)] : moveCompleted(key, success: true)
    }

    mutating func answerMove(_ relid: UInt32, _ status: MessageStatus) -> [HostEffect] {
        send(.modifyChannelResponse(ModifyChannelResponse(relid: relid, status: status)), since: .iron)
    }

    private mutating func redirect(_ index: Int, to targetVP: UInt32) {
        #if Mutations
            if configuration.mutation == .interruptOldProcessor { return }
        #endif
        channels[index].targetVP = targetVP
    }

    /// The interrupts go to another processor now, or do not.
    public mutating func moveCompleted(_ key: HostChannelKey, success: Bool) -> [HostEffect] {
        guard let index = position(key), let targetVP = channels[index].moving else { return [] }
        channels[index].moving = nil
        var effects: [HostEffect] = []
        if success {
            redirect(index, to: targetVP)
            effects.append(.moved(key, targetVP: targetVP))
        }
        effects += answerMove(channels[index].relid, success ? .success : configuration.profile.failureStatus)
        if let next = channels[index].nextMove {
            channels[index].nextMove = nil
            effects += move(to: next, at: index)
        }
        return effects
    }
}
