import BusModel
import VMBusWire

extension QuerySchema {
    private static let classWords = DeviceKind.allCases.map(\.word)
    private static let phaseWords = ["closed", "opening", "open", "rescinded"]
    private static let verdictWords = [
        "closed", "unknown", "idle", "by_vf", "quiet", "polling", "busy", "unbound", "opening", "pressed", "storm",
        "stuck", "rescinded", "hanging",
    ]

    private init<Field: RawRepresentable>(
        _ name: String, hasDecodedFields: Bool = false,
        _ fields: [(Field, String, QueryFieldType, Bool, String)]
    ) where Field.RawValue == Int {
        self.name = name
        self.hasDecodedFields = hasDecodedFields
        decodedNames = []
        self.fields = fields.map { field, name, type, isSearched, help in
            QueryField(number: field.rawValue, name: name, type: type, help: help, isSearched: isSearched)
        }
    }

    /// Records of the log; numbers are those of `RecordField`.
    public static let record = QuerySchema(
        "a record", hasDecodedFields: true,
        [
            (RecordField.sequence, "seq", .number, false, "sequence number"),
            (.time, "time", .duration, false, "the log's time, such as 5ms or 2s"),
            (.kind, "kind", .word(FlowKind.all.map(\.word)), false, "what the record tells"),
            (.name, "name", .text, true, "LAYER.NAME, such as VMBUS.OPEN_CHANNEL"),
            (
                .direction, "direction", .word(["guest_to_host", "host_to_guest", "none"]), false,
                "who sent it"
            ),
            (.partition, "partition", .text, true, "the partition's name"),
            (.device, "device", .guid, false, "the device's instance"),
            (.deviceClass, "class", .word(classWords), false, "the device's class in one word"),
            (.relid, "relid", .number, false, "the channel's number at that moment"),
            (.subchannel, "subchannel", .number, false, "0 for a primary channel"),
            (.length, "length", .number, false, "bytes of the record"),
            (.info, "info", .text, true, "what the record says, in one line"),
            (.channel, "channel", .text, true, "what people call the channel: eth0, sda, heartbeat"),
        ]
    ).adding(busStructures)

    /// Channels; numbers are those of `ChannelField`.
    public static let channel = QuerySchema(
        "a channel",
        [
            (ChannelField.partition, "partition", .text, true, "the partition's name"),
            (.device, "device", .guid, true, "the device's instance"),
            (.deviceClass, "class", .word(classWords), true, "the device's class in one word"),
            (.relid, "relid", .number, false, "the channel's number"),
            (.subchannel, "subchannel", .number, false, "0 for a primary channel"),
            (.state, "state", .word(phaseWords), true, "how far the channel's life is"),
            (.driver, "driver", .text, true, "the driver that owns the device"),
            (.cpu, "cpu", .number, false, "the processor that takes its interrupts"),
            (.kernelName, "net", .text, true, "what the kernel calls the device: eth0, sda"),
            (.opened, "opened", .truth, false, "whether data can flow"),
            (.inUsed, "in.used", .number, false, "bytes waiting in the host-to-guest ring"),
            (.inSize, "in.size", .number, false, "data bytes of the host-to-guest ring"),
            (.inFill, "in.fill", .number, false, "share of the host-to-guest ring in use, 0 to 1"),
            (.inMasked, "in.masked", .truth, false, "whether the guest wants no interrupts"),
            (.outUsed, "out.used", .number, false, "bytes waiting in the guest-to-host ring"),
            (.outSize, "out.size", .number, false, "data bytes of the guest-to-host ring"),
            (.outFill, "out.fill", .number, false, "share of the guest-to-host ring in use, 0 to 1"),
            (.outMasked, "out.masked", .truth, false, "whether the host wants no signals"),
            (.interrupts, "interrupts", .number, false, "host-to-guest interrupts"),
            (.events, "events", .number, false, "guest-to-host signals by hypercall"),
            (.outFullFirst, "out_full_first", .number, false, "writes that first met a full ring"),
            (.outFullTotal, "out_full_total", .number, false, "all writes that met a full ring"),
            (.interruptRate, "interrupts.rate", .number, false, "interrupts per second"),
            (.eventRate, "events.rate", .number, false, "guest-to-host signals by hypercall per second"),
            (.packetRate, "packets.rate", .number, false, "ring packets per second"),
            (.byteRate, "bytes.rate", .number, false, "bytes of ring packets per second"),
            (.signals, "signals", .number, false, "guest-to-host signals, by hypercall or monitor page"),
            (.signalRate, "signals.rate", .number, false, "those signals per second"),
            (.refusedRate, "refused.rate", .number, false, "writes per second that met a full ring"),
            (.recentEpisodes, "recent.full", .number, false, "episodes of a full ring in the last minutes"),
            (.greatestFill, "recent.fill", .number, false, "the fullest that a ring was in the last minutes, 0 to 1"),
            (.verdict, "verdict", .word(verdictWords), true, "how the channel is in one word"),
        ])

    /// Partitions; numbers are those of `PartitionField`.
    public static let partition = QuerySchema(
        "a partition",
        [
            (PartitionField.number, "number", .number, false, "0 for the root"),
            (.name, "name", .text, true, "the partition's name"),
            (.role, "role", .word(["root", "guest"]), true, "what it is"),
            (
                .state, "state", .word(["disconnected", "connecting", "connected", "disconnecting"]), true,
                "how far its connection is"
            ),
            (.version, "version", .number, false, "the negotiated protocol version, such as 5.3"),
            (.processors, "vps", .number, false, "virtual processors"),
            (.devices, "devices", .number, false, "devices offered to it"),
            (.channels, "channels", .number, false, "channels of all devices"),
            (.opened, "opened", .number, false, "channels that are open"),
            (.messageCount, "messages", .number, false, "channel messages so far"),
            (.packetCount, "packets", .number, false, "ring packets so far"),
        ])
}
