import BusModel
public import Platform
import VMBusWire

/// Why a device is not spare: everything that would be lost with it.
public struct AttachRefusals: Sendable, Hashable {
    /// One sentence each; none for a device that may be taken.
    public let reasons: [String]

    /// Looks at what needs a device.
    ///
    /// - Parameters:
    ///   - connection: the variable `SSH_CONNECTION`.
    ///   - acceptsHostAction: whether somebody has said that the host may do to this machine what it does where the service is
    ///     silent.
    public init(
        _ device: SpareDevice, _ files: any FileLayer, connection: String?, acceptsHostAction: Bool
    ) {
        var reasons: [String] = []
        switch device.kind {
        case .scsi, .ide, .fibreChannel: reasons += Self.disks(device, files)
        case .network: reasons += Self.network(device, files, connection)
        case .balloon: reasons += Self.balloon(device, files)
        case .heartbeat where !acceptsHostAction:
            reasons.append(
                "a host may restart a machine whose heartbeat stops; --accept-host-action says that it may")
        case .shutdown where !acceptsHostAction:
            reasons.append(
                "the host could not shut this machine down any more and may switch it off; --accept-host-action says that it may"
            )
        case .timeSync where !acceptsHostAction:
            reasons.append(
                "this machine's clock would not follow the host's any more; --accept-host-action says that it need not")
        default: break
        }
        if device.driver == SpareDevice.programsDriver, device.isOpen {
            reasons.append("another program has \(device.node ?? "its node") open; end that one first")
        }
        self.reasons = reasons
    }

    private static func disks(_ device: SpareDevice, _ files: any FileLayer) -> [String] {
        switch DiskDependencies(files).users {
        case .known(let users):
            return unique(
                users.filter { device.names.block.contains($0.device) }.map { "\($0.device) carries \($0.what)" })
        case .missing, .failed:
            return device.names.block.isEmpty ? [] : ["/proc/self/mountinfo does not tell what its disks carry"]
        }
    }

    private static func network(_ device: SpareDevice, _ files: any FileLayer, _ connection: String?) -> [String] {
        guard !device.names.net.isEmpty else { return [] }
        let names = device.names.net
        var reasons: [String] = []
        switch RouteDependencies(files).users {
        case .known(let users):
            reasons += users.filter { names.contains($0.device) }.map { "\($0.device) carries the \($0.what)" }
        case .missing, .failed:
            reasons.append("/proc/net/route does not tell what \(names.joined(separator: ", ")) carries")
        }
        if let interfaces = PeerRoute(files, connection: connection).interfaces {
            reasons += names.filter(interfaces.contains).map { "\($0) carries your ssh connection (SSH_CONNECTION)" }
        } else {
            reasons.append("the routes do not tell which interface carries your ssh connection (SSH_CONNECTION)")
        }
        return unique(reasons)
    }

    private static func balloon(_ device: SpareDevice, _ files: any FileLayer) -> [String] {
        guard device.driver == "hv_balloon" else { return [] }
        let reading = BalloonEvidence.ballooned(files)
        guard let pages = reading.value else {
            return ["/sys/kernel/debug/hv-balloon does not tell whether it holds memory; mount debugfs as root"]
        }
        return pages == 0 ? [] : ["it holds \(pages) pages of memory, which would be lost until the next boot"]
    }

    private static func unique(_ reasons: [String]) -> [String] {
        reasons.enumerated().filter { reasons.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    }
}
