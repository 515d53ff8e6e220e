import VMBusWire

extension ChannelDissector {
    static func summariseSocket(_ parts: PacketParts) -> PacketSummary {
        do throws(WireError) {
            let frame = try SocketFrame.decode(parts.payload)
            return PacketSummary(name: name(frame), info: info(frame))
        } catch {
            return PacketSummary(name: "HVSOCK.MALFORMED", info: "\(error)")
        }
    }

    static func socketTree(_ parts: PacketParts) -> FieldTree {
        let base = parts.offset(of: parts.payload)
        let (fields, frame, problem) = SocketFrame.fields(parts.payload, base: base)
        let node = FieldNode(
            name: "hvsock", offset: base, size: parts.payload.count, value: .composite, text: frame.map { info($0) },
            help: "pipe header and a stretch of the byte stream", children: fields)
        return FieldTree(
            name: frame.map { name($0) } ?? "HVSOCK.MALFORMED",
            fields: parts.header + (fields.isEmpty ? [] : [node])
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"), problem: problem)
    }

    private static func name(_ frame: SocketFrame) -> String { frame.isEnd ? "HVSOCK.END" : "HVSOCK.DATA" }

    private static func info(_ frame: SocketFrame) -> String {
        frame.isEnd ? "the sender closes its half" : "\(frame.data.count) bytes of the stream"
    }
}
