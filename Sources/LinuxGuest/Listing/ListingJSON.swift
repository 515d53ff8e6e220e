public import BusModel
import VMBusWire

/// The JSON document of `ls --json`, schema `vmbusscope.ls/1`: a scan with nothing left out.
public enum ListingJSON {
    /// Where the files were.
    public enum Source: String, Sendable, Hashable {
        /// The machine's own.
        case live
        /// A directory that stands for a machine.
        case tree
    }

    /// The name and version of the form, which only grows.
    public static let schema = "vmbusscope.ls/1"

    /// The document with a line feed at its end.
    public static func document(_ scan: GuestScan, source: Source) -> [UInt8] {
        var writer = JSONWriter()
        write(scan, source: source, to: &writer)
        writer.endLine()
        return writer.take()
    }

    /// Writes the document's one object.
    public static func write(_ scan: GuestScan, source: Source, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("schema", schema)
            writer.member("source", source.rawValue)
            writer.memberObject("bus") { $0.member("available", scan.busAvailable) }
            writer.memberArray("devices") { writer in
                for device in scan.devices { write(device, to: &writer) }
            }
            write(scan.problems, to: &writer)
        }
    }

    private static func write(_ device: DeviceScan, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", device.name)
            writer.member("instance_id", device.instance.value?.description)
            writer.member("class_id", device.classID.value?.description)
            writer.member("class", device.deviceClass.kind.word)
            writer.member("class_name", device.classID.value == nil ? nil : device.deviceClass.listingName)
            writer.member("relid", device.relid.value)
            writer.member("state", device.state.value)
            writer.member("opened", device.isOpened)
            writer.member("driver", device.driver.value)
            writer.member("numa_node", device.numaNode.value)
            write(device.kernelNames, to: &writer)
            if let channels = device.channels {
                writer.memberArray("channels") { writer in
                    for channel in channels { write(channel, to: &writer) }
                }
            } else {
                writer.memberNull("channels")
            }
            write(device.problems, to: &writer)
        }
    }

    private static func write(_ names: KernelNames, to writer: inout JSONWriter) {
        writer.memberObject("kernel") { writer in
            write(names.net, named: "net", to: &writer)
            writer.member("scsi_host", names.scsiHost)
            write(names.block, named: "block", to: &writer)
            write(names.pci, named: "pci", to: &writer)
        }
    }

    private static func write(_ names: [String], named key: String, to writer: inout JSONWriter) {
        writer.memberArray(key) { writer in
            for name in names { writer.value(name) }
        }
    }

    private static func write(_ channel: ChannelScan, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("relid", channel.relid)
            writer.member("subchannel_id", channel.subchannel.value)
            writer.member("cpu", channel.cpu.value)
            writer.member("opened", channel.isOpened)
            write(channel.inbound, named: "in", to: &writer)
            write(channel.outbound, named: "out", to: &writer)
            writer.member("interrupts", channel.interrupts.value)
            writer.member("events", channel.events.value)
            writer.member("intr_in_full", channel.interruptsInFull.value)
            writer.member("intr_out_empty", channel.interruptsOutEmpty.value)
            writer.member("out_full_first", channel.outFullFirst.value)
            writer.member("out_full_total", channel.outFullTotal.value)
            writer.member("monitor_id", channel.monitorID.value)
            writer.member("latency_100ns", channel.latency.value)
            writer.member("group_pending", channel.groupPending.value)
            writer.member("pending", channel.isPending)
        }
    }

    private static func write(_ ring: RingScan, named key: String, to writer: inout JSONWriter) {
        writer.memberObject(key) { writer in
            writer.member("size_bytes", ring.size)
            writer.member("size_source", ring.sizeSource?.word)
            writer.member("used_bytes", ring.used)
            writer.member("masked", ring.isMasked)
        }
    }

    private static func write(_ problems: [ScanProblem], to writer: inout JSONWriter) {
        writer.memberObjects("problems", problems) { writer, problem in
            writer.member("path", problem.path)
            writer.member("error", problem.failure.symbol)
        }
    }
}
