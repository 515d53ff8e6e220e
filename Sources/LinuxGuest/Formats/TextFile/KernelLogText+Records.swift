import BusModel
import VMBusWire

extension KernelLogText: TextReader {
    func tell(_ log: inout TextLog) {
        var clock = Clock()
        if let kernelRelease { log.guest([AttributeReading(.kernelRelease, text: kernelRelease)]) }
        for entry in entries {
            let isReboot = clock.take(entry.line)
            log.advance(to: clock.time)
            if isReboot { log.note("the kernel's clock starts again: what follows is another boot") }
            tell(entry, &log)
        }
        if !isProof, !entries.isEmpty {
            log.note("no line proves a guest of Hyper-V: other machines' kernels register its drivers as well")
        }
    }

    private func tell(_ entry: Entry, _ log: inout TextLog) {
        let meaning = entry.meaning
        // Old kernels name devices by numbers, which other texts may tell the instances of.
        let device = meaning.instance ?? meaning.busName.map(TextLog.standIn)
        if let device {
            let name = meaning.instance == nil ? meaning.busName.map { [AttributeReading(.name, text: $0)] } : nil
            log.device(device, (name ?? []) + Self.deviceReadings(meaning))
        }
        let record = meaning.record(level: entry.line.level, bootTime: entry.line.bootTime)
        log.append(
            FlowRecordHeader(
                kind: .kernelLog, time: log.time, partition: TextLog.guest, device: device ?? .zero,
                code: UInt32(meaning.fact.rawValue)), record.encoded())
        var evidence = meaning.evidence
        if let version = meaning.agreedVersion {
            evidence.append(AttributeReading(.protocolVersion, version))
            evidence.append(AttributeReading(.connectionPhase, ConnectionPhase.connected.rawValue))
        }
        log.guest(evidence)
    }

    /// What the beginning of a line tells of its device: `hv_netvsc <instance> eth0: …`.
    private static func deviceReadings(_ meaning: KernelLogMeaning) -> [AttributeReading] {
        let driver = meaning.text.prefix { $0 != " " && $0 != ":" }
        let isDriver = DeviceClass.catalogue.contains { $0.linuxDrivers.contains(String(driver)) }
        return (isDriver ? AttributeReading.ofDriver(String(driver)) : [])
            + storageClass(String(driver), meaning.instance)
            + (meaning.interface.map { [AttributeReading(.networkInterfaces, text: $0)] } ?? [])
    }

    /// The class of a disk controller, which the driver shares with others: the host's IDE disks have instances of their own form,
    /// and of the rest Fibre Channel is rare.
    private static func storageClass(_ driver: String, _ instance: GUID?) -> [AttributeReading] {
        guard driver == "hv_storvsc", let instance else { return [] }
        let kind: DeviceKind = DeviceClass.instanceName(instance)?.hasPrefix("IDE disk") == true ? .ide : .scsi
        let classID = DeviceClass.catalogue.first { $0.kind == kind }?.classID
        return classID.map { [AttributeReading(.classID, guid: $0)] } ?? []
    }

    /// The log's time, from whichever clock the lines have.
    private struct Clock {
        private(set) var time: UInt64 = 0
        private var base: UInt64 = 0
        private var lastBoot: UInt64?
        private var firstWall: UInt64?

        /// Takes a line's time in, and says whether the kernel's clock started again.
        mutating func take(_ line: KernelLogLine) -> Bool {
            guard let boot = line.bootTime else {
                if let wall = line.wallTime, lastBoot == nil {
                    let first = firstWall ?? wall
                    firstWall = first
                    time = max(time, wall - min(wall, first))
                }
                return false
            }
            let isReboot = lastBoot.map { $0 > boot && $0 - boot > KernelLogText.reboot } ?? false
            if isReboot { base = time }
            lastBoot = boot
            time = max(time, base.addingReportingOverflow(boot).overflow ? .max : base + boot)
            return isReboot
        }
    }
}
