import Testing
import VMBusDevices
import VMBusWire

typealias StoragePair = DevicePair<StorageConsumer, StorageProvider>

/// The bytes of one disk, by blocks of 512.
final class TestDisk {
    var blocks: [UInt64: [UInt8]] = [:]
    var failure: DiskError?

    func perform(_ request: DiskRequest) -> DiskCompletion {
        if let failure { return DiskCompletion(token: request.token, result: .failure(failure)) }
        switch request.operation {
        case .read(let range):
            let bytes = (0..<UInt64(range.count)).flatMap {
                blocks[range.block + $0] ?? [UInt8](repeating: 0, count: request.blockSize)
            }
            return DiskCompletion(token: request.token, result: .success(bytes))
        case .write(let block, let bytes, _):
            for start in stride(from: 0, to: bytes.count, by: request.blockSize) {
                blocks[block + UInt64(start / request.blockSize)] = Array(bytes[start..<start + request.blockSize])
            }
        case .fill(let range, let pattern):
            for index in 0..<UInt64(range.count) { blocks[range.block + index] = pattern }
        case .discard(let ranges):
            for range in ranges { for index in 0..<UInt64(range.count) { blocks[range.block + index] = nil } }
        case .flush: break
        }
        return DiskCompletion(token: request.token, result: .success([]))
    }
}

extension DevicePair where Guest == StorageConsumer, Host == StorageProvider {
    /// A controller with a disk of 1 MiB at unit 0, a read-only one at 1 and a disc at 2, which has not been opened.
    static func storage(
        guestVersion: VStor.Version = .version62, hostVersion: VStor.Version = .version62, subchannels: Int = 3,
        kind: StorageProvider.Kind = .scsi, slots: Int = 16, disk: TestDisk? = TestDisk()
    ) -> StoragePair {
        var guest = StorageConsumer.Configuration()
        guest.maximumVersion = guestVersion
        guest.subchannels = subchannels
        guest.slots = slots
        guest.isFibreChannel = kind == .fibreChannel
        var host = StorageProvider.Configuration()
        host.kind = kind
        host.maximumVersion = hostVersion
        host.maximumSubchannels = subchannels
        host.identity = 0x1234_5678_9ABC
        host.disks = [
            DiskDescription(lun: 0, byteCount: 1 << 20), DiskDescription(lun: 1, byteCount: 1 << 20, isReadOnly: true),
            DiskDescription(lun: 2, medium: .compactDisc, byteCount: 1 << 20),
        ]
        var pair = StoragePair(
            guest: StorageConsumer(configuration: guest), host: StorageProvider(configuration: host))
        if let disk { pair.disk = { disk.perform($0) } }
        return pair
    }

    /// The same, up and running.
    static func running(
        kind: StorageProvider.Kind = .scsi, slots: Int = 16, disk: TestDisk? = TestDisk()
    ) -> StoragePair {
        var pair = storage(kind: kind, slots: slots, disk: disk)
        pair.open()
        pair.settle()
        return pair
    }

    /// Sends one command and gives its result.
    mutating func ask(_ command: [UInt8], lun: UInt8 = 0, data: [UInt8] = [], room: Int = 0) -> StorageResult? {
        let before = results.count
        let request = StorageRequest(token: 7, lun: lun, SCSI.Command(command), data: data, room: room)
        perform(guest.submit(request, memory: &memory), from: .guestToHost)
        settle()
        return results.count > before ? results.last : nil
    }

    /// A packet of the guest that its own end did not write; the answer as it lies in the log.
    mutating func say(_ packet: VStor.Packet, id: UInt64 = 99, size: Int = 64, ranges: [GPARange] = []) -> VStor.Packet?
    {
        let payload = Array(packet.encoded(version: .version62, sender: .guestToHost).prefix(size))
        let before = log.count
        inject(
            ChannelPacket(
                type: ranges.isEmpty ? .dataInBand : .dataUsingGPADirect, flags: .completionRequested,
                transactionID: id, bulk: ranges.isEmpty ? .inBand : .guestPages(ranges), payload: payload),
            from: .guestToHost)
        while deliver() {}
        guard log.count > before, let answer = try? ChannelPacket.decode(log[before].bytes[...]) else { return nil }
        return try? VStor.Packet.decode(
            answer.payload, context: .newest(sender: .hostToGuest, subject: packet.operation.rawValue))
    }
}

@Suite struct StorageTests {
    @Test(arguments: VStor.Version.newestFirst, VStor.Version.newestFirst)
    func `a guest and a host agree on the newest version of both`(guest: VStor.Version, host: VStor.Version) {
        var pair = StoragePair.storage(guestVersion: guest, hostVersion: host)
        pair.open()
        pair.settle()
        #expect(pair.violations == [])
        #expect(pair.host.version == min(guest, host))
        #expect(pair.guest.isRunning)
        #expect(pair.guest.openChannelCount == (min(guest, host) >= .version51 ? 4 : 1))
        let data = (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let write = pair.ask([0x2A, 0, 0, 0, 0, 9, 0, 0, 8, 0], data: data)
        #expect(write?.isSuccess == true)
        let read = pair.ask([0x28, 0, 0, 0, 0, 9, 0, 0, 8, 0], room: 4096)
        #expect(read?.data == data)
        #expect(pair.log.allSatisfy { $0.bytes.count >= 16 + (min(guest, host) >= .version51 ? 64 : 48) })
    }

    @Test func `a Fibre Channel adapter tells its names`() {
        let pair = StoragePair.running(kind: .fibreChannel)
        #expect(pair.guest.isRunning)
        #expect(pair.guest.ports?.isPrimaryActive == 1)
        #expect(pair.guest.ports?.names.prefix(1) == [0x50])
    }

    @Test func `an IDE controller has one disk and no sub-channels`() {
        let pair = StoragePair.running(kind: .ide)
        #expect(pair.guest.isRunning)
        #expect(pair.host.units.count == 1)
        #expect(pair.guest.openChannelCount == 1)
    }

    @Test func `requests spread over all channels and are answered where they were sent`() {
        var pair = StoragePair.running()
        for block in 0..<32 { _ = pair.ask([0x28, 0, 0, 0, 0, UInt8(block), 0, 0, 1, 0], room: 512) }
        #expect(pair.violations == [])
        #expect(Set(pair.log.map(\.subchannel)) == [0, 1, 2, 3])
        #expect(pair.results.allSatisfy { $0.isSuccess })
    }

    @Test func `more requests than slots wait their turn`() {
        var pair = StoragePair.running(slots: 2)
        for token in 0..<20 {
            let request = StorageRequest(token: UInt64(token), lun: 0, .read(block: 0, count: 1), room: 512)
            pair.perform(pair.guest.submit(request, memory: &pair.memory), from: .guestToHost)
        }
        #expect(pair.guest.outstandingCount == 2)
        pair.settle()
        #expect(pair.results.map(\.token) == (0..<20).map { UInt64($0) })
    }

    // MARK: The order of the negotiation

    static let steps: [VStor.Operation] = [
        .beginInitialization, .queryProtocolVersion, .queryProperties, .endInitialization,
    ]

    @Test(arguments: 0..<4)
    func `every packet out of order is refused`(done: Int) {
        for operation in (3...14).map({ VStor.Operation(rawValue: $0) }) {
            var pair = StoragePair.storage(disk: nil)
            pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
            var version = VStor.Packet(.queryProtocolVersion)
            version.version = .version62
            for step in Self.steps.prefix(done) {
                _ = pair.say(step == .queryProtocolVersion ? version : VStor.Packet(step))
            }
            let isNext = operation == Self.steps[done] || (operation == .queryProtocolVersion && done == 2)
            let isEarly = operation == .createSubchannels && done == 3
            if isNext || isEarly { continue }
            let before = pair.violations.filter { $0.rule == "vstor-order" }.count
            let answer = pair.say(VStor.Packet(operation))
            #expect(answer?.status == .invalidDeviceState, "\(operation.name) after \(done) steps")
            let after = pair.violations.filter { $0.rule == "vstor-order" }.count
            #expect(after == before + 1, "\(operation.name) after \(done) steps")
        }
    }

    @Test func `a version that nobody speaks is refused without a violation`() {
        var pair = StoragePair.storage(disk: nil)
        pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
        _ = pair.say(VStor.Packet(.beginInitialization))
        var question = VStor.Packet(.queryProtocolVersion)
        question.version = VStor.Version(rawValue: 0x0700)
        let answer = pair.say(question)
        #expect(answer?.status == .revisionMismatch)
        #expect(pair.host.version == nil)
        question.version = .version60
        let second = pair.say(question)
        #expect(second?.status == .success)
        #expect(pair.host.version == .version60)
    }

    @Test func `too many sub-channels are refused, and so is a second wish`() {
        var pair = StoragePair.running()
        var wish = VStor.Packet(.createSubchannels)
        wish.subchannels = 1
        let second = pair.say(wish)
        #expect(second?.status == .invalidDeviceState)
        var fresh = StoragePair.storage(subchannels: 0)
        fresh.open()
        fresh.settle()
        let many = fresh.say(wish)
        #expect(many?.status == .invalidParameter)
        #expect(fresh.violations.contains { $0.rule == "vstor-subchannels" })
    }

    @Test func `a short packet is a violation and is answered`() {
        var pair = StoragePair.running()
        let answer = pair.say(VStor.Packet(.executeSRB), size: 40)
        #expect(answer?.status == .invalidParameter)
        #expect(pair.violations.contains { $0.rule == "well-formed" })
    }

    @Test func `only requests go through sub-channels`() {
        var pair = StoragePair.running()
        pair.inject(
            ChannelPacket(payload: VStor.Packet(.queryProperties).encoded(version: .version62, sender: .guestToHost)),
            from: .guestToHost, on: 2)
        #expect(pair.violations.map(\.rule) == ["vstor-order"])
    }

    // MARK: Requests that are wrong

    static func request(_ change: (inout VStor.Request) -> Void) -> VStor.Packet {
        var packet = VStor.Packet(.executeSRB)
        packet.request.commandLength = 10
        packet.request.direction = .read
        packet.request.block = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]
        packet.request.dataLength = 512
        change(&packet.request)
        return packet
    }

    @Test(arguments: [
        request { $0.commandLength = 17 }, request { $0.senseLength = 21 },
        request { $0.direction = VStor.DataDirection(rawValue: 3) }, request { $0.dataLength = 0xFFFF_FFFF },
        request { $0.dataLength = 8192 },
    ])
    func `numbers that cannot be are a violation and an invalid request`(packet: VStor.Packet) {
        var pair = StoragePair.running()
        let buffer = pair.memory.allocate(4096, .blocks)
        let answer = pair.say(packet, ranges: [GPARange(byteCount: 4096, byteOffset: 0, pages: buffer.pages)])
        #expect(answer?.request.status == .invalidRequest)
        #expect(pair.violations.first?.rule == "srb-valid")
    }

    @Test(arguments: [VStor.DataDirection.read, .write])
    func `pages that the guest does not have are a violation`(direction: VStor.DataDirection) {
        var pair = StoragePair.running()
        let packet = Self.request {
            $0.direction = direction
            $0.block[0] = direction == .read ? 0x28 : 0x2A
        }
        let answer = pair.say(packet, ranges: [GPARange(byteCount: 512, byteOffset: 0, pages: [0xDEAD_BEEF])])
        #expect(answer?.request.status == .invalidRequest)
        #expect(["srb-valid", "srb-pages"].contains(pair.violations.first?.rule ?? ""))
        #expect(pair.host.outstandingCount == 0)
    }

    @Test func `data goes through several ranges that begin inside pages`() {
        let disk = TestDisk()
        var pair = StoragePair.running(disk: disk)
        disk.blocks[0] = (0..<512).map { UInt8(truncatingIfNeeded: $0) }
        let pages = pair.memory.allocate(12_288, .blocks).pages
        let ranges = [
            GPARange(byteCount: 100, byteOffset: 4090, pages: Array(pages[0...1])),
            GPARange(byteCount: 412, byteOffset: 7, pages: [pages[2]]),
        ]
        let answer = pair.say(Self.request { _ in }, ranges: ranges)
        #expect(answer?.request.status == .success)
        let bytes = (pair.memory.read(ranges[0]) ?? []) + (pair.memory.read(ranges[1]) ?? [])
        #expect(bytes == disk.blocks[0])
    }

    @Test func `an id that is in use is not taken twice`() {
        var pair = StoragePair.running(disk: nil)
        let pages = pair.memory.allocate(4096, .blocks).pages
        let range = GPARange(byteCount: 512, byteOffset: 0, pages: pages)
        _ = pair.say(Self.request { _ in }, id: 5, ranges: [range])
        _ = pair.say(Self.request { _ in }, id: 5, ranges: [range])
        #expect(pair.host.outstandingCount == 1)
        #expect(pair.violations.map(\.rule) == ["transaction-unique"])
    }

    @Test func `what disks work on is bounded`() {
        var configuration = StorageProvider.Configuration()
        configuration.maximumOutstanding = 3
        configuration.disks = [DiskDescription(lun: 0, byteCount: 1 << 20)]
        var pair = StoragePair(guest: StorageConsumer(), host: StorageProvider(configuration: configuration))
        pair.open()
        pair.settle()
        let pages = pair.memory.allocate(4096, .blocks).pages
        var last: VStor.Packet?
        for id in 1...5 {
            last = pair.say(
                Self.request { _ in }, id: UInt64(id), ranges: [GPARange(byteCount: 512, byteOffset: 0, pages: pages)])
        }
        #expect(pair.host.outstandingCount == 3)
        #expect(last?.request.scsiStatus == .taskSetFull)
    }

    @Test func `a full ring delays answers and loses none`() {
        var pair = StoragePair.storage()
        pair.room = 1
        pair.open()
        pair.settle()
        for token in 0..<40 {
            let request = StorageRequest(token: UInt64(token), lun: 0, .read(block: 0, count: 1), room: 512)
            pair.perform(pair.guest.submit(request, memory: &pair.memory), from: .guestToHost)
        }
        pair.settle()
        #expect(pair.results.count == 40)
        #expect(pair.violations == [])
    }

    // MARK: Disks that come and go

    @Test func `a disk that comes is there, and one that goes takes its requests along`() throws {
        var pair = StoragePair.running(disk: nil)
        let add = DeviceCommand.storage(.add(DiskDescription(lun: 9, byteCount: 4096)))
        pair.perform(pair.host.perform(add, time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
        pair.settle()
        #expect(pair.diskChanges == 1)
        let request = StorageRequest(token: 1, lun: 9, .read(block: 0, count: 1), room: 512)
        pair.perform(pair.guest.submit(request, memory: &pair.memory), from: .guestToHost)
        pair.settle()
        #expect(pair.host.outstandingCount == 1)
        let remove = try DeviceCommand(["remove", "9"], for: .scsi)
        pair.perform(pair.host.perform(remove, time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
        pair.settle()
        #expect(pair.host.outstandingCount == 0)
        #expect(pair.results.last?.status == .invalidLUN)
        #expect(pair.diskChanges == 2)
        let late = DiskCompletion(token: pair.requests[0].token, result: .success([]))
        let effects = pair.host.completed(late, time: 0, memory: &pair.memory)
        #expect(effects == [])
    }

    @Test(arguments: ["add", "add 1", "add x 64M", "add 64 64M", "add 1 memory:x", "remove", "remove x", "eject 0"])
    func `a command that is none is told what there is`(line: String) {
        do {
            _ = try DeviceCommand(line.split(separator: " ").map(String.init), for: .scsi)
            Issue.record("\(line) was taken")
        } catch {
            #expect("\(error)".contains("add LUN PATH"))
        }
    }

    @Test func `disks survive the end of the channel, what the guest asked does not`() {
        var pair = StoragePair.running(disk: nil)
        let request = StorageRequest(token: 1, lun: 0, .read(block: 0, count: 1), room: 512)
        pair.perform(pair.guest.submit(request, memory: &pair.memory), from: .guestToHost)
        pair.settle()
        _ = pair.host.closed(subchannel: 0)
        pair.perform(pair.guest.closed(subchannel: 0), from: .guestToHost)
        #expect(pair.host.outstandingCount == 0)
        #expect(pair.host.units.count == 3)
        #expect(pair.results.map(\.status) == [.aborted])
    }

    // MARK: What a host may say

    @Test func `answers that nobody asked for are violations`() {
        var pair = StoragePair.running()
        let payload = VStor.Packet(.completeIO).encoded(version: .version62, sender: .hostToGuest, subject: .executeSRB)
        for id in [UInt64(12_345), UInt64.max - 2] {
            pair.inject(ChannelPacket(type: .completion, transactionID: id, payload: payload), from: .hostToGuest)
        }
        pair.inject(ChannelPacket(payload: payload), from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == ["transaction-known", "vstor-answer", "vstor-news"])
    }

    @Test func `a host's news may end behind the operation`() {
        var pair = StoragePair.running()
        pair.inject(ChannelPacket(payload: [2, 0, 0, 0]), from: .hostToGuest)
        #expect(pair.diskChanges == 1)
        #expect(pair.violations == [])
    }

    @Test func `a disk that is busy is asked again, and not for ever`() {
        let disk = TestDisk()
        var pair = StoragePair.running(disk: disk)
        let refused = VStor.Packet(.executeSRB)
        var reply = refused
        reply.operation = .completeIO
        reply.request.status = .busy
        reply.request.scsiStatus = .busy
        let payload = reply.encoded(version: .version62, sender: .hostToGuest, subject: .executeSRB)
        let request = StorageRequest(token: 3, lun: 0, SCSI.Command([0]))
        var effects = pair.guest.submit(request, memory: &pair.memory)
        var sent = 0
        while case .send(let subchannel, let packet, _)? = effects.first, sent < 10 {
            sent += 1
            effects = pair.guest.receive(
                ChannelPacket(type: .completion, transactionID: packet.transactionID, payload: payload), attachment: [],
                subchannel: subchannel, time: 0, memory: &pair.memory)
        }
        #expect(sent == 4)
        guard case .submitted(let result)? = effects.first else {
            Issue.record("no result")
            return
        }
        #expect(result.scsiStatus == .busy)
    }
}
