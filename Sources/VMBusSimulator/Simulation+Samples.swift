import BusModel
import VMBusPartitions
import VMBusRing
import VMBusWire

/// What no message tells: counters, fills, drivers and names, as an operating system would show them.
extension Simulation {
    /// Looks at the counters and fills of every open channel of a guest.
    mutating func sample(_ guest: Int) {
        for device in guests[guest].guest.devices {
            for channel in device.channels {
                guard let rings = channel.ringPages else { continue }
                let place = guests[guest].host.channel(relid: channel.relid)
                guard let place, place.device == device.instance else { continue }
                let memory = guests[guest].memory
                let readings =
                    channel.counters.readings + memory.readings(of: rings.incoming, .hostToGuest)
                    + memory.readings(of: rings.outgoing, .guestToHost)
                record(.sample, partition: Self.partition(guest), place, AttributeList(readings).encoded())
            }
        }
        queue.push(.sample(guest: guest), at: time + Self.sampleInterval)
    }

    /// A driver has taken a device, or has given it a name.
    mutating func recordDevice(_ guest: Int, _ instance: GUID) {
        guard let device = guests[guest].guest.devices.first(where: { $0.instance == instance }) else { return }
        var readings: [AttributeReading] = []
        if let driver = device.driverName { readings.append(AttributeReading(.driver, text: driver)) }
        if let interface = device.interfaceName {
            readings.append(AttributeReading(.networkInterfaces, text: interface))
        }
        records.append(
            FlowRecordHeader(
                kind: .state, time: time, partition: Self.partition(guest), device: instance,
                code: StateCode.changed.rawValue), AttributeList(readings).encoded())
    }
}

extension GuestDevice.Counters {
    fileprivate var readings: [AttributeReading] {
        [
            AttributeReading(.interrupts, interrupts), AttributeReading(.events, events),
            AttributeReading(.interruptsInFull, interruptsInFull),
            AttributeReading(.interruptsOutEmpty, interruptsOutEmpty),
            AttributeReading(.outFullFirst, outFullFirst), AttributeReading(.outFullTotal, outFullTotal),
        ]
    }
}
