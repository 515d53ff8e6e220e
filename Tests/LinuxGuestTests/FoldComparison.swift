import BusModel
import LinuxGuest
import Synchronization
import Testing
import VMBusWire

/// A clock that goes on by a second whenever it is asked.
final class CountingClock: Sendable {
    private let state = Mutex<UInt64>(0)
    var now: UInt64 {
        state.withLock { time in
            time += 1_000_000_000
            return time
        }
    }
}

/// Holds the fold of a source's records against a scan of the same files, value by value.
func expectSame(_ snapshot: BusSnapshot, _ scan: GuestScan, _ location: SourceLocation = #_sourceLocation) {
    #expect(snapshot.busAvailable == scan.busAvailable, sourceLocation: location)
    let devices = snapshot.partition(1)?.devices ?? []
    #expect(devices.map(\.name) == scan.devices.map(\.name), sourceLocation: location)
    for (device, looked) in zip(devices, scan.devices) {
        var differences: [String] = []
        func check<Value: Equatable>(_ name: String, _ folded: Value?, _ scanned: Value?) {
            if folded != scanned {
                differences.append("\(name): \(String(describing: folded)) is not \(String(describing: scanned))")
            }
        }
        check("instance", device.instance, looked.instance.value ?? device.instance)
        check("class", device.classID, looked.classID.value ?? .zero)
        check("state", device.state.value, looked.state.value.map { UInt64($0) })
        check("driver", device.driver.value, looked.driver.value)
        check("node", device.numaNode.value, looked.numaNode.value.map { Int64($0) })
        check("kernel", device.kernel, looked.kernelNames)
        check("relid", device.channels.first?.relid, looked.relid.value ?? device.channels.first?.relid)
        for problem in looked.problems {
            check("problem", device.problems.first { $0.path == problem.path }?.error, problem.failure.symbol)
        }
        let channels = looked.channels ?? []
        if looked.channels != nil { check("channels", device.channels.count, channels.count) }
        for channel in channels {
            guard let folded = device.channels.first(where: { $0.relid == channel.relid }) else {
                differences.append("channel \(channel.relid) is missing")
                continue
            }
            let name = "channel \(channel.relid)"
            check(name + " index", UInt32(folded.subchannel), channel.subchannel.value ?? UInt32(folded.subchannel))
            check(name + " phase", folded.phase.value, channel.isOpened.map { $0 ? .open : .closed })
            check(name + " cpu", folded.cpu.value, channel.cpu.value.map(UInt64.init))
            check(name + " monitor", folded.monitorID.value, channel.monitorID.value.map(UInt64.init))
            check(name + " latency", folded.monitorLatency.value, channel.latency.value.map(UInt64.init))
            check(name + " pending", folded.monitorPending.value, channel.groupPending.value.map(UInt64.init))
            check(name + " interrupts", folded.interrupts.value, channel.interrupts.value)
            check(name + " events", folded.events.value, channel.events.value)
            check(name + " in full", folded.interruptsInFull.value, channel.interruptsInFull.value)
            check(name + " out empty", folded.interruptsOutEmpty.value, channel.interruptsOutEmpty.value)
            check(name + " full first", folded.outFullFirst.value, channel.outFullFirst.value)
            check(name + " full total", folded.outFullTotal.value, channel.outFullTotal.value)
            for (ring, looked) in [(folded.inbound, channel.inbound), (folded.outbound, channel.outbound)] {
                check(name + " size", ring.size.value, looked.size)
                check(name + " size source", ring.sizeSource, looked.sizeSource)
                check(name + " used", ring.used.value, looked.used)
                check(name + " mask", ring.masked.value, looked.isMasked.map { $0 ? 1 : 0 })
            }
        }
        #expect(differences.isEmpty, "\(device.name): \(differences.joined(separator: "; "))", sourceLocation: location)
    }
}
