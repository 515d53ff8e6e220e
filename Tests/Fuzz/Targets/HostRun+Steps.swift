import VMBusEngine
import VMBusWire

extension HostRun {
    /// What one number says.
    mutating func step(_ feed: inout ByteFeed) -> [HostEffect] {
        switch feed.next(below: 32) {
        case 0: return receiveAny(&feed)
        case 1, 2: return contact(&feed)
        case 3: return receive(.requestOffers)
        case 4, 5: return pageList(&feed)
        case 6: return pageLists(&feed)
        case 7: return open(&feed)
        case 8: return receive(.closeChannel(ChannelReference(relid: relid(&feed))))
        case 9: return receive(.gpadlTeardown(GPADLTeardown(relid: relid(&feed), gpadl: handle(&feed))))
        case 10: return receive(.relidReleased(ChannelReference(relid: relid(&feed))))
        case 11:
            return receive(.modifyChannel(ModifyChannel(relid: relid(&feed), targetVP: UInt32(feed.next(UInt8.self)))))
        case 12: return receive(.pause)
        case 13: return receive(.resume)
        case 14: return receive(.unload)
        case 15: return openReserved(&feed)
        case 16:
            var close = CloseReservedChannel()
            close.relid = relid(&feed)
            close.targetSINT = UInt32(feed.next(below: 17))
            return receive(.closeReservedChannel(close))
        case 17: return connectSocket(&feed)
        case 18:
            var modify = ModifyConnection()
            let pages = UInt64(feed.next(below: 4))
            modify.parentToChildMonitorPage = (pages & 1) * 0x5000
            modify.childToParentMonitorPage = (pages >> 1) * 0x6000
            return receive(.modifyConnection(modify))
        case 19, 20, 21: return answer(feed.next(below: 8), feed.next())
        case 22: return answerAll(feed.next())
        case 23: return answerUnasked(&feed)
        case 24: return host.channels.count < 64 ? addOffer(&feed) : []
        case 25: return feed.choose(host.channels).map { host.revoke($0.key) } ?? []
        case 26: return host.reset(abandoning: feed.next(below: 2) == 0)
        case 27:
            let version = feed.choose(ProtocolVersion.all) ?? .copper
            host.limitVersion(to: version, afterNextConnection: feed.next(below: 2) == 0)
            return []
        case 28: return saveAndRestore()
        case 29:
            // Two messages of which the second meets what the first left open.
            messages = 2
            return receive(.unload) + contact(&feed)
        case 30: return receive(.gpadlBody(GPADLBody(gpadl: handle(&feed), words: words(&feed))))
        default: return receive(.openChannel(openMessage(&feed)))
        }
    }

    // MARK: What the guest says

    mutating func receive(_ message: ChannelMessage) -> [HostEffect] {
        receive(
            message.encoded(context: host.agreement), isMultiClient: host.agreement.version >= .redstone3MultiClient,
            isTrusted: host.isTrusted)
    }

    /// One message. What breaks a rule and has no answer changes nothing; a paused host keeps the answer.
    private mutating func receive(_ bytes: [UInt8], isMultiClient: Bool, isTrusted: Bool) -> [HostEffect] {
        let before = host
        let effects = host.receive(
            bytes, connectionID: isMultiClient ? ConnectionID.multiClientMessage : ConnectionID.message,
            isTrusted: isTrusted)
        if effects.count == 1, case .violation(let violation) = effects[0] {
            note(host == before || before.isPaused, "a broken rule changed the host: \(violation)")
        }
        return effects
    }

    private mutating func receiveAny(_ feed: inout ByteFeed) -> [HostEffect] {
        let bytes = feed.piece()
        let ways = feed.next(UInt8.self)
        return receive(bytes, isMultiClient: ways & 1 == 0, isTrusted: ways & 2 != 0)
    }

    private mutating func contact(_ feed: inout ByteFeed) -> [HostEffect] {
        let version = feed.choose(ProtocolVersion.all) ?? .copper
        let features = version >= .copper ? FeatureFlags(rawValue: UInt32(feed.next(UInt8.self))) : []
        let options = feed.next(UInt8.self)
        let message = InitiateContact(
            version: version, targetVP: UInt32(options >> 6), interruptPage: options & 1 != 0 ? 0x3000 : 0,
            targetSINT: options & 2 != 0 ? options >> 3 : SynIC.vmbusSINT, targetVTL: options & 4 != 0 ? 2 : 0,
            features: features, parentToChildMonitorPage: options & 8 != 0 ? 0x1000 : 0,
            childToParentMonitorPage: options & 16 != 0 ? 0x2000 : 0,
            clientID: features.contains(.clientID) ? GUID(1, 2, 3, 4) : nil)
        return receive(
            ChannelMessage.initiateContact(message).encoded(
                context: WireContext(version: version, features: features)),
            isMultiClient: version >= .redstone3MultiClient, isTrusted: options & 32 != 0)
    }

    /// A channel that there is, or any number.
    private func relid(_ feed: inout ByteFeed) -> UInt32 {
        let number = UInt32(feed.next(UInt8.self))
        guard number < 0xF0, !host.channels.isEmpty else { return number }
        return host.channels[Int(number) % host.channels.count].relid
    }

    private func handle(_ feed: inout ByteFeed) -> UInt32 { UInt32(feed.next(UInt8.self) & 7) + 1 }

    private func words(_ feed: inout ByteFeed) -> [UInt64] {
        [UInt64](repeating: UInt64(feed.next(UInt8.self)), count: feed.next(below: 29))
    }

    /// A page list, all of its messages or only the first ones; of one range, or of two.
    private mutating func pageList(_ feed: inout ByteFeed) -> [HostEffect] {
        let handle = handle(&feed)
        let (count, parts) = (UInt64(feed.next(UInt8.self)) + 1, feed.next(UInt8.self))
        var list = PageList(pages: (0..<count).map { $0 + 1 }) ?? PageList(ranges: [])
        if parts & 64 != 0 { list.ranges.append(GPARange(byteCount: 4096, byteOffset: 16, pages: [1, 2])) }
        let all = list.messages(relid: relid(&feed), handle: handle) ?? []
        let sent = all.prefix(parts & 128 != 0 ? Int(parts & 15) : all.count)
        messages = sent.count
        return sent.flatMap { receive($0) }
    }

    /// Many page lists of one page, none of which is complete, or all are.
    private mutating func pageLists(_ feed: inout ByteFeed) -> [HostEffect] {
        let (relid, first, count) = (relid(&feed), feed.next(UInt16.self), feed.next(UInt8.self))
        let words: [UInt64] = feed.next(below: 2) == 0 ? [4096] : [4096, 1]
        messages = Int(count)
        return (0..<UInt32(count)).flatMap { number -> [HostEffect] in
            receive(
                .gpadlHeader(
                    GPADLHeader(
                        relid: relid, gpadl: UInt32(first) + number, rangeBufferLength: 16, rangeCount: 1,
                        words: words)))
        }
    }

    private func openMessage(_ feed: inout ByteFeed) -> OpenChannel {
        let (relid, handle) = (relid(&feed), handle(&feed))
        let (target, offset, choices) = (feed.next(UInt8.self), feed.next(UInt8.self), feed.next(UInt8.self))
        var open = OpenChannel(
            relid: relid, openID: 7, ringGPADL: handle,
            targetVP: target == 255 ? OpenChannel.interruptsDisabled : UInt32(target),
            downstreamPageOffset: UInt32(offset))
        open.eventFlag = choices & 1 != 0 ? UInt16(choices) << 4 : UInt16(truncatingIfNeeded: relid)
        open.flags = choices & 2 != 0 ? .redirectInterrupt : []
        return open
    }

    /// A list of as many pages as both rings need, then the open.
    private mutating func open(_ feed: inout ByteFeed) -> [HostEffect] {
        let open = openMessage(&feed)
        let list = PageList(pages: (0..<8).map { $0 + 1 })
        let before = list?.messages(relid: open.relid, handle: open.ringGPADL) ?? []
        messages = before.count + 1
        return before.flatMap { receive($0) } + receive(.openChannel(open))
    }

    private mutating func openReserved(_ feed: inout ByteFeed) -> [HostEffect] {
        var open = OpenReservedChannel()
        open.relid = relid(&feed)
        open.ringGPADL = handle(&feed)
        let target = feed.next(UInt8.self)
        open.targetVP = UInt32(target >> 5)
        open.targetSINT = UInt32(target & 31)
        open.downstreamPageOffset = UInt32(feed.next(UInt8.self))
        return receive(.openReservedChannel(open))
    }

    private mutating func connectSocket(_ feed: inout ByteFeed) -> [HostEffect] {
        let (first, count) = (feed.next(UInt8.self), feed.next(below: 32) + 1)
        messages = count
        return (0..<count).flatMap { number -> [HostEffect] in
            receive(
                .tlConnectRequest(
                    TLConnectRequest(
                        endpointID: GUID(0, 0, 2, UInt64(number)), serviceID: GUID(0, 0, 3, UInt64(first & 3)),
                        siloID: host.agreement.version >= .redstone5 && first & 4 != 0 ? GUID(9, 9, 9, 9) : nil)))
        }
    }
}
