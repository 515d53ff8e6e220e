import BusModel
import CaptureFiles
import Testing
import VMBusDevices
import VMBusWire

@Suite struct RoundTripTests {
    @Test(arguments: [1, 7, 4096, Int.max]) func `a log comes back as it was, whatever the pieces`(_ pieces: Int) {
        let log = RecordedLog(records: pieces == 1 ? 60 : 500)
        let bytes = log.recorded()
        let (records, damages) = read(bytes, pieces: pieces)
        #expect(PlainRecord.all(records) == PlainRecord.all(log.batch))
        #expect(damages.isEmpty)
    }

    @Test func `a frame is in the file once, on the interface of its adapter`() {
        var log = RecordedLog(records: 0)
        let frame = (0..<99).map { UInt8(100 + $0) }
        let packet = ChannelPacket(payload: [107, 0, 0, 0] + [UInt8](repeating: 0, count: 36))
        log.add(
            .packet, packet.encoded ?? [], code: 6, device: RecordedLog.adapter, relid: 14, direction: .hostToGuest,
            attachment: RecordedLog.rndisPacket(frame: frame))
        let bytes = log.recorded()
        let places = bytes.indices.filter { bytes[$0...].starts(with: frame) }
        #expect(places.count == 1)
        let block = bytes[((places.first ?? 28) - 28)...]
        #expect(block.word32(0) == 6)
        var reader = RecordingReader()
        reader.append(bytes)
        var batch = FlowBatch()
        reader.read(into: &batch, limit: .max)
        #expect(reader.interfaces[Int(block.word32(8))].linkType == 1)
        #expect(reader.interfaces[Int(block.word32(8))].name == "nic:1/11111111-2222-3333")
        // Inbound, and tied to its record by the record's number.
        #expect(Array(block[(block.startIndex + 128)...].prefix(8)) == [2, 0, 4, 0, 1, 0, 0, 0])
        #expect(block.word64(140) == batch.headers.last?.sequence)
        #expect(PlainRecord.all(batch) == PlainRecord.all(log.batch))
    }

    @Test func `a frame from one guest to another is a packet of the sender's interface alone`() {
        var log = RecordedLog(records: 0)
        let sender: [UInt8] = [2, 0, 0, 0, 0, 1]
        let frame = [2, 0, 0, 0, 0, 2] + sender + (0..<80).map { UInt8(100 + $0) }
        let packet = ChannelPacket(payload: [107, 0, 0, 0] + [UInt8](repeating: 0, count: 36)).encoded ?? []
        var batch = log.batch
        for (partition, direction) in [(UInt16(1), Direction.guestToHost), (2, .hostToGuest), (1, .hostToGuest)] {
            log.add(
                .packet, packet, code: 6, device: RecordedLog.adapter, relid: 14, direction: direction,
                attachment: RecordedLog.rndisPacket(frame: frame))
            guard var header = log.batch.headers.last else { return }
            let payload = log.batch.payload(of: header)
            header.partition = partition
            batch.append(header, payload.dropLast(136), attachment: Array(payload.suffix(136)))
        }
        // The second guest has an adapter as well.
        var offers = FlowBatch()
        for header in batch.headers {
            guard header.kind == .message else { continue }
            var other = header
            other.partition = 2
            offers.append(other, from: batch)
        }
        offers.append(batch)
        var writer = RecordingWriter(RecordingManifest(tool: "test", source: .simulator, title: "two"))
        writer.append(offers)
        let bytes = writer.take()
        let (records, damages) = read(bytes)
        #expect(damages.isEmpty)
        #expect(PlainRecord.all(records) == PlainRecord.all(offers))
        var (places, place) = (0, 0)
        while place < bytes.count {
            if bytes[(place + 28)...].starts(with: frame) { places += 1 }
            place += Int(bytes[place...].word32(4))
        }
        // What comes back to its sender was not from another adapter.
        #expect(places == 2)
    }

    @Test func `packets are cut as asked for, and tell how long they were`() {
        let log = RecordedLog(records: 400)
        var manifest = RecordingManifest(tool: "test", source: .live, title: "cut")
        manifest.snapLength = 20
        let (records, damages) = read(log.recorded(manifest))
        #expect(damages.isEmpty)
        #expect(records.headers.count == log.batch.headers.count)
        var cut = 0
        for (header, original) in zip(records.headers, log.batch.headers) {
            #expect(header.payloadLength + header.omittedLength == original.payloadLength)
            #expect(
                log.batch.payload(of: original).starts(with: records.payload(of: header)), "record \(header.sequence)")
            if header.omittedLength > 0 { cut += 1 }
        }
        #expect(cut > 100)
        // The descriptor tells how much went through the ring.
        var (before, after) = (BusSnapshot(), BusSnapshot())
        before.apply(log.batch)
        after.apply(records)
        let isEqual = before == after
        #expect(isEqual)
    }

    @Test func `a completion names the record that it answers`() {
        var log = RecordedLog(records: 0)
        let request = ChannelPacket(flags: .completionRequested, transactionID: 0xAB, payload: [1, 2, 3, 4])
        for (packet, direction) in [(request, Direction.guestToHost), (request.completion([]), .hostToGuest)] {
            log.add(
                .packet, packet.encoded ?? [], code: UInt32(packet.type.rawValue), device: RecordedLog.other, relid: 16,
                direction: direction)
        }
        let asked = log.batch.headers[log.batch.headers.count - 2].sequence
        let source = RecordingSource(log.recorded(), name: "x")
        #expect(source.request(ofRecord: asked + 1) == asked)
        #expect(source.request(ofRecord: asked) == nil)
    }

    @Test func `a gap tells how many records are missing and why, and what is known behind it`() {
        let log = RecordedLog(records: 30)
        var writer = RecordingWriter(RecordingManifest(tool: "test", source: .live, title: "gap"))
        var (first, second) = (FlowBatch(), FlowBatch())
        var snapshot = BusSnapshot()
        for (number, header) in log.batch.headers.enumerated() {
            if number < 20 { snapshot.apply(header, log.batch.payload(of: header)) }
            if number < 10 { first.append(header, from: log.batch) }
            if number >= 20 { second.append(header, from: log.batch) }
        }
        writer.append(first)
        writer.appendGap(of: 10, reason: "the disk is slow", from: snapshot.keyframeRecord)
        writer.append(second)
        let bytes = writer.take()
        let (records, _) = read(bytes)
        #expect(records.headers.map(\.kind)[10...11] == [.gap, .keyframe])
        #expect(records.headers.count == log.batch.headers.count - 10 + 2)
        let gap = records.headers[10]
        #expect(gap.kind == .gap && gap.code == 10 && gap.sequence == 11)
        #expect(records.payload(of: gap).elementsEqual("10 records lost: the disk is slow".utf8))
        let source = RecordingSource(bytes, name: "x")
        var all = source
        _ = try? all.advance(.steps(.max))
        let isEqual = all.snapshot == log.snapshots.last
        #expect(isEqual)
    }

    @Test func `a log that does not begin with its first record begins with what was known`() throws {
        let log = RecordedLog(records: 40)
        var snapshot = BusSnapshot()
        var rest = FlowBatch()
        for header in log.batch.headers {
            if header.sequence <= 25 {
                snapshot.apply(header, log.batch.payload(of: header))
            } else {
                rest.append(header, from: log.batch)
            }
        }
        var writer = RecordingWriter(
            RecordingManifest(tool: "test", source: .host, title: "late"), from: snapshot.keyframeRecord)
        writer.append(rest)
        let (records, damages) = read(writer.take())
        #expect(damages.isEmpty)
        #expect(records.headers.first?.kind == .keyframe && records.headers.first?.sequence == 25)
        var after = BusSnapshot()
        after.apply(records)
        #expect(after == log.snapshots.last)
    }

    @Test func `more channels than interfaces share one`() {
        var log = RecordedLog(records: 0)
        for number in 0..<1050 {
            log.add(.sample, [], device: GUID(UInt32(number), 1, 2, 3), relid: UInt32(number + 1))
        }
        let bytes = log.recorded(interval: 1 << 20)
        let (records, damages) = read(bytes)
        #expect(damages.isEmpty)
        #expect(PlainRecord.all(records) == PlainRecord.all(log.batch))
    }

    @Test func `what a recording says of itself comes back`() {
        var manifest = RecordingManifest(tool: "vmbusscope 1", source: .live, title: "guest: \u{1B}[2J x")
        (manifest.epoch, manifest.snapLength, manifest.reason) = (1_700_000_000_123_456_789, 128, "payload is private")
        var reader = RecordingReader()
        reader.append(RecordedLog(records: 3).recorded(manifest))
        var batch = FlowBatch()
        reader.read(into: &batch, limit: .max)
        manifest.title = "guest:  [2J x"
        #expect(reader.manifest == manifest)
    }
}
