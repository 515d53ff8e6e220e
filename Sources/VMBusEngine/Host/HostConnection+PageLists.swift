import VMBusWire

extension HostConnection {
    mutating func refuseList(_ relid: UInt32, _ handle: UInt32) -> [HostEffect] {
        send(
            .gpadlCreated(
                GPADLCreated(relid: relid, gpadl: handle, status: configuration.profile.failureStatus)))
    }

    /// GPADL_HEADER (reference §3.9, §8.6). What is wrong with it is answered.
    mutating func pageListHeader(_ header: GPADLHeader) throws(ProtocolViolation) -> [HostEffect] {
        do throws(ProtocolViolation) {
            return try begin(header)
        } catch {
            return [.violation(error)] + refuseList(header.relid, header.gpadl)
        }
    }

    private mutating func begin(_ header: GPADLHeader) throws(ProtocolViolation) -> [HostEffect] {
        func violation(_ rule: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(
                rule: rule, place: "GPADL_HEADER.gpadl", value: Hexadecimal.prefixed(header.gpadl),
                explanation: explanation)
        }
        let index = try known(header.relid, "GPADL_HEADER")
        guard channels[index].reservation == nil else {
            throw violation("reserved-channel", "a reserved channel's lists stay as they are")
        }
        guard channels[index].lists[header.gpadl] == nil, assembling[header.gpadl] == nil else {
            throw violation("gpadl-lifecycle", "the handle is in use")
        }
        guard assembling.count < Self.maximumAssemblies, pageListCount < Self.maximumPageLists else {
            throw violation(
                "gpadl-limit",
                "at most \(Self.maximumAssemblies) lists are under way and \(Self.maximumPageLists) held")
        }
        let assembly = try PageListAssembly(header)
        if let limit = configuration.profile.maximumSharedPages,
            sharedPages + assembly.announcedPages > limit
        {
            throw violation("gpadl-limit", "a guest shares at most \(limit) pages with this host")
        }
        let list = HostPageList(
            handle: header.gpadl, relid: header.relid, list: PageList(ranges: []), state: .inProgress(assembly),
            age: nextListAge)
        nextListAge += 1
        insert(list, at: index)
        return try assembly.isComplete ? complete(header.gpadl, assembly, at: index) : []
    }

    /// GPADL_BODY. One for a handle that is not under way cannot be answered, as it names no channel.
    mutating func pageListBody(_ body: GPADLBody) throws(ProtocolViolation) -> [HostEffect] {
        let handle = body.gpadl
        guard let index = assembling[handle].flatMap({ position($0) }),
            case .inProgress(var assembly) = channels[index].lists[handle]?.state
        else {
            throw ProtocolViolation(
                rule: "gpadl-complete", place: "GPADL_BODY.gpadl", value: Hexadecimal.prefixed(handle),
                explanation: "no such list is under way")
        }
        // The state gives its words up while they grow, so that they are not copied with every part.
        channels[index].lists[handle]?.state = .accepted
        assembly.append(body)
        channels[index].lists[handle]?.state = .inProgress(assembly)
        guard assembly.isComplete else { return [] }
        let relid = channels[index].relid
        do throws(ProtocolViolation) {
            return try complete(handle, assembly, at: index)
        } catch {
            return [.violation(error)] + refuseList(relid, handle)
        }
    }

    /// - Throws: the rule that a range breaks; the list is gone then.
    private mutating func complete(
        _ handle: UInt32, _ assembly: PageListAssembly, at index: Int
    ) throws(ProtocolViolation) -> [HostEffect] {
        guard var list = take(handle, at: index) else { return [] }
        list.list = try assembly.pageList()
        list.state = .offered
        insert(list, at: index)
        let key = channels[index].key
        // The guest may still be setting up a channel that was taken back; nobody is there to ask (reference §8.6).
        let isRevoked = channels[index].state == .revoked || channels[index].state == .reoffered
        return configuration.awaits.contains(.pageLists) && !isRevoked
            ? [.pageListOffered(key, handle: handle)] : pageListAnswered(key, handle: handle, accepted: true)
    }

    /// The device has looked at a page list.
    public mutating func pageListAnswered(
        _ key: HostChannelKey, handle: UInt32, accepted: Bool
    ) -> [HostEffect] {
        guard let index = position(key), let list = channels[index].lists[handle] else { return [] }
        switch list.state {
        case .offered:
            guard accepted else {
                _ = take(handle, at: index)
                return refuseList(list.relid, handle)
            }
            channels[index].lists[handle]?.state = .accepted
            return [.pageListCreated(key, handle: handle)]
                + send(.gpadlCreated(GPADLCreated(relid: list.relid, gpadl: handle, status: .success)))
        case .offeredTearingDown:
            guard accepted else { return removeList(handle, at: index) + settled(key) }
            channels[index].lists[handle]?.state = .tearingDown
            return goOnWithTeardown(handle, at: index) + settled(key)
        case .inProgress, .accepted, .tearingDown: return []
        }
    }

    /// GPADL_TEARDOWN. The rings' list is not given back while the channel is open (reference §3.8), and while it is being
    /// closed the answer waits for the device.
    mutating func pageListTeardown(_ message: GPADLTeardown) throws(ProtocolViolation) -> [HostEffect] {
        let handle = message.gpadl
        func violation(_ rule: String, _ explanation: String) -> ProtocolViolation {
            ProtocolViolation(
                rule: rule, place: "GPADL_TEARDOWN.gpadl", value: Hexadecimal.prefixed(handle),
                explanation: explanation)
        }
        let index = try known(message.relid, "GPADL_TEARDOWN")
        guard let list = channels[index].lists[handle] else {
            throw violation("gpadl-lifecycle", "the host holds no such list of this channel")
        }
        guard channels[index].reservation == nil else {
            throw violation("reserved-channel", "a reserved channel's lists stay as they are")
        }
        guard list.state == .accepted else {
            throw violation("gpadl-lifecycle", "only a list that the host has accepted is taken back")
        }
        guard !channels[index].needsForRings(handle) else {
            throw violation("close-before-teardown", "an open channel's rings lie in it")
        }
        channels[index].lists[handle]?.state = .tearingDown
        return goOnWithTeardown(handle, at: index)
    }

    /// The device has let go of a page list.
    public mutating func pageListTornDown(_ key: HostChannelKey, handle: UInt32) -> [HostEffect] {
        guard let index = position(key), let list = channels[index].lists[handle], list.state == .tearingDown,
            channels[index].ringList != handle
        else { return [] }
        return tearDown(list, at: index) + settled(key)
    }

    private mutating func tearDown(_ list: HostPageList, at index: Int) -> [HostEffect] {
        let isHeard = state == .connected && channels[index].isKnownToGuest && list.relid == channels[index].relid
        let torndown = isHeard ? send(.gpadlTorndown(GPADLTorndown(gpadl: list.handle))) : []
        #if Mutations
            if configuration.mutation == .torndownTwice {
                return removeList(list.handle, at: index) + torndown + torndown
            }
        #endif
        return removeList(list.handle, at: index) + torndown
    }

    /// A teardown begins when the device's rings lie in the list no more.
    private mutating func goOnWithTeardown(_ handle: UInt32, at index: Int) -> [HostEffect] {
        guard channels[index].ringList != handle, let list = channels[index].lists[handle] else { return [] }
        let isRevoked = channels[index].state == .revoked || channels[index].state == .reoffered
        return configuration.awaits.contains(.pageLists) && !isRevoked
            ? [.pageListTeardown(channels[index].key, handle: handle)] : tearDown(list, at: index)
    }

    /// The device has closed: the teardown of its rings' list that waited for it begins.
    mutating func leaveRing(at index: Int) -> [HostEffect] {
        guard let ring = channels[index].ringList else { return [] }
        channels[index].ringList = nil
        return channels[index].lists[ring]?.state == .tearingDown ? goOnWithTeardown(ring, at: index) : []
    }

    /// The guest has let go of the channel: its lists are taken back without its asking, and without an answer.
    mutating func takeBackLists(at index: Int) -> [HostEffect] {
        var effects: [HostEffect] = []
        for list in channels[index].pageLists {
            switch list.state {
            case .inProgress: _ = take(list.handle, at: index)
            case .offered: channels[index].lists[list.handle]?.state = .offeredTearingDown
            case .accepted:
                channels[index].lists[list.handle]?.state = .tearingDown
                effects += goOnWithTeardown(list.handle, at: index)
            case .offeredTearingDown, .tearingDown: break
            }
        }
        return effects
    }

    /// What a reserved channel keeps over the end of a connection are the lists that the guest has an answer for.
    mutating func dropUnfinishedLists(at index: Int) {
        for list in channels[index].pageLists {
            switch list.state {
            case .inProgress: _ = take(list.handle, at: index)
            case .offered: channels[index].lists[list.handle]?.state = .offeredTearingDown
            case .offeredTearingDown, .accepted, .tearingDown: break
            }
        }
    }

    /// Takes the lists away from a device that answers no more.
    mutating func removeLists(at index: Int) -> [HostEffect] {
        channels[index].pageLists.flatMap { removeList($0.handle, at: index) }
    }

    mutating func removeList(_ handle: UInt32, at index: Int) -> [HostEffect] {
        guard let list = take(handle, at: index), list.isShared else { return [] }
        return [.pageListReleased(channels[index].key, handle: handle)]
    }

    mutating func insert(_ list: HostPageList, at index: Int) {
        channels[index].lists[list.handle] = list
        if list.isInProgress { assembling[list.handle] = channels[index].key }
        pageListCount += 1
        sharedPages += list.pageCount
    }

    mutating func take(_ handle: UInt32, at index: Int) -> HostPageList? {
        guard let list = channels[index].lists.removeValue(forKey: handle) else { return nil }
        if list.isInProgress { assembling[handle] = nil }
        pageListCount -= 1
        sharedPages -= list.pageCount
        return list
    }
}
