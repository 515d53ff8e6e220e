import BusModel
import CaptureFiles
import FuzzTargets
import Glibc
import LinuxGuest
import Platform
import Testing
import VMBusEngine
import VMBusSimulator
import VMBusWire

/// The first inputs of each target, made of the simulator's traffic and of dumps, the same on every machine.
///
/// With VMBUSSCOPE_FUZZ_SEEDS in the environment they are written below that directory, one folder for each target.
/// VMBUSSCOPE_FUZZ_MESSAGES may name a directory of channel messages, one file each as a SynIC slot held it, such as a real
/// guest's: they become seeds as well.
@Suite struct `Fuzz seeds` {
    @Test func `come from the simulator, for every target`() throws {
        let seeds = try Seeds.all()
        for target in FuzzTarget.all {
            let inputs = seeds[target.name] ?? []
            #expect(!inputs.isEmpty, "no seed for \(target.name)")
            for input in inputs { try target.run(input) }
            try write(inputs, target.name)
        }
    }

    private func write(_ inputs: [[UInt8]], _ target: String) throws {
        guard let place = getenv("VMBUSSCOPE_FUZZ_SEEDS").map({ String(cString: $0) }) else { return }
        for directory in [place, "\(place)/\(target)"] where mkdir(directory, 0o755) != 0 && errno != EEXIST {
            throw SystemError.last("mkdir", path: directory)
        }
        for (index, input) in inputs.enumerated() {
            let path = "\(place)/\(target)/seed-\(index)"
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            guard file >= 0 else { throw SystemError.last("open", path: path) }
            defer { close(file) }
            try DescriptorAccess.write(file, input)
        }
    }
}

/// Inputs in the form that each target reads.
enum Seeds {
    /// The most bytes of one input: libFuzzer starts slowly with long ones.
    private static let longest = 4000

    static func all() throws -> [String: [[UInt8]]] {
        guard let scenario = try Scenarios.named(Scenarios.defaultName) else { return [:] }
        var source = SimulatorSource(scenario, seed: 1)
        let batch = source.advance(.time(2_000_000_000, limit: 3000))
        let recorded = try recorded()
        var seeds: [String: [[UInt8]]] = [:]
        seeds["channel-message"] = (empty + recorded + messages(batch, 1, nil)).map { [9, 0xFF] + $0 }.distinct
        seeds["packet"] = packets(batch).map { Array($0.payload.prefix(longest)) }.distinct
        seeds["page-list"] = pageLists(messages(batch, 1, .guestToHost)) + [twoRanges]
        let (guests, hosts) = (ConnectionSteps.guests, ConnectionSteps.hosts)
        let said = messages(batch, 1, nil) + recorded
        seeds["guest-connection"] = guests.map(\.input) + ConnectionSteps.guest(hearing: said)
        seeds["host-connection"] = hosts.map(\.input) + ConnectionSteps.host(hearing: said)
        seeds["guest-saved-state"] = guests.flatMap(\.savedInputs) + [ConnectionSteps.savedGuest]
        seeds["host-saved-state"] = hosts.flatMap(\.savedInputs) + [ConnectionSteps.savedHost]
        seeds["dissector"] = conversations(batch)
        seeds["network-provider"] = adapters(batch, .guestToHost)
        seeds["network-consumer"] = adapters(batch, .hostToGuest)
        seeds.merge(try StorageSeeds.all()) { $1 }
        seeds["integration-provider"] = integrationProviders
        seeds["integration-consumer"] = integrationConsumers
        seeds["balloon"] = MemorySeeds.balloon
        seeds["vpci"] = MemorySeeds.vpci
        seeds["console-provider"] = consoleProviders
        seeds["console-consumer"] = consoleConsumers
        seeds["ring-receiver"] = rings
        seeds["tracepoint"] = try tracepoints()
        seeds["flow-frame"] = frames(batch)
        let recordings = Self.recordings(batch)
        seeds["recording"] = (recordings + foreignCaptures).map { [99] + $0 }
        seeds["export"] = recordings.flatMap { bytes in (0..<UInt8(5)).map { [$0] + bytes } }
        seeds["responder"] = GuestFrames.conversations
        seeds["ring-dump"] = try dumps()
        seeds["text-file"] = try texts()
        return seeds.mapValues { $0.map { Array($0.prefix(longest)) } }
    }

    // MARK: What the simulator did

    /// The beginning, a piece with messages and one with packets, each a recording of its own.
    private static func recordings(_ batch: FlowBatch) -> [[UInt8]] {
        let packets = batch.headers.filter { $0.kind == .packet && $0.attachmentLength > 0 }
        return [batch.headers.prefix(8), batch.headers.dropFirst(60).prefix(12), packets.prefix(4)].map { headers in
            var piece = FlowBatch()
            for header in headers { piece.append(header, from: batch) }
            var writer = RecordingWriter(
                RecordingManifest(tool: "seed", source: .simulator, title: "seed"), interval: 5)
            writer.append(piece)
            return writer.take()
        }
    }

    /// A frame as tcpdump keeps it, with times in microseconds and in nanoseconds, and as other machines do.
    private static let foreignCaptures: [[UInt8]] = [UInt32(0xA1B2_C3D4), 0xA1B2_3C4D].flatMap { magic in
        [false, true].map { isBig -> [UInt8] in
            let frame = [UInt8](repeating: 0xFF, count: 6) + zeros(8)
            let words: [UInt32] = [magic, 2 | 4 << 16, 0, 0, 65535, 1, 1_700_000_000, 500, 14, 60]
            return words.enumerated().flatMap { index, word in
                // Two half words are the second one.
                let bytes = word.littleEndianBytes
                return !isBig ? bytes : index == 1 ? [0, 2, 0, 4] : bytes.reversed()
            } + frame
        }
    }

    private static func messages(_ batch: FlowBatch, _ partition: UInt16, _ direction: Direction?) -> [[UInt8]] {
        batch.headers.filter {
            $0.kind == .message && $0.partition == partition && (direction == nil || $0.direction == direction)
        }.map { Array(batch.payload(of: $0)) }
    }

    private static func packets(_ batch: FlowBatch) -> [(
        header: FlowRecordHeader, payload: [UInt8], attachment: [UInt8]
    )] {
        batch.headers.filter { $0.kind == .packet }.map { header in
            let record = Array(batch.payload(of: header))
            let attachment = Int(header.attachmentLength)
            return (header, Array(record.dropLast(attachment)), Array(record.suffix(attachment)))
        }
    }

    /// Messages that were kept as files: the first ones of each type.
    private static func recorded() throws -> [[UInt8]] {
        guard let place = getenv("VMBUSSCOPE_FUZZ_MESSAGES").map({ String(cString: $0) }) else { return [] }
        var counts: [UInt8: Int] = [:]
        return try SystemFiles().names(in: place).map { try WholeFile.read("\(place)/\($0)", limit: 4096) }.filter {
            guard let type = $0.first else { return false }
            counts[type, default: 0] += 1
            return counts[type, default: 0] <= 8
        }
    }

    /// Streams of frames, in pieces of several sizes.
    private static func frames(_ batch: FlowBatch) -> [[UInt8]] {
        [(0, 3), (3, 1), (10, 12), (40, 6)].enumerated().map { index, range in
            var part = FlowBatch()
            for header in batch.headers.dropFirst(range.0).prefix(range.1) { part.append(header, from: batch) }
            let frame = FlowFrame.bytes(of: part, sentAt: UInt64(index))
            return [UInt8(index * 40)] + (index == 0 ? Array("hello\r\n".utf8) : []) + frame
                + FlowFrame.bytes(of: FlowBatch(), sentAt: 9)
        }
    }

    private static func conversations(_ batch: FlowBatch) -> [[UInt8]] {
        let packets = packets(batch)
        let kinds: [DeviceKind] = [.network, .heartbeat]
        return kinds.flatMap { kind -> [[UInt8]] in
            let ours = packets.filter { DeviceKind(packetsOf: $0.header, in: batch) == kind }
            let records = ours.map { packet -> [UInt8] in
                let length = min(packet.payload.count / 8, 127)
                let attachment = packet.attachment.prefix(255)
                return [UInt8(length << 1) | (packet.header.direction == .hostToGuest ? 1 : 0)]
                    + packet.payload.prefix(length * 8) + [UInt8(attachment.count)] + attachment
            }
            let pieces = stride(from: 0, to: min(records.count, 120), by: 8).map { start in
                [UInt8(DeviceKind.allCases.firstIndex(of: kind) ?? 0)]
                    + records[start..<min(start + 8, records.count)].flatMap { $0 }
            }
            return pieces
        }
    }

    /// What one side of an adapter says from its start on, and the channels that open on the way; both guests.
    private static func adapters(_ batch: FlowBatch, _ direction: Direction) -> [[UInt8]] {
        let packets = packets(batch).filter { DeviceKind(packetsOf: $0.header, in: batch) == .network }
        return [UInt16(1), 2].flatMap { partition -> [[UInt8]] in
            // The options of a run, and the primary opens.
            var input: [UInt8] = [0, 0]
            for packet in packets where packet.header.partition == partition && packet.header.direction == direction {
                let control = 0x0F | UInt8(packet.header.subchannel & 3) << 4
                let words = UInt8(min(packet.payload.count / 8, 255))
                input += [control, words] + piece(packet.payload)
                input += UInt16(packet.attachment.count).littleEndianBytes + piece(packet.attachment)
                // Sub-channels open as soon as they are asked for, or granted.
                if packet.payload.dropFirst(16).first == 133 { input += [0x10, 0x20, 0x30] }
            }
            return [input, input + [2, 200, 0, 200] + [UInt8](repeating: 0xFF, count: 200)]
        }
    }

    /// The beginning of some bytes, of which zeros at the end are left out.
    private static func piece(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes.prefix(255)
        while rest.last == 0 { rest.removeLast() }
        return [UInt8(rest.count)] + rest
    }

    private static func pageLists(_ messages: [[UInt8]]) -> [[UInt8]] {
        var lists: [[UInt8]] = []
        for message in messages {
            switch try? ChannelMessage.decode(message) {
            case .gpadlHeader(let header)?:
                lists.append(
                    header.rangeBufferLength.littleEndianBytes + header.rangeCount.littleEndianBytes + [7]
                        + part(header.words))
            case .gpadlBody(let body)? where !lists.isEmpty: lists[lists.count - 1] += part(body.words)
            default: break
            }
        }
        return lists.distinct
    }

    private static func part(_ words: [UInt64]) -> [UInt8] {
        [UInt8(words.count)] + words.flatMap { $0.littleEndianBytes }
    }

    // MARK: Inputs of our own

    /// Each service: versions agreed on, then every command with its answers as the guest gives them.
    private static var integrationProviders: [[UInt8]] {
        (0..<6).map { (service: UInt8) -> [UInt8] in
            [service] + [0, 0, 0, 0] + (0..<12).flatMap { (command: UInt8) -> [UInt8] in [5, command, 0, 0, 6, 1] }
        }
    }

    /// Each service: bodies of the first bytes that matter in short and long forms.
    private static var integrationConsumers: [[UInt8]] {
        (0..<6).map { (service: UInt8) -> [UInt8] in
            [service, 0]
                + (0..<6).flatMap { (form: UInt8) -> [UInt8] in
                    [1, 66 + form, 4, form, 0, 0, 0] + [2, 32, 12] + [form] + zeros(11)
                }
                // The start of a file whose name is a letter.
                + [1, 69, 38] + zeros(36) + [0x61, 0] + [0, 0]
        }
    }

    /// Each device: what its own guest says, every command, then messages of every type that are not bent.
    private static var consoleProviders: [[UInt8]] {
        (0..<3).map { (device: UInt8) -> [UInt8] in
            [device] + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
                + (0..<10).flatMap { (command: UInt8) -> [UInt8] in [5, command, 6, 0, 0, 0] }
                + (0..<17).flatMap { (type: UInt8) -> [UInt8] in [4, 1, type, 20] + zeros(20) }
        }
    }

    /// Each device: what its own host says, then messages of every type.
    private static var consoleConsumers: [[UInt8]] {
        (0..<3).map { (device: UInt8) -> [UInt8] in
            [device] + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 6, 0, 0, 0]
                + (0..<17).flatMap { (type: UInt8) -> [UInt8] in [4, 1, type, 20] + zeros(20) }
        }
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    /// A message of each type with nothing but zeros behind its header.
    private static let empty: [[UInt8]] = (1...29).map { [$0] + [UInt8](repeating: 0, count: 199) }

    /// Two ranges in a header and a body, the second one with a page to spare.
    private static let twoRanges: [UInt8] =
        [48, 0, 2, 0, 7] + part([8192, 0x10, 0x11]) + part([4096, 0x12, 0x13])

    /// Sends and receives with a script of the other end that is empty, or writes an index now and then.
    private static let rings: [[UInt8]] = [
        [0, 0, 0, 0, 0] + [7, 6, 0, 100, 0, 7, 6, 0, 200, 1, 0, 0, 3, 5].repeated(8),
        [250, 1, 0, 8, 0] + [30, 12, 9, 0, 30, 30, 30, 2]
            + [7, 6, 0, 0, 8, 8, 255, 15, 10, 2, 3, 1, 2, 3, 0, 5, 9, 6].repeated(6),
    ]

    /// Descriptions of a real kernel's tracepoints with a record each, a page of a trace buffer, and a perf buffer.
    private static func tracepoints() throws -> [[UInt8]] {
        let place =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
            + "/LinuxGuestTests/Fixtures/tracepoints-6.12.txt"
        let text = String(decoding: try WholeFile.read(place, limit: 1 << 20), as: UTF8.self)
        let record: [UInt8] = [40, 6, 0, 0, 9, 0, 0, 0, 24, 0, 5, 0] + (1...12) + Array("eth0\0".utf8) + (1...40)
        var inputs: [[UInt8]] = []
        for part in text.split(separator: "=== ") where part.hasPrefix("hyperv") || part.hasPrefix("netvsc") {
            let description = Array(part.utf8.drop { $0 != UInt8(ascii: "\n") }.prefix(1500))
            inputs.append([0] + UInt16(description.count).littleEndianBytes + description + record)
        }
        let event: [UInt8] = [0x42, 1, 0, 0] + (1...8)
        let events = event + [0xBE, 0, 0, 0, 2, 0, 0, 0] + event + [0x20, 0, 0, 0, 12, 0, 0, 0] + (1...8)
        let page = UInt64(1000).littleEndianBytes + (UInt64(events.count) | 3 << 30).littleEndianBytes + events
        inputs.append([1] + page + UInt64(12).littleEndianBytes)
        let sample: [UInt8] = [9, 0, 0, 0, 1, 0, 44, 0] + (1...24) + [8, 0, 0, 0] + (1...8)
        let lost: [UInt8] = [2, 0, 0, 0, 0, 0, 48, 0] + (1...40)
        inputs.append([2] + sample + lost + sample)
        return inputs
    }

    /// The samples of the texts' tests, each as what it is, to be recognised, and as single lines.
    private static func texts() throws -> [[UInt8]] {
        let place =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
            + "/LinuxGuestTests/Fixtures/texts"
        let formats = TextFormat.allCases
        return try SystemFiles().names(in: place).flatMap { name -> [[UInt8]] in
            let bytes = try WholeFile.read("\(place)/\(name)", limit: 1 << 20)
            let format = TextFormat.recognise(bytes[...]).flatMap { formats.firstIndex(of: $0) } ?? formats.count
            let lines = bytes.split(separator: UInt8(ascii: "\n")).prefix(4).map { [UInt8(formats.count + 1)] + $0 }
            return [[UInt8(format)] + bytes, [UInt8(formats.count)] + bytes] + lines
        } + [
            [UInt8(formats.count + 1)] + "6,1234,5678901,-,caller=T1;hv_vmbus: Vmbus version:5.3\n SUBSYSTEM=vmbus".utf8
        ]
    }

    /// The images of the dumps' tests.
    private static func dumps() throws -> [[UInt8]] {
        let place =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
            + "/CaptureFilesTests/Fixtures/rings"
        return try SystemFiles().names(in: place).filter { $0.hasSuffix(".bin") }.compactMap {
            RingImageBytes.compacted(try WholeFile.read("\(place)/\($0)", limit: 1 << 20))
        }
    }
}

extension DeviceKind {
    /// What the offer of the record's device says that it is.
    fileprivate init(packetsOf header: FlowRecordHeader, in batch: FlowBatch) {
        self = .unknown
        for record in batch.headers where record.kind == .message && record.partition == header.partition {
            guard case .offerChannel(let offer)? = try? ChannelMessage.decode(Array(batch.payload(of: record))),
                offer.interfaceInstance == header.device
            else { continue }
            self = DeviceClass.of(offer.interfaceType).kind
            return
        }
    }
}

extension FixedWidthInteger {
    fileprivate var littleEndianBytes: [UInt8] {
        (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> Self($0 * 8)) }
    }
}

extension [UInt8] {
    fileprivate func repeated(_ times: Int) -> [UInt8] { (0..<times).flatMap { _ in self } }
}

extension [[UInt8]] {
    /// One of each length and beginning, in their order.
    fileprivate var distinct: [[UInt8]] {
        var seen: Set<[UInt8]> = []
        return filter { seen.insert($0.prefix(40) + [UInt8(truncatingIfNeeded: $0.count / 8)]).inserted }.prefix(150)
            .map { $0 }
    }
}
