import BusModel
import CaptureFiles
import Testing
import VMBusDevices
import VMBusWire

/// The printed dissector against the declarations; Tests/Wireshark/run holds it against tshark.
@Suite struct DissectorScriptTests {
    private static let text = DissectorScript.text
    private static let fields: [String] = text.split(separator: "\n").compactMap { line in
        guard line.hasPrefix("F[") else { return nil }
        return line.split(separator: "\"").dropFirst().first.map(String.init)
    }

    @Test func `every field of every declaration has a field in it, under one name`() {
        let names = Set(Self.fields.compactMap { $0.split(separator: ".").last.map(String.init) })
        let declared =
            RecordHeader.schema + NVSP.Message.schema + RNDIS.Packet.schema + RNDIS.Request.schema + VStor.Packet.schema
            + IntegrationComponent.Message.schema + SocketFrame.schema + KeyboardMessage.schema
            + MouseMessage.schema + VideoMessage.schema + AttributeReading.schema + TraceRecord.schema
            + KernelLogRecord.schema + OfferChannel.schema + OpenChannel.schema + PacketDescriptor.schema
        for field in declared {
            guard let name = field.path.split(separator: ".").last?.lowercased() else { continue }
            // A field of the same name and another size has the size behind it.
            let isThere = names.contains(name) || [8, 16, 32, 64, 128, 0].contains { names.contains("\(name)_\($0)") }
            #expect(isThere, "\(field.path)")
        }
        #expect(Self.fields.count == Set(Self.fields).count)
        #expect(Self.fields.count > 400)
    }

    @Test func `it names what the program names`() {
        for name in ["OPEN_CHANNEL", "SEND_RNDIS_PACKET", "SCSI.READ_10", "SIGNAL_EVENT", "APPEARED", "GUEST_OS_ID"] {
            #expect(Self.text.contains("\"\(name)\""), "\(name)")
        }
        for kind in FlowKind.all { #expect(Self.text.contains("[\(kind.rawValue)]=\"\(kind.word)\"")) }
        for entry in DeviceClass.catalogue {
            if let id = entry.classID { #expect(Self.text.contains("[\"\(id)\"]=\"\(entry.kind.word)\"")) }
        }
    }

    @Test func `layouts refer only to fields and layouts that stand before them`() throws {
        var layouts = 0
        for line in Self.text.split(separator: "\n") where line.hasPrefix("L[") {
            layouts += 1
            let body = line.drop { $0 != "=" }
            #expect(body.filter { $0 == "{" }.count == body.filter { $0 == "}" }.count)
            for word in body.split(separator: "L").dropFirst() {
                let number = try #require(Int(word.dropFirst().prefix { $0.isNumber }))
                #expect(number < layouts, "\(line.prefix(80))")
            }
        }
        #expect(layouts > 50)
    }
}
