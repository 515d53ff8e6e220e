import BusModel
import VMBusWire

/// The view of processors as a JSON document: fixed key order, null for what is not known.
enum ProcessorJSON {
    static func document(_ state: InspectorState) -> String {
        let map = state.processorMap
        return SnapshotJSON.document("vmbusscope.cpus/1", state) { writer in
            writer.memberArray("partitions") { writer in
                for partition in map.partitions { write(partition, map, to: &writer) }
            }
        }
    }

    private static func write(_ partition: ProcessorMap.Partition, _ map: ProcessorMap, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("number", partition.number)
            writer.member("name", partition.name)
            writer.member("online", partition.topology.online?.text)
            writer.member("isolated", partition.topology.isolated.text)
            writer.key("imbalance")
            write(partition.imbalance, to: &writer)
            writer.memberArray("cpus") { writer in
                for processor in map.processors where processor.partition == partition.number {
                    writer.object { writer in
                        writer.member("cpu", processor.number)
                        writer.member("node", processor.node)
                        writer.member("online", partition.topology.online == nil ? nil : processor.isOnline)
                        writer.member("isolated", processor.isIsolated)
                        writer.member("channels", processor.channelCount)
                        writer.member("interrupts_per_second", processor.rate)
                        writer.member("share", processor.share)
                        writer.member("interrupts_since_boot", processor.kernelCount)
                        writer.member("vmbus_interrupts_per_second", processor.kernelRate)
                    }
                }
            }
            writer.memberArray("devices") { writer in
                for device in map.devices where device.partition == partition.number {
                    write(device, map, to: &writer)
                }
            }
        }
    }

    private static func write(_ device: ProcessorMap.Device, _ map: ProcessorMap, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("device", device.instance.description)
            writer.member("label", device.label)
            writer.key("imbalance")
            write(device.imbalance, to: &writer)
            writer.memberArray("channels") { writer in
                for channel in map.channels[device.channels] {
                    let processor = map.place(of: channel).map { map.processors[$0] }
                    writer.object { writer in
                        writer.member("subchannel", channel.key.subchannel)
                        writer.member("relid", channel.relid == 0 ? nil : channel.relid)
                        writer.member("open", channel.isOpen)
                        writer.member("cpu", channel.processor)
                        writer.member("interrupts_per_second", channel.rate)
                        writer.member("cpu_offline", processor.map { !$0.isOnline })
                        writer.member("cpu_isolated", processor?.isIsolated)
                        writer.member("off_node", map.isOffNode(channel))
                    }
                }
            }
        }
    }

    private static func write(_ imbalance: Imbalance?, to writer: inout JSONWriter) {
        guard let imbalance else {
            writer.null()
            return
        }
        writer.object { writer in
            writer.member("peak_to_mean", imbalance.peakToMean)
            writer.member("gini", imbalance.gini)
            writer.member("cpus", imbalance.population)
            writer.member("interrupts_per_second", imbalance.total)
        }
    }
}
