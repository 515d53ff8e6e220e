import BusModel
import VMBusWire

/// Comma-separated values (RFC 4180).
enum FlowCSV {
    /// The columns of the flow.
    static let heading = "seq,time_ns,partition,device,subchannel,relid,channel,direction,kind,name,length,info\n"

    /// A record of the flow.
    static func line(_ entry: FlowEntry) -> String {
        let header = entry.header
        let hasDevice = header.device != .zero
        return [
            "\(header.sequence)", "\(header.time)", entry.partitionName, hasDevice ? header.device.description : "",
            hasDevice ? "\(header.subchannel)" : "", header.relid == 0 ? "" : "\(header.relid)", entry.channelLabel,
            entry.directionWord ?? "", header.kind.word, entry.name, "\(header.payloadLength)", entry.info,
        ].map(quoted).joined(separator: ",") + "\n"
    }

    /// A value in quotes, where it needs them.
    static func quoted(_ text: String) -> String {
        let needsQuotes = text.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
