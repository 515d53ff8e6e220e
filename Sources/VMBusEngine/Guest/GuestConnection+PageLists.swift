import VMBusWire

extension GuestConnection {
    /// Shares pages with the host, as a header and as many bodies as they need.
    ///
    /// - Throws: when there is no such channel, it was taken back or is reserved, or the list is not one that a header
    ///   can announce.
    public mutating func createPageList(
        relid: UInt32, _ list: PageList
    ) throws(GuestRefusal) -> (handle: UInt32, effects: [GuestEffect]) {
        let channel = try connectedChannel(relid)
        guard !channel.isRescinded else { throw GuestRefusal("channel \(relid) was taken back") }
        try requireUnreserved(channel)
        guard !list.ranges.isEmpty,
            list.ranges.allSatisfy({
                $0.byteCount > 0 && $0.byteOffset < 4096 && $0.pageCount == $0.pages.count
            })
        else {
            throw GuestRefusal("a list has ranges that are not empty, start in their first page and name all pages")
        }
        let handle = takeHandle()
        guard let messages = announced(list).messages(relid: relid, handle: handle) else {
            throw GuestRefusal("a list of \(list.pages.count) pages is too long for one handle")
        }
        lists[handle] = GuestPageList(handle: handle, relid: relid, list: list)
        handles[relid, default: []].append(handle)
        return (handle, messages.flatMap { post($0) })
    }

    /// The list as the messages tell it.
    private func announced(_ list: PageList) -> PageList {
        #if Mutations
            if configuration.mutation == .pageListShort {
                var short = list
                short.ranges[0].byteCount += 4096
                return short
            }
        #endif
        return list
    }

    /// Takes pages back. They may be used again once `pageListTorndown` comes.
    ///
    /// - Throws: when the host does not hold the list, or its channel is reserved.
    public mutating func tearDownPageList(_ handle: UInt32) throws(GuestRefusal) -> [GuestEffect] {
        guard state == .connected, let list = lists[handle], list.state == .created, let channel = table[list.relid]
        else {
            throw GuestRefusal("the host holds no page list \(Hexadecimal.prefixed(handle))")
        }
        if channel.isRescinded, profile.rescindEndsWaiting {
            // No GPADL_TORNDOWN would come any more (reference §8.2).
            remove(list)
            return [.pageListTorndown(handle: handle, relid: list.relid)]
        }
        try requireUnreserved(channel)
        lists[handle]?.state = .tearingDown
        return post(.gpadlTeardown(GPADLTeardown(relid: list.relid, gpadl: handle)))
    }

    private func requireUnreserved(_ channel: GuestChannel) throws(GuestRefusal) {
        switch channel.state {
        case .openingReserved, .openReserved, .closingReserved:
            throw GuestRefusal("channel \(channel.relid) is reserved: its page lists stay as they are")
        case .closed, .opening, .open: break
        }
    }

    private mutating func takeHandle() -> UInt32 {
        while nextHandle == 0 || lists[nextHandle] != nil || late[nextHandle] != nil { nextHandle &+= 1 }
        defer { nextHandle &+= 1 }
        return nextHandle
    }

    /// Forgets a list; where its answer may still come, that it is no surprise.
    mutating func remove(_ list: GuestPageList, lateTeardown: Bool? = nil) {
        lists[list.handle] = nil
        handles[list.relid]?.removeAll { $0 == list.handle }
        if handles[list.relid]?.isEmpty == true { handles[list.relid] = nil }
        guard let lateTeardown else { return }
        if late.count >= Self.maximumLateAnswers, let oldest = late.keys.first { _ = lateAnswer(oldest) }
        late[list.handle] = LateAnswer(relid: list.relid, isTeardown: lateTeardown)
        table[list.relid]?.lateAnswers += 1
    }

    /// An answer that nobody waits for has come, or is not expected any more: its channel's number may be free now.
    private mutating func lateAnswer(_ handle: UInt32) -> [GuestEffect] {
        guard let answer = late[handle] else { return [] }
        late[handle] = nil
        guard let channel = table[answer.relid], channel.lateAnswers > 0 else { return [] }
        table[answer.relid]?.lateAnswers -= 1
        return settle(answer.relid)
    }

    mutating func pageListCreated(_ created: GPADLCreated) -> [GuestEffect] {
        if let answer = late[created.gpadl], answer.relid == created.relid, !answer.isTeardown {
            return lateAnswer(created.gpadl)
        }
        guard let list = lists[created.gpadl], list.relid == created.relid, list.state == .creating else {
            return violation(
                "gpadl-lifecycle", "GPADL_CREATED.gpadl", Hexadecimal.prefixed(created.gpadl),
                "no such page list waits for an answer")
        }
        guard created.status.isSuccess else {
            remove(list)
            return [.pageListRefused(handle: list.handle, relid: list.relid, created.status)] + settle(list.relid)
        }
        lists[list.handle]?.state = .created
        return [.pageListCreated(handle: list.handle, relid: list.relid)] + settle(list.relid)
    }

    mutating func pageListTorndown(_ handle: UInt32) -> [GuestEffect] {
        if late[handle]?.isTeardown == true { return lateAnswer(handle) }
        guard let list = lists[handle], list.state == .tearingDown else {
            return violation(
                "gpadl-lifecycle", "GPADL_TORNDOWN.gpadl", Hexadecimal.prefixed(handle), "the list was not taken back")
        }
        remove(list)
        return [.pageListTorndown(handle: handle, relid: list.relid)] + settle(list.relid)
    }

    /// A part of the list was never posted, so that the host will not answer.
    mutating func pageListUnposted(_ handle: UInt32) -> [GuestEffect] {
        guard let list = lists[handle], list.state == .creating else { return [] }
        remove(list)
        return [.pageListRefused(handle: handle, relid: list.relid, .unexpected)] + settle(list.relid)
    }

    /// The host was not asked to let go: it may touch the pages for ever (reference §9 number 29).
    mutating func teardownUnposted(_ handle: UInt32) -> [GuestEffect] {
        guard let list = lists[handle], list.state == .tearingDown else { return [] }
        remove(list)
        let leaks = profile.leaksPages || configuration.isIsolated
        return [
            leaks
                ? .pageListLeaked(handle: handle, relid: list.relid)
                : .pageListTorndown(handle: handle, relid: list.relid)
        ] + settle(list.relid)
    }
}
