import BusModel
import Glibc
import Platform
import VMBusWire

/// The counters of one interface: those that every interface has, and behind them those of its driver (linux-guest-data §1).
struct InterfaceCounterReadings {
    /// What was read.
    private(set) var readings: [AttributeReading] = []
    /// Whether the driver's counters were waited for in vain.
    private(set) var isLate = false

    private static let common = [
        "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped", "rx_errors", "tx_errors",
    ]
    /// A driver has some twenty that are not of a queue or processor.
    private static let mostGlobals = 96
    /// 64 channels with packets and bytes in both directions, and room for what is not zero besides.
    private static let mostOfQueues = 512

    /// Reads them. The driver is asked for synthetic devices only: others have thousands that tell nothing of the bus.
    init(_ interface: NetworkInterface, device: WatchedDevice, machine: (any MachineProbe)?) {
        var globals: [NamedCount] = []
        var refusal: Readout<UInt64>?
        for name in Self.common {
            let count = interface.number("statistics/" + name)
            if let value = count.value {
                globals.append(NamedCount(name, value))
            } else {
                refusal = refusal ?? count
            }
        }
        var queues: Readout<String> = .missing
        if let machine, device.kind == .network {
            do throws(SystemError) {
                let counters = try machine.interfaceCounters(interface.name)
                globals += Self.globals(counters)
                queues = .known(NamedCount.text(Self.ofQueues(counters)))
            } catch {
                isLate = error.code == ETIMEDOUT
                queues = error.code == EOPNOTSUPP ? .missing : Readout(error)
            }
        }
        let text: Readout<String> =
            if globals.isEmpty, let refusal {
                refusal.map { String($0) }
            } else {
                .known(NamedCount.text(globals))
            }
        readings = [
            AttributeReading(.interfaceCounters, text: text), AttributeReading(.queueCounters, text: queues),
        ]
    }

    private static func globals(_ counters: [InterfaceCounter]) -> [NamedCount] {
        let chosen = counters.filter { counter in
            !isOfQueue(counter.name) && !isOfProcessor(counter.name) && !common.contains(counter.name)
        }
        return chosen.prefix(mostGlobals).map(named)
    }

    private static func ofQueues(_ counters: [InterfaceCounter]) -> [NamedCount] {
        let chosen = counters.filter { counter in
            let isTraffic = counter.name.hasSuffix("_packets") || counter.name.hasSuffix("_bytes")
            return isOfQueue(counter.name) && (isTraffic || counter.count != 0)
        }
        return chosen.prefix(mostOfQueues).map(named)
    }

    private static func named(_ counter: InterfaceCounter) -> NamedCount {
        NamedCount(PrintableText.harmless(counter.name), counter.count)
    }

    private static func isOfQueue(_ name: String) -> Bool {
        name.hasPrefix("tx_queue_") || name.hasPrefix("rx_queue_")
    }

    /// `cpu12_rx_packets`.
    private static func isOfProcessor(_ name: String) -> Bool {
        name.hasPrefix("cpu") && name.dropFirst(3).first?.isNumber == true
    }
}
