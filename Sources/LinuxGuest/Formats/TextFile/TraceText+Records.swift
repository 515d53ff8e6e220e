import BusModel
import VMBusWire

extension TraceText: TextReader {
    func tell(_ log: inout TextLog) {
        for entry in entries {
            switch entry {
            case .event(let record, let time):
                log.advance(to: time)
                log.append(record.header(time: log.time, partition: TextLog.guest), record.encoded())
            case .lost(let count, let cpu):
                let events = count.map(String.init) ?? "some"
                log.gap("\(events) events lost" + (cpu.map { " on processor \($0)" } ?? ""))
            }
        }
        if hostCount > 0 { log.note("\(hostCount) events of a host (kvm, mshv) left out") }
        if strangeCount > 0 { log.note("\(strangeCount) events have words that are not known") }
    }
}
