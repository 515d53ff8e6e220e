public import BusModel
import VMBusPartitions
import VMBusRing
public import VMBusWire

extension BridgeSession {
    /// Nanoseconds between two looks at the fills of the rings.
    var sampleInterval: UInt64 { 1_000_000_000 }

    /// Looks at the control words of every open channel's rings, and tells of those that have changed.
    mutating func sample() {
        let memory = memory.lent
        for channel in host.openChannels {
            let readings =
                Self.readings(memory, channel.hostToGuest, .inUsed, .inMask, .inWriteIndex, .inReadIndex)
                + Self.readings(memory, channel.guestToHost, .outUsed, .outMask, .outWriteIndex, .outReadIndex)
            log.sample(channel.place, readings)
        }
    }

    private static func readings(
        _ memory: Memory, _ pages: RingPages, _ used: Attribute, _ mask: Attribute, _ write: Attribute,
        _ read: Attribute
    ) -> [AttributeReading] {
        let ring = PagedRingMemory(guest: memory, pages: pages)
        guard let control = try? ring.control() else { return [] }
        var readings = [
            AttributeReading(mask, UInt64(control.interruptMask)), AttributeReading(write, UInt64(control.writeIndex)),
            AttributeReading(read, UInt64(control.readIndex)),
        ]
        if let bytes = try? control.usedBytes(dataSize: pages.dataSize) {
            readings.append(AttributeReading(used, UInt64(bytes)))
        }
        return readings
    }

    /// The bytes of a channel's ring as they are now; nil where there is no such ring, or no memory to look at.
    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        guard channel.partition == Self.partition,
            let open = host.openChannels.first(where: {
                $0.place.device == channel.device && $0.place.subchannel == channel.subchannel
            })
        else { return nil }
        let memory = memory.lent
        let pages = (direction == .guestToHost ? open.guestToHost : open.hostToGuest).pageFrameNumbers
        var bytes: [UInt8] = []
        for page in pages {
            guard (try? memory.appendBytes(page &* 4096, count: 4096, to: &bytes)) != nil else { return nil }
        }
        return RingImage(controlPage: Array(bytes[..<4096]), data: Array(bytes[4096...]))
    }
}
