import VMBusWire

extension HostConnection {
    private func known(_ relid: UInt32) -> Int? {
        channels.firstIndex { $0.relid == relid && $0.isKnownToGuest }
    }

    private func unknown(_ message: String, _ relid: UInt32) -> [HostEffect] {
        violation("relid-unique", "\(message).relid", String(relid), "no such channel is on offer")
    }

    /// OPEN_CHANNEL (reference §8.5). A channel that was taken back ignores it: the guest will see the rescind.
    mutating func open(_ message: OpenChannel) -> [HostEffect] {
        guard let index = known(message.relid) else { return unknown("OPEN_CHANNEL", message.relid) }
        switch channels[index].state {
        case .revoked, .reoffered: return []
        case .closed, .closing: break
        default:
            return violation(
                "open-preconditions", "OPEN_CHANNEL.relid", String(message.relid), "the channel is open already")
        }
        guard
            let list = pageLists.first(where: { $0.handle == message.ringGPADL && $0.relid == message.relid }),
            list.list.isWholePages
        else {
            return refuseOpen(message, "OPEN_CHANNEL.ring_gpadl", Hexadecimal.prefixed(message.ringGPADL))
        }
        let pages = UInt32(list.list.pages.count)
        guard message.downstreamPageOffset > 1, message.downstreamPageOffset < pages,
            pages - message.downstreamPageOffset > 1
        else {
            return refuseOpen(message, "OPEN_CHANNEL.downstream_page_offset", String(message.downstreamPageOffset))
        }
        let request = OpenRequest(message: message, ringPages: list.list)
        if case .closing = channels[index].state {
            channels[index].state = .closingReopen(request)
            return []
        }
        channels[index].state = .opening(request)
        return [.open(channels[index].key, request)]
    }

    private mutating func refuseOpen(_ message: OpenChannel, _ place: String, _ value: String) -> [HostEffect] {
        violation(
            "open-preconditions", place, value, "both rings have a control page and data in one list of whole pages")
            + send(
                .openChannelResult(
                    OpenChannelResult(relid: message.relid, openID: message.openID, status: .unexpected)))
    }

    /// The device has opened, or has not.
    public mutating func openCompleted(_ key: HostChannelKey, success: Bool) -> [HostEffect] {
        guard let index = channels.firstIndex(where: { $0.key == key }) else { return [] }
        switch channels[index].state {
        case .opening(let request):
            channels[index].state = success ? .open(request) : .closed
            channels[index].targetVP = agreement.version >= .windows8 ? request.message.targetVP : 0
            return send(
                .openChannelResult(
                    OpenChannelResult(
                        relid: channels[index].relid, openID: request.message.openID,
                        status: success ? .success : .unexpected)))
        case .openingClientRelease:
            channels[index].state = success ? .closingClientRelease : .clientReleased
            return success ? [.close(key)] : finishDisconnect()
        default: return []
        }
    }

    /// CLOSE_CHANNEL (reference §8.5). There is no answer.
    mutating func close(_ relid: UInt32) -> [HostEffect] {
        guard let index = known(relid) else { return unknown("CLOSE_CHANNEL", relid) }
        switch channels[index].state {
        case .open:
            channels[index].state = .closing
            return [.close(channels[index].key)]
        case .revoked, .reoffered: return []
        default: return violation("close-open", "CLOSE_CHANNEL.relid", String(relid), "the channel is not open")
        }
    }

    /// The device has closed.
    public mutating func closeCompleted(_ key: HostChannelKey) -> [HostEffect] {
        guard let index = channels.firstIndex(where: { $0.key == key }) else { return [] }
        switch channels[index].state {
        case .closing:
            channels[index].state = .closed
            return []
        case .closingReopen(let request):
            channels[index].state = .opening(request)
            return [.open(key, request)]
        case .closingClientRelease:
            channels[index].state = .clientReleased
            channels[index].offer.relid = 0
            return [.released(key)] + finishDisconnect()
        default: return []
        }
    }

    /// MODIFY_CHANNEL: answered from 5.3 on (reference §3.13, §8.7).
    mutating func modify(_ message: ModifyChannel) -> [HostEffect] {
        guard let index = known(message.relid), case .open = channels[index].state,
            message.targetVP != OpenChannel.interruptsDisabled
        else {
            return send(
                .modifyChannelResponse(ModifyChannelResponse(relid: message.relid, status: .unexpected)), since: .iron)
                + violation(
                    "modify-open", "MODIFY_CHANNEL.relid", String(message.relid), "only an open channel is moved")
        }
        channels[index].targetVP = message.targetVP
        return [.moved(channels[index].key, targetVP: message.targetVP)]
            + send(.modifyChannelResponse(ModifyChannelResponse(relid: message.relid, status: .success)), since: .iron)
    }
}

extension HostConnection {
    private mutating func refuseList(_ relid: UInt32, _ handle: UInt32) -> [HostEffect] {
        send(.gpadlCreated(GPADLCreated(relid: relid, gpadl: handle, status: .unexpected)))
    }

    /// GPADL_HEADER (reference §3.9, §8.6).
    mutating func pageListHeader(_ header: GPADLHeader) -> [HostEffect] {
        let place = "GPADL_HEADER.gpadl"
        guard known(header.relid) != nil else {
            return unknown("GPADL_HEADER", header.relid) + refuseList(header.relid, header.gpadl)
        }
        guard
            !pageLists.contains(where: { $0.handle == header.gpadl && $0.relid == header.relid }),
            !assemblies.contains(where: { $0.handle == header.gpadl })
        else {
            return violation("gpadl-lifecycle", place, Hexadecimal.prefixed(header.gpadl), "the handle is in use")
                + refuseList(header.relid, header.gpadl)
        }
        guard assemblies.count < Self.maximumAssemblies, pageLists.count < Self.maximumPageLists else {
            return violation(
                "gpadl-limit", place, Hexadecimal.prefixed(header.gpadl),
                "at most \(Self.maximumAssemblies) lists are under way and \(Self.maximumPageLists) held")
                + refuseList(header.relid, header.gpadl)
        }
        do throws(ProtocolViolation) {
            return try advance(PageListAssembly(header))
        } catch {
            return [.violation(error)] + refuseList(header.relid, header.gpadl)
        }
    }

    /// GPADL_BODY. One for a handle that is not under way cannot be answered, as it names no channel.
    mutating func pageListBody(_ body: GPADLBody) -> [HostEffect] {
        guard let index = assemblies.firstIndex(where: { $0.handle == body.gpadl }) else {
            return violation(
                "gpadl-complete", "GPADL_BODY.gpadl", Hexadecimal.prefixed(body.gpadl), "no such list is under way")
        }
        var assembly = assemblies.remove(at: index)
        assembly.append(body)
        do throws(ProtocolViolation) {
            return try advance(assembly)
        } catch {
            return [.violation(error)] + refuseList(assembly.relid, assembly.handle)
        }
    }

    private mutating func advance(_ assembly: PageListAssembly) throws(ProtocolViolation) -> [HostEffect] {
        guard assembly.isComplete else {
            assemblies.append(assembly)
            return []
        }
        let list = HostPageList(handle: assembly.handle, relid: assembly.relid, list: try assembly.pageList())
        pageLists.append(list)
        return [.pageListCreated(handle: list.handle, relid: list.relid)]
            + send(.gpadlCreated(GPADLCreated(relid: list.relid, gpadl: list.handle, status: .success)))
    }

    /// GPADL_TEARDOWN. The rings' list is not given back while the channel is open (reference §3.8).
    mutating func pageListTeardown(_ message: GPADLTeardown) -> [HostEffect] {
        let value = Hexadecimal.prefixed(message.gpadl)
        guard let index = pageLists.firstIndex(where: { $0.handle == message.gpadl && $0.relid == message.relid })
        else {
            return violation("gpadl-lifecycle", "GPADL_TEARDOWN.gpadl", value, "the host holds no such list")
        }
        if let channel = channel(relid: message.relid), case .open(let request) = channel.state,
            request.message.ringGPADL == message.gpadl
        {
            return violation(
                "close-before-teardown", "GPADL_TEARDOWN.gpadl", value, "an open channel's rings lie in it")
        }
        pageLists.remove(at: index)
        return [.pageListReleased(handle: message.gpadl, relid: message.relid)]
            + send(.gpadlTorndown(GPADLTorndown(gpadl: message.gpadl)))
    }
}
