import VMBusPartitions
import VMBusRing

/// 64 bits of everything that decides what will happen.
///
/// They hold the guests' memory, both ends of each bus, interrupt controllers, switch, disks and the events that wait, with
/// the time until they are due. What only tells what was does not count: numbers of records and of steps, counters that
/// are sampled. A source of choices counts with the position of its streams, not with the answers that were laid down. Where
/// events are interleaved the clock does not count either, nor when the events are due.
extension Simulation {
    /// The fingerprint: the same on every machine, equal for equal states; states that differ have different ones but for
    /// chance. It costs a walk through the parts that changed since ``updateFingerprint()``.
    public var fingerprint: UInt64 {
        var digest = StateDigest()
        for guest in guests {
            digest.add(guest.guestDigest ?? Self.digest(guest.guest))
            digest.add(guest.hostDigest ?? Self.digest(guest.host))
            digest.add(guest.memory.digest)
            digest.add(state: guest.controller)
            digest.add(state: guest.hypervisor)
            if let buffers = guest.storeBuffers { digest.add(state: buffers) }
            digest.add(guest.bootsAgain ? 1 : 0)
            digest.add(state: guest.savedHost?.bytes ?? [])
            digest.add(guest.sleep)
        }
        digest.add(state: exchange)
        digest.add(state: disks)
        if faults.isArmed { digest.add(state: faults) }
        if ordering == .byTime {
            digest.add(time)
            digest.add(state: choices.streams)
        }
        for entry in queue.entries {
            if ordering == .byTime { digest.add(entry.time &- time) }
            digest.add(state: entry.event)
        }
        return digest.value
    }

    /// The fingerprint, with what was computed for it kept: copies of this value compute only what they change.
    public mutating func updateFingerprint() -> UInt64 {
        for index in guests.indices {
            if guests[index].guestDigest == nil { guests[index].guestDigest = Self.digest(guests[index].guest) }
            if guests[index].hostDigest == nil { guests[index].hostDigest = Self.digest(guests[index].host) }
        }
        return fingerprint
    }

    private static func digest(_ part: Any) -> UInt64 {
        var digest = StateDigest()
        digest.add(state: part)
        return digest.value
    }
}

extension SimulatedMemory {
    /// The bytes that are not zero, with their places.
    fileprivate var digest: UInt64 {
        var digest = StateDigest()
        forEachBlock { address, bytes in
            digest.add(address)
            digest.add(bytes)
        }
        return digest.value
    }
}
