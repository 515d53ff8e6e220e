public import VMBusRing

/// One ring of a dump: its control words, its packets, what lies behind the read index, and what is wrong.
public struct DumpedRing: Hashable, Sendable {
    /// The bytes.
    public let image: RingCopy
    /// The control words and the packets from read to write index.
    public let listing: RingListing
    /// The packets behind the read index that nothing has overwritten yet, oldest first.
    public let consumed: [ReceivedPacket]
    /// Everything that is wrong: control words first, then by packet, oldest first.
    public let damage: [RingDumpDamage]

    /// Decodes a ring.
    init(_ image: RingCopy) {
        self.image = image
        listing = RingListing(of: image)
        consumed = listing.consumedPackets(in: image)
        let end = listing.packets.last.map {
            ($0.offset + $0.ringBytes) % image.dataSize
        }
        var damage = listing.control.damage(dataSize: image.dataSize).map { RingDumpDamage($0, position: 0) }
        for packet in listing.packets { damage += DumpedPacket(packet, of: image).damage }
        if let found = listing.damage, listing.usedBytes != nil {
            damage.append(RingDumpDamage(found, position: end ?? listing.control.readIndex))
        }
        self.damage = damage
    }

    /// Everything that a packet's bytes tell.
    public func details(_ packet: ReceivedPacket) -> DumpedPacket { DumpedPacket(packet, of: image) }

    /// The payload of a packet with its padding.
    public func payload(of packet: ReceivedPacket) -> [UInt8] {
        var bytes: [UInt8] = []
        packet.appendPayload(from: image, to: &bytes)
        return bytes
    }

    /// A packet from its descriptor to its payload.
    public func bytes(of packet: ReceivedPacket) -> [UInt8] {
        var bytes: [UInt8] = []
        packet.appendPacket(from: image, to: &bytes)
        return bytes
    }

    /// Whether packets with trailers that fit lie where the indices say, which cannot be by chance.
    var hasPacketsInPlace: Bool {
        damage.isEmpty && !listing.packets.isEmpty || !consumed.isEmpty
    }
}
