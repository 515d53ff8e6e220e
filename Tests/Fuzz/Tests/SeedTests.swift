import BusModel
import FuzzTargets
import Glibc
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
        seeds["channel-message"] = (messages(batch, 1, nil) + recorded + empty).map { [9, 0xFF] + $0 }.distinct
        seeds["packet"] = packets(batch).map { Array($0.payload.prefix(longest)) }.distinct
        seeds["page-list"] = pageLists(messages(batch, 1, .guestToHost)) + [twoRanges]
        seeds["guest-connection"] = guests + [connection(messages(batch, 1, .hostToGuest), first: [0])]
        seeds["host-connection"] = hosts + [connection(messages(batch, 1, .guestToHost) + recorded, first: hosts[0])]
        seeds["guest-saved-state"] = guests.map(savedGuestRun) + [raw(savedGuest)]
        seeds["host-saved-state"] = hosts.map(savedHostRun) + [raw(savedHost, behind: devices)]
        seeds["dissector"] = conversations(batch)
        seeds["ring-receiver"] = rings
        seeds["ring-dump"] = try dumps()
        return seeds.mapValues { $0.map { Array($0.prefix(longest)) } }
    }

    // MARK: What the simulator did

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

    /// Messages that were kept as files.
    private static func recorded() throws -> [[UInt8]] {
        guard let place = getenv("VMBUSSCOPE_FUZZ_MESSAGES").map({ String(cString: $0) }) else { return [] }
        return try SystemFiles().names(in: place).map { try WholeFile.read("\(place)/\($0)", limit: 4096) }
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

    /// Every message as it is, one step each.
    private static func connection(_ messages: [[UInt8]], first: [UInt8]) -> [UInt8] {
        first + messages.prefix(60).flatMap { [0, UInt8($0.count)] + $0 }
    }

    // MARK: Steps of our own

    /// A message of each type with nothing but zeros behind its header.
    private static let empty: [[UInt8]] = (1...29).map { [$0] + [UInt8](repeating: 0, count: 199) }

    /// Two ranges in a header and a body, the second one with a page to spare.
    private static let twoRanges: [UInt8] =
        [48, 0, 2, 0, 7] + part([8192, 0x10, 0x11]) + part([4096, 0x12, 0x13])

    /// Connect, three offers, two page lists, open, move, close, take back, end; with and without answers.
    private static let guests: [[UInt8]] = [
        [0, 3, 6, 1, 1, 0, 6, 2, 1, 1, 6, 3, 2, 0, 3, 9, 8, 0, 9, 40, 1, 3, 3, 11, 0, 0, 0, 4, 3, 13, 0, 5, 3, 12, 0],
        [2, 3, 3, 6, 5, 1, 0, 9, 8, 0, 3, 11, 0, 0, 0, 4, 3, 8, 0, 14, 0, 17, 0, 3],
        [1, 5, 0, 0, 0, 0, 17, 1, 17, 1, 3, 16, 9, 3, 17, 0, 3, 2],
    ]

    /// A host of the newest version with offers; contact, offers asked for, lists, open, move, close, unload.
    private static let hosts: [[UInt8]] = [
        [
            10, 2, 0, 0, 0, 1, 1, 0, 2, 10, 0xF7, 1, 0, 4, 5, 0, 40, 0, 1, 5, 1, 8, 1, 1, 7, 0, 0, 4, 14, 1, 11, 0, 9,
            8, 0, 15,
        ],
        [
            9, 1, 0, 0, 0, 2, 9, 0, 1, 0, 4, 5, 0, 3, 0, 1, 7, 0, 0, 1, 14, 1, 17, 0, 15, 9, 0, 0, 10, 0, 16, 1, 1, 1,
            13,
        ],
    ]

    /// Eight devices of a host, three bytes each.
    private static let devices: [UInt8] = (0..<8).flatMap { [$0 & 3, $0 & 7, 0] }

    /// Steps before a guest is saved, and the same ones behind.
    private static func savedGuestRun(_ steps: [UInt8]) -> [UInt8] {
        let head: [UInt8] = [10, 0, 1, UInt8(steps.count), 0]
        return head + steps + steps
    }

    /// The same with a host's steps, which its version and offers stand before.
    private static func savedHostRun(_ steps: [UInt8]) -> [UInt8] {
        let behind = Array(steps.dropFirst(8))
        let head: [UInt8] = [10, 0] + devices
        let count: [UInt8] = [1, UInt8(behind.count), 0]
        return head + count + behind + behind
    }

    /// A saved state as it is, in the newest version.
    private static func raw(_ state: [UInt8], behind devices: [UInt8] = []) -> [UInt8] {
        let head: [UInt8] = [10, 0] + devices
        let count: [UInt8] = [0, UInt8(state.count & 0xFF), UInt8(state.count >> 8)]
        return head + count + state
    }

    /// A guest that has posted its proposal.
    private static var savedGuest: [UInt8] {
        var guest = GuestConnection()
        _ = guest.connect()
        return guest.saved()
    }

    /// A host that a guest of 5.3 has contacted and asked for offers.
    private static var savedHost: [UInt8] {
        var host = HostConnection()
        let context = WireContext(version: .iron)
        let contact = InitiateContact(
            version: .iron, targetVP: 0, interruptPage: 0, targetVTL: 0, features: [], parentToChildMonitorPage: 0,
            childToParentMonitorPage: 0, clientID: nil)
        for message in [ChannelMessage.initiateContact(contact), .requestOffers] {
            _ = host.receive(message.encoded(context: context), connectionID: ConnectionID.multiClientMessage)
        }
        return host.saved()
    }

    /// Sends and receives with a script of the other end that is empty, or writes an index now and then.
    private static let rings: [[UInt8]] = [
        [0, 0, 0, 0, 0] + [7, 6, 0, 100, 0, 7, 6, 0, 200, 1, 0, 0, 3, 5].repeated(8),
        [250, 1, 0, 8, 0] + [30, 12, 9, 0, 30, 30, 30, 2]
            + [7, 6, 0, 0, 8, 8, 255, 15, 10, 2, 3, 1, 2, 3, 0, 5, 9, 6].repeated(6),
    ]

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
