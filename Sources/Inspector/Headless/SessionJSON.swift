import BusModel
import VMBusWire

/// What all JSON documents about a session have in common.
enum SessionJSON {
    /// A document that begins with its schema and source, ended by a line feed.
    static func document(
        _ schema: String, _ state: InspectorState, _ body: (inout JSONWriter) -> Void
    ) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", schema)
            writer.member("source", state.capabilities.kind.rawValue.lowercased())
            body(&writer)
        }
        writer.endLine()
        return writer.text
    }

    /// A device and a channel, null where something is about neither.
    static func place(_ device: GUID?, _ channel: ChannelKey?, _ state: InspectorState, to writer: inout JSONWriter) {
        writer.member("device", device?.description)
        writer.member("subchannel", channel?.subchannel)
        writer.member("relid", channel.flatMap { state.snapshot.channel($0)?.relid })
    }
}
