import BusModel
import Glibc
import Platform
import VMBusWire

/// The network interfaces behind the devices, and whether a virtual function carries their traffic.
///
/// A virtual function is an interface of a PCI device that netvsc has taken for its own: the kernel then names netvsc's interface
/// as its master. While it is up the synthetic channels are idle, which is no fault.
struct InterfaceEvidence: EvidenceKind {
    /// Packets that a pair of interfaces had counted.
    private struct Packets: Sendable, Hashable {
        var all: UInt64
        var virtual: UInt64
    }

    // Looked up only, never walked.
    private var packets: [GUID: Packets] = [:]
    private var isVirtual: [GUID: Bool] = [:]

    var pace: EvidencePace { .eachLook }
    var isAboutDevices: Bool { true }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        var findings: [EvidenceFinding] = []
        var packets: [GUID: Packets] = [:]
        var isVirtual: [GUID: Bool] = [:]
        for device in guest.devices {
            guard let name = device.names.net.first else { continue }
            let interface = NetworkInterface(name: name, files: guest.files)
            var readings: [AttributeReading] = []
            // The counters come first: where they do not, a lock is held that the carrier would wait for without rest.
            let counters = InterfaceCounterReadings(interface, device: device, machine: guest.machine)
            readings += [
                AttributeReading(.linkState, text: interface.state),
                AttributeReading(
                    .linkCarrier, number: counters.isLate ? .failed(.refused(ETIMEDOUT)) : interface.carrier),
                AttributeReading(.carrierChanges, number: interface.carrierChanges),
            ]
            if device.kind == .network {
                let function = interface.virtualFunction(of: guest)
                readings.append(AttributeReading(.virtualFunction, text: function?.name ?? ""))
                if let function {
                    let now = Packets(all: interface.packets, virtual: function.packets)
                    let active = Self.isActive(
                        now, before: self.packets[device.instance], was: self.isVirtual[device.instance], function)
                    packets[device.instance] = now
                    isVirtual[device.instance] = active
                    readings.append(
                        AttributeReading(
                            .virtualFunctionActive, reading: active.map { .known($0 ? 1 : 0) } ?? .unavailable))
                } else {
                    readings.append(AttributeReading(.virtualFunctionActive, 0))
                }
            }
            readings += counters.readings
            findings += readings.map { EvidenceFinding($0, of: device.instance) }
        }
        (self.packets, self.isVirtual) = (packets, isVirtual)
        return findings
    }

    /// Whether packets take the virtual function: as the counters moved; while nothing moves, as it was, or as far as it is up. Nil
    /// if that cannot be told.
    private static func isActive(
        _ now: Packets, before: Packets?, was: Bool?, _ function: NetworkInterface
    ) -> Bool? {
        if let state = function.state.value, state != "up" { return false }
        let isUp: Bool? = function.state.value == nil ? nil : true
        guard let before else { return isUp }
        if now.virtual != before.virtual { return true }
        if now.all != before.all { return false }
        return was ?? isUp
    }
}

/// One network interface, as sysfs shows it.
struct NetworkInterface {
    let name: String
    let files: any FileLayer

    static let directory = "/sys/class/net/"

    /// What is below it: `lower_enP1s1` for the interface that carries its packets.
    static func lower(of name: String, _ files: any FileLayer) -> [String] {
        files.namesIfAny(in: directory + name).filter { $0.hasPrefix("lower_") }.map { String($0.dropFirst(6)) }
    }

    /// `operstate`.
    var state: Readout<String> { text("operstate") }

    /// 1 with carrier; not to be had while the interface is down.
    var carrier: Readout<UInt64> {
        let carrier = number("carrier")
        return carrier == .failed(.refused(EINVAL)) ? .missing : carrier
    }

    /// How often the carrier went or came.
    var carrierChanges: Readout<UInt64> { number("carrier_changes") }

    /// Packets received and sent.
    var packets: UInt64 {
        (number("statistics/rx_packets").value ?? 0) &+ (number("statistics/tx_packets").value ?? 0)
    }

    /// The interface that carries its packets where it is a synthetic one: the one below it, else a PCI one with its address.
    func virtualFunction(of guest: WatchedGuest) -> NetworkInterface? {
        let functions = guest.devices.filter { $0.kind == .pci }.flatMap(\.names.net)
        let lower = Self.lower(of: name, files)
        if let function = functions.first(where: lower.contains) ?? lower.first {
            return NetworkInterface(name: function, files: files)
        }
        guard let address = text("address").value, address != "00:00:00:00:00:00" else { return nil }
        return functions.map { NetworkInterface(name: $0, files: files) }
            .first { $0.text("address").value == address }
    }

    func number(_ file: String) -> Readout<UInt64> {
        files.readout(path(file), limit: 256, as: AttributeText.counter)
    }

    private func text(_ file: String) -> Readout<String> {
        files.readout(path(file), limit: 256, as: AttributeText.text)
    }

    private func path(_ file: String) -> String { "\(Self.directory)\(name)/\(file)" }
}
