import BusModel
import LinuxGuest
import Testing
import VMBusWire

/// The tracepoints of a real 6.12 kernel, as its tracefs describes them.
enum RealTracepoints {
    static func formats() throws -> [TraceFormat] {
        let text = try OwnFixture.text("tracepoints-6.12.txt")
        var formats: [TraceFormat] = []
        for part in text.split(separator: "=== ") {
            guard let end = part.firstIndex(of: "\n"), let dot = part.firstIndex(of: ".") else { continue }
            let system = String(part[..<dot])
            formats.append(try TraceFormat(Array(part[end...].utf8), system: system))
        }
        return formats
    }

    static func format(_ event: String) throws -> TraceFormat {
        try #require(formats().first { $0.event == event })
    }
}

/// A record as the kernel writes it.
struct RawRecord {
    var bytes: [UInt8]

    init(_ format: TraceFormat, size: Int, thread: UInt32 = 77) {
        bytes = [UInt8](repeating: 0, count: size)
        put(UInt64(format.id), at: 0, size: 2)
        put(UInt64(thread), at: 4, size: 4)
    }

    mutating func put(_ value: UInt64, at offset: Int, size: Int) {
        for place in 0..<size { bytes[offset + place] = UInt8(truncatingIfNeeded: value >> UInt64(8 * place)) }
    }

    mutating func put(_ values: [UInt8], at offset: Int) {
        for (place, value) in values.enumerated() { bytes[offset + place] = value }
    }
}

@Suite struct `Formats of tracepoints` {
    static let netvsc = GUID("f8615163-df3e-46c5-913f-f2d2f965ed0e") ?? .zero
    static let nic = GUID("7ed62e0d-a2c5-4d38-b79b-23ef5bc8a6cd") ?? .zero

    @Test func `all of a real kernel are understood`() throws {
        let formats = try RealTracepoints.formats()
        #expect(formats.count == 35)
        for format in formats {
            #expect(format.id > 0)
            #expect(
                format.fields.filter(\.isCommon).map(\.name) == [
                    "common_type", "common_flags", "common_preempt_count", "common_pid",
                ])
            #expect(!format.fields.filter { !$0.isCommon }.isEmpty, "\(format.event)")
        }
        let offer = try RealTracepoints.format("vmbus_onoffer")
        #expect(offer.system == "hyperv")
        #expect(offer.field("if_type")?.kind == .text)
        #expect(offer.field("sub_idx")?.offset == 56)
        #expect(try RealTracepoints.format("vmbus_open").field("ret")?.kind == .number(isSigned: true))
        #expect(try RealTracepoints.format("nvsp_recv").field("name")?.kind == .remoteText)
        #expect(try RealTracepoints.format("scsi_dispatch_cmd_start").field("cmnd")?.kind == .remoteBytes)
    }

    @Test func `an offer's identifiers and numbers are told`() throws {
        let format = try RealTracepoints.format("vmbus_onoffer")
        var raw = RawRecord(format, size: 60)
        raw.put(11, at: 8, size: 4)
        raw.put(255, at: 12, size: 1)
        raw.put(0x2000B, at: 16, size: 4)
        raw.put(Self.netvsc.bytes, at: 20)
        raw.put(Self.nic.bytes, at: 36)
        raw.put(3, at: 56, size: 2)
        let record = format.decode(raw.bytes[...], cpu: 5)
        #expect(record.fullName == "hyperv:vmbus_onoffer")
        #expect(record.cpu == 5)
        #expect(record.thread == 77)
        #expect(record.relid == 11)
        #expect(record.guid("if_type") == Self.netvsc)
        #expect(record.guid("if_instance") == Self.nic)
        #expect(record.number("sub_idx") == 3)
        #expect(
            record.fields.map { String(decoding: $0.name, as: UTF8.self) } == [
                "child_relid", "monitorid", "is_ddc_int", "connection_id", "if_type", "if_instance", "chn_flags",
                "mmio_mb", "sub_idx",
            ])
        let header = record.header(time: 9, partition: 1)
        #expect(header.device == Self.nic)
        #expect(header.subchannel == 3)
        #expect(header.code == MessageType.offerChannel.rawValue)
        #expect(header.direction == .hostToGuest)
    }

    @Test func `a negative result keeps its sign`() throws {
        let format = try RealTracepoints.format("vmbus_close_internal")
        var raw = RawRecord(format, size: 16)
        raw.put(UInt64(bitPattern: -5), at: 12, size: 4)
        #expect(format.decode(raw.bytes[...], cpu: 0).postResult == -5)
    }

    @Test(arguments: [0xC000_009A, UInt64(bitPattern: -1_073_741_670)])
    func `a status is the same from bytes and from text`(number: UInt64) {
        let record = TraceRecord(
            system: "hyperv", event: "vmbus_onopen_result", cpu: 0, thread: 0, fields: [TraceField("status", number)])
        #expect(record.status?.rawValue == 0xC000_009A)
    }

    @Test func `a text behind the fields is found, and one that leads outside is left out`() throws {
        let format = try RealTracepoints.format("nvsp_recv")
        let place = try #require(format.field("name")?.offset)
        var raw = RawRecord(format, size: 32)
        raw.put(Array("eth\u{1B}0\0".utf8), at: 24)
        raw.put(UInt64(6 << 16 | 24), at: place, size: 4)
        #expect(format.decode(raw.bytes[...], cpu: 0).text("name") == "eth\u{FFFD}0")
        raw.put(UInt64(9 << 16 | 24), at: place, size: 4)
        #expect(format.decode(raw.bytes[...], cpu: 0).text("name") == nil)
        raw.put(0xFFFF_FFFF, at: place, size: 4)
        #expect(format.decode(raw.bytes[...], cpu: 0).text("name") == nil)
    }

    @Test func `a record that is cut short tells only what lies in it`() throws {
        for format in try RealTracepoints.formats() {
            let whole = [UInt8](repeating: 0xFF, count: 80)
            for length in 0...80 {
                let record = format.decode(whole.prefix(length), cpu: 0)
                for field in record.fields { #expect(field.form != .unavailable) }
            }
        }
    }

    @Test(arguments: [
        "", "name: x\n", "ID: 5\n", "name: x\nID: 70000\n", "name: x\nID: -1\n", "name: a/b\nID: 5\n",
        "name: x\nID: 5\n\tfield:int;\toffset:8;\tsize:4;\tsigned:1;\n",
        "name: x\nID: 5\n\tfield:int a;\toffset:-8;\tsize:4;\tsigned:1;\n",
        "name: x\nID: 5\n\tfield:int a;\toffset:8;\tsigned:1;\n",
        "name: x\nID: 5\n\tfield:__data_loc char[] a;\toffset:8;\tsize:8;\tsigned:1;\n",
        "name: x\nID: 5\n\tfield:int a\u{1B}[2J;\toffset:8;\tsize:4;\tsigned:1;\n",
        "name: x\nID: 5\n\tfield:int a;\toffset:99999999999999999999;\tsize:4;\tsigned:1;\n",
    ])
    func `what has another form is refused with a reason`(text: String) {
        do throws(FormatError) {
            _ = try TraceFormat(Array(text.utf8), system: "hyperv")
            Issue.record("taken: \(text)")
        } catch {
            #expect(!error.description.isEmpty)
            #expect(!error.description.contains("\u{1B}"))
        }
    }

    @Test func `any change of a real text is taken or refused, and what is taken stays in its record`() throws {
        let text = Array(try OwnFixture.text("tracepoints-6.12.txt").utf8.prefix(4000))
        var state: UInt64 = 1
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        var taken = 0
        for _ in 0..<2000 {
            let start = next(text.count - 600)
            var piece = Array(text[start..<start + 600])
            for _ in 0..<next(6) { piece[next(piece.count)] = UInt8(next(256)) }
            guard let format = try? TraceFormat(piece, system: "hyperv") else { continue }
            taken += 1
            let record = format.decode((0..<UInt8(next(90))).map { $0 }[...], cpu: 0)
            #expect(record.fields.count <= TraceFormat.maximumFields)
        }
        #expect(taken > 100)
    }
}
