import VMBusWire

/// What a later packet must know of an earlier one: the operation, and of a SCSI command its first two bytes.
private struct StorageHint {
    var operation: VStor.Operation
    var opcode: UInt8 = 0
    var option: UInt8 = 0

    init(_ packet: VStor.Packet) {
        operation = packet.operation
        guard packet.operation == .executeSRB else { return }
        (opcode, option) = (packet.request.command.bytes[0], packet.request.command.bytes[1])
    }

    init(_ number: UInt32) {
        operation = VStor.Operation(rawValue: number & 0xFF)
        opcode = UInt8(truncatingIfNeeded: number >> 8)
        option = UInt8(truncatingIfNeeded: number >> 16)
    }

    var number: UInt32 { operation.rawValue & 0xFF | UInt32(opcode) << 8 | UInt32(option) << 16 }
}

extension ChannelDissector {
    mutating func summariseStorage(
        _ parts: PacketParts, _ descriptor: PacketDescriptor, _ direction: Direction
    ) -> PacketSummary {
        let isAnswer = descriptor.type == .completion
        let asked = isAnswer ? requests[Request(sender: direction.opposite, id: descriptor.transactionID)] ?? 0 : 0
        let packet: VStor.Packet
        do throws(WireError) {
            packet = try .decode(
                parts.payload, context: .newest(sender: direction, subject: StorageHint(asked).operation.rawValue))
        } catch {
            return PacketSummary(name: "VSTOR.MALFORMED", info: "\(error)", hint: asked)
        }
        let hint = isAnswer ? StorageHint(asked) : StorageHint(packet)
        if !isAnswer, descriptor.flags.contains(.completionRequested) {
            requests.insert(hint.number, for: Request(sender: direction, id: descriptor.transactionID))
        }
        return PacketSummary(
            name: Self.storageName(packet, hint), info: Self.info(packet, hint), hint: hint.number)
    }

    static func storageTree(_ parts: PacketParts, _ direction: Direction, _ hint: UInt32) -> FieldTree {
        let hint = StorageHint(hint)
        let base = parts.offset(of: parts.payload)
        let isAnswer = parts.descriptor?.type == .completion
        let (inner, packet, problem) = VStor.Packet.fields(
            parts.payload, base: base,
            context: .newest(sender: direction, subject: isAnswer ? hint.operation.rawValue : 0))
        var fields = parts.header
        if !inner.isEmpty {
            fields.append(
                FieldNode(
                    name: "vstor", offset: base, size: parts.payload.count, value: .composite,
                    text: packet.map { info($0, hint) }, help: "packet of a storage controller",
                    children: inner.map { openBlocks(in: $0) }))
        }
        fields += parts.leaf("padding", parts.surplus, "bytes behind the packet")
        if !parts.attachment.isEmpty { fields.append(data(parts, packet, hint)) }
        return FieldTree(
            name: packet.map { storageName($0, hint) } ?? "VSTOR.MALFORMED", fields: fields, problem: problem)
    }

    /// Shows the fields of the command block, or of the sense data, inside the bytes of a request.
    private static func openBlocks(in node: FieldNode) -> FieldNode {
        var node = node
        guard node.name == "request", node.children.count > 2 else { return node }
        let status = node.children.first { $0.name == "srb_status" }
        for index in node.children.indices {
            guard case .bytes(let bytes) = node.children[index].value else { continue }
            let offset = node.children[index].offset
            if node.children[index].name == "cdb" {
                let command = SCSI.Command(bytes)
                guard let layout = command.layout else {
                    node.children[index].text = command.opcode.meaning
                    continue
                }
                node.children[index].children = layout.nodes(bytes, base: offset) { field, number in
                    field.offset == 0 ? SCSI.Opcode(rawValue: UInt8(truncatingIfNeeded: number)).meaning : nil
                }
                node.children[index].value = .composite
                node.children[index].text = text(command)
            } else if node.children[index].name == "sense", case .identifier(let number)? = status?.value,
                VStor.RequestStatus(rawValue: UInt8(truncatingIfNeeded: number)).hasSense, let sense = SCSI.Sense(bytes)
            {
                node.children[index].children = senseNodes(bytes, base: offset)
                node.children[index].value = .composite
                node.children[index].text = sense.text
            }
        }
        return node
    }

    private static func senseNodes(_ bytes: [UInt8], base: Int) -> [FieldNode] {
        let isFixed = (bytes.first ?? 0) & 0x7F < 0x72
        return (isFixed ? AnswerLayouts.fixedSense : AnswerLayouts.descriptorSense).nodes(bytes, base: base) {
            field, number in
            switch field.name {
            case "sense_key": SCSI.SenseKey(rawValue: UInt8(truncatingIfNeeded: number)).meaning
            case "additional_sense": SCSI.AdditionalSense(rawValue: UInt16(truncatingIfNeeded: number)).meaning
            default: nil
            }
        }
    }

    /// What the request's data is: an answer with fields, or blocks.
    private static func data(_ parts: PacketParts, _ packet: VStor.Packet?, _ hint: StorageHint) -> FieldNode {
        let bytes = Array(parts.attachment)
        let offset = parts.offset(of: parts.attachment)
        let total = packet.map { Int($0.request.dataLength) } ?? bytes.count
        var node = FieldNode(
            name: "data", offset: offset, size: bytes.count, value: .bytes(bytes),
            text: total > bytes.count ? "the first \(bytes.count) of \(total) bytes" : nil,
            help: "what the disk gives or gets, in guest pages")
        guard hint.operation == .executeSRB,
            let layout = AnswerLayouts.layout(opcode: hint.opcode, option: hint.option)
        else { return node }
        node.children = layout.nodes(bytes, base: offset)
        node.text = layout.name.lowercased()
        if !node.children.isEmpty { node.value = .composite }
        return node
    }

    private static func storageName(_ packet: VStor.Packet, _ hint: StorageHint) -> String {
        guard hint.operation == .executeSRB, let name = SCSI.Opcode(rawValue: hint.opcode).recordName else {
            let isKnown = packet.operation == .completeIO && hint.operation.meaning != nil
            return "VSTOR.\(isKnown ? hint.operation.name : packet.operation.name)"
        }
        return name
    }

    /// A command in words: its blocks.
    private static func text(_ command: SCSI.Command) -> String {
        var text = command.opcode.meaning ?? "command \(Hexadecimal.prefixed(command.bytes[0]))"
        guard let layout = command.layout else { return text }
        if layout.block != nil, layout.count?.name == "transfer_length" {
            text += ", \(command.count) blocks at \(command.block)"
        } else if command.opcode == .inquiry, command.bytes[1] & 1 != 0 {
            text += ", page \(Hexadecimal.prefixed(command.bytes[2]))"
        } else if command.opcode == .modeSense6 || command.opcode == .modeSense10 {
            text += ", page \(Hexadecimal.prefixed(command.bytes[2] & 0x3F))"
        }
        return text
    }

    private static func info(_ packet: VStor.Packet, _ hint: StorageHint) -> String {
        var text: String
        let request = packet.request
        let isAnswer = packet.operation == .completeIO
        switch hint.operation {
        case .executeSRB:
            guard isAnswer else {
                text = "\(Self.text(request.command)), unit \(request.path):\(request.target):\(request.lun)"
                if request.dataLength > 0 {
                    text += ", \(request.dataLength) bytes \(request.direction.meaning ?? "")"
                }
                return text
            }
            text = request.status.meaning ?? "status \(Hexadecimal.prefixed(request.status.rawValue))"
            if request.scsiStatus != .good { text += ", " + (request.scsiStatus.meaning ?? "SCSI status unknown") }
            if request.status.hasSense, let sense = SCSI.Sense(request.block) { text += ", \(sense.text)" }
            if request.dataLength > 0 { text += ", \(request.dataLength) bytes" }
            return text
        case .queryProtocolVersion: text = "version \(packet.version.meaning ?? "")"
        case .queryProperties:
            text = "the controller's limits"
            if isAnswer {
                text =
                    "\(packet.properties.maximumSubchannels) sub-channels, "
                    + "transfers of \(packet.properties.maximumTransfer) bytes"
            }
        case .createSubchannels: text = "\(packet.subchannels) sub-channels"
        case .enumerateBus: text = "disks have come or gone"
        case .removeDevice: text = "a disk has gone"
        case .beginInitialization: text = "the negotiation begins"
        case .endInitialization: text = "the negotiation ends"
        case .fibreChannelData: text = "names of the adapter's ports"
        case .resetLUN, .resetBus, .resetAdapter: text = "unit \(request.path):\(request.target):\(request.lun)"
        default: text = "\(packet.rest.count) bytes"
        }
        if isAnswer {
            text += ", \(packet.status.meaning ?? "status \(Hexadecimal.prefixed(packet.status.rawValue))")"
        }
        return text
    }
}

extension SCSI.Opcode {
    /// What records of the command are called; nil for one that has no name.
    var recordName: String? {
        guard let name = meaning else { return nil }
        var word = ""
        for character in name {
            if character.isLetter || character.isNumber { word.append(character) }
            if " -(".contains(character), word.last != "_" { word.append("_") }
        }
        return "SCSI.\(word)"
    }
}
