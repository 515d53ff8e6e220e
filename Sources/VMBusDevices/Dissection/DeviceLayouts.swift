public import VMBusWire

extension LayoutExplorer {
    /// What the packets of devices carry, under short names; SCSI structures under `cdb.` and the first byte, and `answer.`,
    /// the first byte, and 1 where the second one's bit 0 is set.
    public mutating func exploreDevices() {
        let versions = learn(NVSP.Version.self).names.map(\.value)
        let operations = learn(VStor.Operation.self).names.map(\.value)
        let objects = learn(RNDIS.ObjectIdentifier.self).names.map(\.value)
        add(explore(NVSP.Message.self, answering: versions + versions.map { $0 + 1 }), as: "nvsp")
        add(explore(RNDIS.Message.self, answering: objects.flatMap { [$0 - 1, $0, $0 + 1] }), as: "rndis")
        add(explore(VStor.Packet.self, answering: operations), as: "vstor")
        add(explore(IntegrationComponent.Message.self), as: "ic")
        add(explore(SocketFrame.self), as: "hvsock")
        add(explore(Balloon.Message.self), as: "dm")
        let messages = learn(VPCI.MessageType.self).names.map(\.value)
        add(explore(VPCI.Message.self, answering: messages.flatMap { [$0 - 1, $0, $0 + 1] }), as: "vpci")
        add(explore(KeyboardMessage.self), as: "keyboard")
        add(explore(MouseMessage.self), as: "mouse")
        add(explore(VideoMessage.self), as: "video")
        for opcode in UInt8.min...UInt8.max {
            if let layout = CommandLayouts.layout(opcode) { add(layout.layout(&self), as: "cdb.\(opcode)") }
            for option in UInt8(0)...1 {
                guard let layout = AnswerLayouts.layout(opcode: opcode, option: option) else { continue }
                add(layout.layout(&self), as: "answer.\(opcode).\(option)")
            }
        }
        add(AnswerLayouts.fixedSense.layout(&self), as: "sense.fixed")
        add(AnswerLayouts.descriptorSense.layout(&self), as: "sense.descriptors")
    }
}

extension SCSILayout {
    fileprivate func layout(_ explorer: inout LayoutExplorer) -> WireLayout {
        WireLayout(
            steps: fields.map { field in
                let isReserved = field.name.first == "-"
                var step = LayoutStep(
                    kind: .bigEndian, name: isReserved ? "reserved" : field.name, help: field.help, size: field.width)
                step.form = isReserved || field.width > 8 ? .bytes : field.isDecimal ? .decimal : .hexadecimal
                if field.name.hasSuffix("_identification") { step.form = .text }
                switch field.name {
                case "operation_code": step.type = Self.names(SCSI.Opcode.self, &explorer)
                case "sense_key": step.type = Self.names(SCSI.SenseKey.self, &explorer)
                case "additional_sense": step.type = Self.names(SCSI.AdditionalSense.self, &explorer)
                default: break
                }
                return step
            })
    }

    private static func names<Value: WireScalar>(_ type: Value.Type, _ explorer: inout LayoutExplorer) -> String {
        _ = explorer.learn(type)
        return String(reflecting: type)
    }
}

/// What packets are called.
public enum PacketNames {
    /// The names that records of SCSI commands have, by the command's first byte.
    public static var commands: [(opcode: UInt8, name: String)] {
        (UInt8.min...UInt8.max).compactMap { opcode in
            SCSI.Opcode(rawValue: opcode).recordName.map { (opcode, $0) }
        }
    }
}
