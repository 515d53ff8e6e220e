import VMBusWire

extension ChannelDissector {
    static func summariseBalloon(_ parts: PacketParts) -> PacketSummary {
        do throws(WireError) {
            let message = try Balloon.Message.decode(parts.payload)
            return PacketSummary(name: name(message), info: info(message))
        } catch {
            return PacketSummary(name: "DM.MALFORMED", info: "\(error)")
        }
    }

    static func balloonTree(_ parts: PacketParts) -> FieldTree {
        let base = parts.offset(of: parts.payload)
        let (fields, message, problem) = Balloon.Message.fields(parts.payload, base: base)
        let node = FieldNode(
            name: "dm", offset: base, size: parts.payload.count, value: .composite, text: message.map { info($0) },
            help: "message about dynamic memory", children: fields)
        return FieldTree(
            name: message.map { name($0) } ?? "DM.MALFORMED",
            fields: parts.header + (fields.isEmpty ? [] : [node])
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"), problem: problem)
    }

    private static func name(_ message: Balloon.Message) -> String { "DM.\(message.type.name)" }

    private static func info(_ message: Balloon.Message) -> String {
        let pages = message.ranges.reduce(UInt64(0)) { $0 + $1.pages.count }
        let more = message.rangeCount.hasMore ? ", more follow" : ""
        return switch message.type {
        case .versionRequest:
            "version \(message.version.meaning ?? "")" + (message.attempt.contains(.last) ? ", the last try" : "")
        case .versionResponse, .capabilitiesResponse:
            message.acceptance.contains(.accepted) ? "accepted" : "refused"
        case .capabilities: message.abilities.capabilities.meaning ?? ""
        case .status:
            "\(message.status.available) pages available, \(message.status.committed) committed, "
                + "pressure \(message.status.pressure) %"
        case .balloonRequest: "the host wants \(message.pageCount) pages"
        case .balloonResponse: "the guest gives \(pages) pages in \(message.ranges.count) ranges\(more)"
        case .unballoonRequest: "the host gives back \(pages) pages in \(message.ranges.count) ranges\(more)"
        case .unballoonResponse: "the guest has its pages back"
        case .hotAddRequest: "the host adds \(message.added.meaning ?? "")"
        case .hotAddResponse: "the guest takes \(message.pageCount) pages, result \(message.result)"
        case .info where message.info.kind == 0: "at most \(message.info.maximumPages) pages"
        default: "\(message.size) bytes"
        }
    }
}
