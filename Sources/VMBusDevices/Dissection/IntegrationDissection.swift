import VMBusWire

extension ChannelDissector {
    static func summariseIntegration(_ parts: PacketParts, _ direction: Direction) -> PacketSummary {
        do throws(WireError) {
            let message = try IntegrationComponent.Message.decode(
                parts.payload, context: .newest(sender: direction))
            return PacketSummary(name: name(message), info: info(message))
        } catch {
            return PacketSummary(name: "IC.MALFORMED", info: "\(error)")
        }
    }

    static func integrationTree(_ parts: PacketParts, _ direction: Direction) -> FieldTree {
        let (fields, message, problem) = IntegrationComponent.Message.fields(
            parts.payload, base: parts.offset(of: parts.payload), context: .newest(sender: direction))
        let node = FieldNode(
            name: "ic", offset: parts.offset(of: parts.payload), size: parts.payload.count, value: .composite,
            text: message.map { info($0) }, help: "pipe header, integration component header and message",
            children: fields)
        return FieldTree(
            name: message.map { name($0) } ?? "IC.MALFORMED",
            fields: parts.header + (fields.isEmpty ? [] : [node])
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"), problem: problem)
    }

    private static func name(_ message: IntegrationComponent.Message) -> String {
        func time(_ flags: TimeSyncFlags) -> String {
            flags.contains(.sync) ? "SYNC" : flags.contains(.sample) ? "SAMPLE" : "PROBE"
        }
        return switch message.body {
        case .negotiate, .other: "IC.\(message.type.name)"
        case .heartbeat: "HEARTBEAT.SEQUENCE"
        case .shutdown: "SHUTDOWN.REQUEST"
        case .timeSample(let sample): "TIMESYNC.\(time(sample.flags))"
        case .timeReference(let reference): "TIMESYNC.\(time(reference.flags))"
        case .keyValue(let body): "KVP.\(body.operation.meaning ?? "")"
        case .backup(let body): "VSS.\(body.operation.meaning ?? "")"
        case .fileCopy(let body): "FCOPY.\(body.operation.meaning ?? "")"
        }
    }

    private static func info(_ message: IntegrationComponent.Message) -> String {
        let isAnswer = message.flags.contains(.response)
        var text = words(message.body, isAnswer: isAnswer && message.status == .success)
        if isAnswer, message.type != .negotiate { text += text.isEmpty ? "answer" : ", answer" }
        if message.status != .success { text += (text.isEmpty ? "" : ", ") + "status \(message.status.words)" }
        return text
    }

    /// What matters in a message; an answer has what was asked for, its question has not.
    private static func words(_ body: IntegrationComponent.Message.Body, isAnswer: Bool) -> String {
        switch body {
        case .negotiate(let versions):
            let frameworks = versions.frameworks.map { "\($0)" }.joined(separator: ", ")
            let messages = versions.messages.map { "\($0)" }.joined(separator: ", ")
            return versions.frameworks.isEmpty || versions.messages.isEmpty
                ? "nothing in common"
                : "\(isAnswer ? "chosen" : "offered"): framework \(frameworks); messages \(messages)"
        case .heartbeat(let beat): return "sequence \(beat.sequence)"
        case .shutdown(let request):
            let forced = request.flags.contains(.force) ? ", forced" : ""
            let ending = request.ending?.rawValue ?? "flags \(Hexadecimal.prefixed(request.flags.rawValue))"
            let reason = request.words.isEmpty ? "" : ": \(request.words)"
            return "\(ending)\(forced), within \(request.timeout) s\(reason)"
        case .timeSample(let sample): return sample.hostTime.meaning ?? "\(sample.hostTime.rawValue)"
        case .timeReference(let sample):
            return "\(sample.hostTime.meaning ?? "\(sample.hostTime.rawValue)") at reference "
                + "\(sample.referenceTime / 10_000) ms"
        case .keyValue(let message): return words(message, isAnswer: isAnswer)
        case .backup(let message):
            return switch message.operation {
            case .freeze: "\(message.diskCount) disks"
            case .hotBackup, .getDeviceInfo: isAnswer ? "flags \(Hexadecimal.prefixed(message.flags))" : ""
            default: ""
            }
        case .fileCopy(let message):
            switch message.body {
            case .start(let start):
                return "\(start.path == "/" ? "" : start.path)/\(start.name), \(start.size) bytes, "
                    + (start.flags.meaning ?? "")
            case .write(let chunk): return "\(chunk.count) bytes at \(chunk.offset)"
            case .nothing: return ""
            }
        case .other(let bytes): return isAnswer ? "\(bytes.count) bytes" : "request, \(bytes.count) bytes"
        }
    }

    private static func words(_ message: KeyValueMessage, isAnswer: Bool) -> String {
        let pool = message.pool.meaning ?? "pool \(message.pool.rawValue)"
        switch message.body {
        case .value(let value):
            return message.operation == .set || isAnswer
                ? "\(pool) \(value.key) = \(value.text)" : "\(pool) \(value.key)"
        case .key(let key): return "\(pool) \(key.key)"
        case .item(let index, let value):
            return isAnswer ? "\(pool) \(index): \(value.key) = \(value.text)" : "\(pool) \(index)"
        case .addresses(let addresses): return addresses.summary
        }
    }
}
