public import BusModel
import VMBusDevices
import VMBusWire

/// Turns records into the bytes of a recording (FORMAT.md), without any file: what was given is bytes at once, in blocks that are
/// whole, so that a file that ends after any of them can be read.
public struct RecordingWriter: Sendable {
    /// What is written and not taken yet.
    public private(set) var bytes: [UInt8] = []
    /// How many records of the log were written.
    public private(set) var recordCount: UInt64 = 0
    /// How many records were lost before they came here.
    public private(set) var lostCount: UInt64 = 0

    /// Those of them that files before this one tell.
    private var lostCountBefore: UInt64 = 0
    let manifest: RecordingManifest
    private let interval: Int
    /// Packets are cut behind so many bytes.
    private let snapLength: Int
    /// What is known at this place, for keyframes.
    private var snapshot = BusSnapshot()
    private var interfaces: [InterfaceState] = []
    // Only looked up, never walked.
    private var channels: [ChannelKey: Int] = [:]
    private var adapters: [ChannelKey: Int] = [:]
    /// The adapters from which frames of an Ethernet address came.
    private var senders: [UInt64: Int] = [:]
    private var streams: Int?
    private var shared: Int?
    private var latest: (key: ChannelKey, interface: Int)?
    private var requests = RequestBook()
    private var sinceKeyframe = 0
    private var position = Position(sequence: 0, time: 0)
    /// Records that were left out since the last one, and whether one of them changed what is known.
    private var leftOut: (count: UInt64, haveChanged: Bool) = (0, false)

    private struct InterfaceState: Sendable {
        var interface: RecordingInterface
        var kind = DeviceKind.unknown
        var packets: UInt64 = 0
    }

    /// Begins a recording.
    ///
    /// - Parameters:
    ///   - manifest: what it says of itself; its `snapLength` is held.
    ///   - keyframe: what is known before the first record, as `BusSource.keyframe` tells it; empty for nothing.
    ///   - interval: how many records there are from one keyframe to the next.
    public init(
        _ manifest: RecordingManifest, from keyframe: FlowBatch = FlowBatch(),
        interval: Int = RecordingFormat.keyframeInterval
    ) {
        self.manifest = manifest
        self.interval = max(1, interval)
        // So much is always kept, as a packet's descriptor tells how long it was.
        snapLength = min(max(PacketDescriptor.byteCount, manifest.snapLength ?? .max), RecordingFormat.longestPacket)
        snapshot.apply(keyframe)
        position = snapshot.position
        writeBeginning()
    }

    /// Begins another file: everything that explains it is written again, and nothing in it refers to the one before.
    public mutating func beginFile() {
        interfaces.removeAll()
        channels.removeAll()
        adapters.removeAll()
        senders.removeAll()
        (streams, shared, latest) = (nil, nil, nil)
        requests.removeAll()
        lostCountBefore = lostCount
        writeBeginning()
    }

    private mutating func writeBeginning() {
        PcapngWriting.section(&bytes, tool: manifest.tool)
        _ = describe(.bus)
        writeKeyframe()
    }

    /// Hands over what was written since.
    public mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// Writes the records of a batch.
    public mutating func append(_ batch: FlowBatch) {
        for header in batch.headers { append(header, batch.payload(of: header)) }
    }

    /// Writes that records are missing, and what is known behind them.
    ///
    /// - Parameters:
    ///   - count: how many; the gap has the number of the first of them.
    ///   - reason: why.
    ///   - keyframe: what is known now, as `BusSource.keyframe` tells it; where it is empty, the file goes on with what was
    ///     known before.
    public mutating func appendGap(of count: UInt64, reason: String, from keyframe: FlowBatch) {
        var gap = FlowRecordHeader(
            kind: .gap, time: keyframe.headers.last?.time ?? position.time, partition: 0,
            code: UInt32(clamping: count))
        gap.sequence = position.sequence &+ 1
        let text = "\(count) record\(count == 1 ? "" : "s") lost: \(RecordingManifest.line(reason))"
        append(gap, Array(text.utf8)[...])
        lostCount &+= count
        requests.removeAll()
        guard !keyframe.isEmpty else { return }
        snapshot.apply(keyframe)
        position = max(position, snapshot.position)
        writeKeyframe()
    }

    /// Passes by a record that is not wanted. What it changes is told by a keyframe before the next record that is.
    public mutating func leaveOut(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        snapshot.apply(header, payload)
        leftOut.count += 1
        switch header.kind {
        case .message, .state, .keyframe, .trace, .kernelLog, .gap: leftOut.haveChanged = true
        default: break
        }
    }

    /// Writes a record.
    public mutating func append(_ header: FlowRecordHeader, of batch: FlowBatch) {
        append(header, batch.payload(of: header))
    }

    private mutating func tellLeftOut(before header: FlowRecordHeader) {
        let (count, haveChanged) = leftOut
        leftOut = (0, false)
        guard haveChanged else { return }
        var gap = FlowRecordHeader(kind: .gap, time: header.time, partition: 0, code: UInt32(clamping: count))
        gap.sequence = position.sequence &+ 1
        append(gap, Array("\(count) record\(count == 1 ? "" : "s") left out, as they were not wanted".utf8)[...])
        requests.removeAll()
        writeKeyframe()
    }

    /// Writes how much each interface had; the file is whole without it.
    public mutating func finish() {
        for (number, state) in interfaces.enumerated() {
            PcapngWriting.statistics(
                &bytes, interface: number, time: position.time, packets: state.packets,
                lost: number == 0 ? lostCount - lostCountBefore : 0)
        }
    }

    // MARK: Records

    mutating func append(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        if leftOut.count > 0 { tellLeftOut(before: header) }
        if sinceKeyframe >= interval { writeKeyframe() }
        sinceKeyframe += 1
        snapshot.apply(header, payload)
        position = Position(sequence: header.sequence, time: header.time)
        recordCount &+= 1
        let interface = interface(of: header)
        var request: UInt64?
        var parts: [Range<Int>] = []
        if header.kind == .packet, let sender = header.direction {
            request = requests.follow(payload, interface: interface, sender: sender, sequence: header.sequence)
            switch interfaces[interface].kind {
            case .network:
                parts = CarriedFrames.frames(
                    in: payload, attachmentLength: Int(header.attachmentLength), sender: sender)
                // A header has room for so many; the others stay in the record.
                if parts.count > RecordingFormat.mostParts { parts.removeSubrange(RecordingFormat.mostParts...) }
                parts.removeAll { !writeFrame(payload, $0, header, sender) }
            case .socket:
                parts = CarriedFrames.streamBytes(in: payload).map { [$0] } ?? []
                for part in parts { writeStream(payload, part, header, sender) }
            default: break
            }
        }
        write(header, payload, interface: interface, parts: parts, request: request)
    }

    private mutating func write(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, interface: Int, parts: [Range<Int>], request: UInt64?,
        kind: UInt8? = nil, flags: RecordFlags = []
    ) {
        var flags = flags
        var length = RecordHeader.byteCount
        if request != nil {
            flags.insert(.request)
            length += 8
        }
        if !parts.isEmpty || header.attachmentLength > 0 {
            flags.insert(.parts)
            length += 8 + 8 * parts.count
        }
        if interface == shared {
            flags.insert(.channel)
            length += 20
        }
        let own = payload.count - parts.reduce(0) { $0 + $1.count }
        let kept = min(own, header.kind == .packet ? snapLength : RecordingFormat.longestPacket)
        let omitted = Int(header.omittedLength)
        let count = RecordingFormat.packetOverhead + padded(length + kept)
        PcapngWriting.packetHead(
            &bytes, count: count, interface: interface, time: header.time, captured: length + kept,
            original: length + own + omitted)
        bytes.append(
            word32: UInt32(RecordingFormat.version) | UInt32(kind ?? header.kind.rawValue) << 8
                | UInt32(header.direction?.rawValue ?? 0) << 16 | UInt32(flags.rawValue) << 24)
        bytes.append(
            word64: UInt64(UInt16(truncatingIfNeeded: length)) | UInt64(header.partition) << 16
                | UInt64(header.relid) << 32)
        bytes.append(word32: header.code)
        bytes.append(word64: header.sequence)
        if let request { bytes.append(word64: request) }
        if flags.contains(.parts) {
            bytes.append(word32: header.attachmentLength)
            bytes.append(word32: UInt32(truncatingIfNeeded: parts.count))
            for part in parts {
                bytes.append(word32: UInt32(truncatingIfNeeded: part.lowerBound))
                bytes.append(word32: UInt32(truncatingIfNeeded: part.count))
            }
        }
        if flags.contains(.channel) {
            bytes.append(word64: header.device.low)
            bytes.append(word64: header.device.high)
            bytes.append(word32: UInt32(header.subchannel))
        }
        // What lies between the parts, up to the most that is kept.
        var left = kept
        var place = payload.startIndex
        for part in parts where left > 0 {
            let piece = payload[place..<payload.startIndex + part.lowerBound].prefix(left)
            bytes += piece
            left -= piece.count
            place = payload.startIndex + part.upperBound
        }
        if left > 0 { bytes += payload[place...].prefix(left) }
        PcapngWriting.pad(&bytes, after: length + kept)
        bytes.append(word32: UInt32(truncatingIfNeeded: count))
        interfaces[interface].packets &+= 1
    }

    // MARK: Parts on interfaces of their own

    /// Writes a frame; false for one that another adapter of this recording has sent, as that has it already: seen twice it
    /// would pass for a retransmission.
    private mutating func writeFrame(
        _ payload: ArraySlice<UInt8>, _ part: Range<Int>, _ header: FlowRecordHeader, _ sender: Direction
    ) -> Bool {
        let frame = payload[payload.startIndex + part.lowerBound..<payload.startIndex + part.upperBound]
        let interface = adapter(of: header)
        if frame.count >= 14 {
            // The source address.
            let address = frame.word64(6) & 0xFFFF_FFFF_FFFF
            if sender == .hostToGuest {
                if let known = senders[address], known != interface { return false }
            } else if senders[address] == nil, senders.count < Self.mostAddresses {
                senders[address] = interface
            }
        }
        writePart(frame, in: interface, header, sender, prefix: [])
        return true
    }

    private static let mostAddresses = 4096

    private mutating func adapter(of header: FlowRecordHeader) -> Int {
        let key = ChannelKey(partition: header.partition, device: header.device, subchannel: 0)
        if let known = adapters[key] { return known }
        let name = snapshot.device(header.partition, header.device)?.kernel.net.first
        var frames = RecordingInterface.frames(partition: header.partition, device: header.device, name: name)
        if interfaces.contains(where: { $0.interface.name == frames.name }) {
            frames = frames.named("\(frames.name)@\(header.partition)")
        }
        let interface = describe(frames)
        adapters[key] = interface
        return interface
    }

    /// A stream's bytes go behind the header that Linux's vsockmon gives them.
    private mutating func writeStream(
        _ payload: ArraySlice<UInt8>, _ part: Range<Int>, _ header: FlowRecordHeader, _ sender: Direction
    ) {
        let interface = streams ?? describe(.streams)
        streams = interface
        let classID = snapshot.device(header.partition, header.device)?.classID ?? .zero
        let service = DeviceClass.hvSocketPort(of: classID) ?? classID.firstGroup
        // The host is 2; guests have no number of their own in their streams, so they count from 3.
        let host = (cid: UInt64(2), port: service)
        let guest = (cid: UInt64(header.partition) + 2, port: header.device.firstGroup)
        let (source, target) = sender == .guestToHost ? (guest, host) : (host, guest)
        var prefix: [UInt8] = []
        prefix.append(word64: source.cid)
        prefix.append(word64: target.cid)
        prefix.append(word32: source.port)
        prefix.append(word32: target.port)
        // Payload, of a transport that has no header of its own here.
        prefix.append(word16: 4)
        prefix.append(word16: 1)
        prefix.append(word32: 0)
        let bytes = payload[payload.startIndex + part.lowerBound..<payload.startIndex + part.upperBound]
        writePart(bytes, in: interface, header, sender, prefix: prefix)
    }

    private mutating func writePart(
        _ part: ArraySlice<UInt8>, in interface: Int, _ header: FlowRecordHeader, _ sender: Direction, prefix: [UInt8]
    ) {
        let kept = part.prefix(snapLength)
        let captured = prefix.count + kept.count
        // Which way (epb_flags) and of which record (epb_packetid).
        let count = RecordingFormat.packetOverhead + padded(captured) + 24
        PcapngWriting.packetHead(
            &bytes, count: count, interface: interface, time: header.time, captured: captured,
            original: prefix.count + part.count)
        bytes += prefix
        bytes += kept
        PcapngWriting.pad(&bytes, after: captured)
        bytes.append(word32: 2 | 4 << 16)
        bytes.append(word32: sender == .guestToHost ? 2 : 1)
        bytes.append(word32: 5 | 8 << 16)
        bytes.append(word64: header.sequence)
        bytes.append(word32: 0)
        bytes.append(word32: UInt32(truncatingIfNeeded: count))
        interfaces[interface].packets &+= 1
    }

    // MARK: Interfaces

    private mutating func describe(_ interface: RecordingInterface) -> Int {
        PcapngWriting.interface(
            &bytes, interface, snapLength: interface.holdsRecords ? nil : manifest.snapLength.map { _ in snapLength },
            epoch: manifest.epoch)
        var state = InterfaceState(interface: interface)
        if case .channel(_, let classID) = interface.role { state.kind = DeviceClass.of(classID).kind }
        interfaces.append(state)
        return interfaces.count - 1
    }

    private mutating func interface(of header: FlowRecordHeader) -> Int {
        guard let key = header.channel else { return 0 }
        if let latest, latest.key == key { return latest.interface }
        let interface = interface(of: key, header)
        latest = interface == shared || interfaces[interface].kind == .unknown ? nil : (key, interface)
        return interface
    }

    private mutating func interface(of key: ChannelKey, _ header: FlowRecordHeader) -> Int {
        let known = channels[key]
        if let known, interfaces[known].kind != .unknown { return known }
        let classID = snapshot.device(key.partition, key.device)?.classID ?? .zero
        if let known {
            // The class may have been told since.
            interfaces[known].kind = DeviceClass.of(classID).kind
            return known
        }
        guard channels.count < RecordingFormat.ownInterfaces else {
            let interface = shared ?? describe(.channels)
            shared = interface
            interfaces[interface].kind = DeviceClass.of(classID).kind
            return interface
        }
        let interface = describe(.channel(key, relid: header.relid, classID: classID))
        channels[key] = interface
        return interface
    }

    // MARK: What explains a piece

    private mutating func writeKeyframe() {
        sinceKeyframe = 0
        let text = manifest.encoded(interfaces.map(\.interface))
        var header = FlowRecordHeader(kind: .note, time: position.time, partition: 0)
        header.sequence = position.sequence
        write(header, text[...], interface: 0, parts: [], request: nil, kind: RecordingFormat.manifest, flags: .aside)
        // One that cannot be kept whole tells nothing.
        let keyframe = snapshot.keyframe
        guard keyframe.count <= RecordingFormat.longestPacket else { return }
        header.kind = .keyframe
        write(header, keyframe[...], interface: 0, parts: [], request: nil, flags: .aside)
    }
}
