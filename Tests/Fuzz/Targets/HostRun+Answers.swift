import VMBusEngine
import VMBusWire

extension HostRun {
    /// The answer to one of the oldest questions, which stays among them now and then.
    mutating func answer(_ index: Int, _ how: UInt8) -> [HostEffect] {
        guard !asked.isEmpty else { return [] }
        let index = index % asked.count
        let question = asked[index]
        if how & 0x80 == 0 { asked.remove(at: index) }
        return answer(question, how)
    }

    /// All questions are answered, the newest one first.
    mutating func answerAll(_ how: UInt8) -> [HostEffect] {
        let questions = asked.reversed().prefix(256)
        asked = []
        messages = max(1, questions.count)
        return questions.flatMap { answer($0, how) }
    }

    private mutating func answer(_ question: Question, _ how: UInt8) -> [HostEffect] {
        let isYes = how & 3 != 3
        switch question {
        case .contact:
            return isYes ? host.contactAccepted() : host.contactRefused(ConnectionState(rawValue: how >> 2 & 3))
        case .connectionChange: return host.connectionModified(isYes ? .successful : .unknownFailure)
        case .open(let key):
            if how & 4 != 0 { return host.openCompleted(key, status: MessageStatus(rawValue: UInt32(how) << 24)) }
            return host.openCompleted(key, success: isYes)
        case .close(let key): return host.closeCompleted(key)
        case .pageList(let key, let handle): return host.pageListAnswered(key, handle: handle, accepted: isYes)
        case .teardown(let key, let handle): return host.pageListTornDown(key, handle: handle)
        case .move(let key): return host.moveCompleted(key, success: isYes)
        case .socket(let request):
            sockets.remove(request)
            guard isYes else { return host.socketRefused(request) }
            do throws(OfferRefusal) {
                return try host.socketAccepted(request)?.effects ?? []
            } catch {
                return host.socketRefused(request)
            }
        }
    }

    /// A device that answers what it was not asked.
    mutating func answerUnasked(_ feed: inout ByteFeed) -> [HostEffect] {
        guard let channel = feed.choose(host.channels) else {
            return feed.next(below: 2) == 0 ? host.contactAccepted() : host.connectionModified(.successful)
        }
        let handle = UInt32(feed.next(UInt8.self) & 7) + 1
        switch feed.next(below: 8) {
        case 0: return host.openCompleted(channel.key, success: true)
        case 1: return host.openCompleted(channel.key, success: false)
        case 2: return host.closeCompleted(channel.key)
        case 3: return host.pageListAnswered(channel.key, handle: handle, accepted: true)
        case 4: return host.pageListTornDown(channel.key, handle: handle)
        case 5: return host.moveCompleted(channel.key, success: true)
        case 6: return host.contactRefused()
        default: return host.connectionModified(.lowResources)
        }
    }

    /// The host goes on from its saved state, on a side that has the same devices.
    mutating func saveAndRestore() -> [HostEffect] {
        guard restores < mostRestores else { return [] }
        restores += 1
        let state = host.saved()
        // A connection that stands may be newer than what its side accepts by now.
        var configuration = host.configuration
        configuration.maximumVersion = .copper
        var other = HostConnection(configuration)
        for channel in host.channels where channel.state != .revoked {
            note(
                (try? other.addOffer(channel.offer, order: channel.order)) != nil,
                "a device of one host has no place on another")
        }
        do throws(RestoreError) {
            let effects = try other.restore(state)
            note(other.saved() == state, "a host that was taken up is saved in another way")
            other.limitVersion(to: host.configuration.maximumVersion)
            (host, asked, standing, sockets) = (other, [], [:], [])
            return effects
        } catch {
            note(false, "a host does not take up what it saved: \(error)")
            return []
        }
    }
}
