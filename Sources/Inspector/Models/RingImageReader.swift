public import BusModel
import VMBusDevices
public import VMBusWire

extension RingPicture {
    /// The most packets that a picture lists.
    public static let maximumBlocks = 4096

    /// Reads a ring's bytes as they were at one moment, without trusting any of them (reference §4.1 to §4.3). What is wrong is
    /// named in `damage`, and what was read before it is kept. `kind` is the device's, so that packets have names.
    public init(_ image: RingImage, direction: Direction, kind: DeviceKind = .unknown) {
        self.init(direction: direction)
        isFromImage = true
        isTorn = image.isTorn
        let control = image.controlPage
        guard control.count >= 16 else {
            damage = "the control page has \(control.count) bytes, 16 are needed"
            return
        }
        let (write, read) = (Self.word(control, 0), Self.word(control, 4))
        (writeIndex, readIndex) = (UInt64(write), UInt64(read))
        isMasked = Self.word(control, 8) != 0
        pendingSize = Self.word(control, 12)
        if control.count >= 0x44 { featureBits = Self.word(control, 0x40) }
        let size = image.data.count
        self.size = UInt64(size)
        guard size > 0, size <= Int(UInt32.max) else {
            damage = "the ring has \(size) data bytes"
            return
        }
        for (name, index) in [("write", Int(write)), ("read", Int(read))] {
            if index >= size { damage = "the \(name) index \(index) lies outside the \(size) data bytes" }
            if !index.isMultiple(of: 8) { damage = "the \(name) index \(index) is no multiple of 8" }
        }
        guard damage == nil else { return }
        let waiting = write >= read ? Int(write) - Int(read) : size - Int(read) + Int(write)
        used = UInt64(waiting)
        walk(image.data, from: Int(read), waiting, kind)
    }

    private mutating func walk(_ data: [UInt8], from start: Int, _ waiting: Int, _ kind: DeviceKind) {
        var dissector = ChannelDissector(kind: kind)
        var done = 0
        while done < waiting {
            guard blocks.count < Self.maximumBlocks else {
                hasMoreBlocks = true
                return
            }
            let offset = (start + done) % data.count
            guard waiting - done >= PacketDescriptor.byteCount + 8 else {
                damage = "\(waiting - done) bytes at \(offset) are too few for a packet"
                return
            }
            let bytes = (0..<PacketDescriptor.byteCount).map { data[(offset + $0) % data.count] }
            do throws(WireError) {
                let descriptor = try PacketDescriptor.decode(bytes)
                // The trailer of 8 bytes is not in the descriptor's length.
                let length = Int(descriptor.length8) * 8 + 8
                guard length <= waiting - done else {
                    damage = "the packet at \(offset) has \(length) bytes, \(waiting - done) are left"
                    return
                }
                let packet = (0..<length - 8).map { data[(offset + $0) % data.count] }
                let summary = dissector.summarise(packet[...], attachmentLength: 0, direction: direction)
                blocks.append(
                    RingBlock(
                        offset: offset, length: length, type: descriptor.type, name: PlainText.clean(summary.name),
                        transactionID: descriptor.transactionID))
                done += length
            } catch {
                damage = "the packet at \(offset): \(error)"
                return
            }
        }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32($1 * 8) }
    }

    /// What the log tells of a ring whose bytes cannot be had.
    init(_ ring: RingSnapshot, direction: Direction) {
        self.init(direction: direction)
        size = ring.size.value
        used = ring.used.value
        writeIndex = ring.writeIndex.value
        readIndex = ring.readIndex.value
        isMasked = ring.masked.value.map { $0 != 0 }
    }
}

extension InspectorState {
    /// The two rings of a channel; nil when the channel is gone.
    ///
    /// - Parameters:
    ///   - inbound: the bytes of the host→guest ring, where the source has them.
    ///   - outbound: the bytes of the guest→host ring, where the source has them.
    public func ringModel(_ key: ChannelKey, inbound: RingImage? = nil, outbound: RingImage? = nil) -> RingModel? {
        guard let partition = snapshot.partition(key.partition),
            let device = snapshot.device(key.partition, key.device),
            let channel = snapshot.channel(key)
        else { return nil }
        let rates = rates(key)
        func picture(_ ring: RingSnapshot, _ image: RingImage?, _ direction: Direction) -> RingPicture {
            var picture =
                image.map { RingPicture($0, direction: direction, kind: device.deviceClass.kind) }
                ?? RingPicture(ring, direction: direction)
            (picture.usedMaximum, picture.usedLooks) = (ring.usedMaximum.value, ring.usedLooks.value)
            return picture
        }
        let label = ChannelLabel.text(device, subchannel: key.subchannel, in: partition)
        return RingModel(
            channel: key,
            title: "\(label), \(device.deviceClass.title), relid \(channel.relid), \(channel.phase.value?.word ?? "-")",
            inbound: picture(channel.inbound, inbound, .hostToGuest),
            outbound: picture(channel.outbound, outbound, .guestToHost), inboundFills: rates.inboundFills,
            outboundFills: rates.outboundFills, pairs: signalPairs(channel, rates),
            absence: inbound == nil && outbound == nil ? absence(device, channel) : nil)
    }

    /// What a live guest does not show of a channel's rings, and why.
    private func absence(_ device: DeviceSnapshot, _ channel: ChannelSnapshot) -> String? {
        guard capabilities.kind == .live else { return nil }
        switch device.problems.first(where: { $0.path == "channels/\(channel.relid)/ring" })?.error {
        case "EACCES"?, "EPERM"?: return "The memory of these rings may not be read: run it as root."
        case "ENODEV"?: return "The memory of these rings cannot be seen while the channel is closed."
        case let error?: return "The memory of these rings cannot be seen: \(PlainText.clean(error))."
        case nil: break
        }
        let places = channel.inbound.readIndex.value == nil ? "places, " : ""
        return "Linux shows no memory of this ring: no packets, \(places)pending size or feature bits."
    }
}
