public import VMBusDevices
public import VMBusEngine
public import VMBusWire

/// What a simulation or a host is made from: a root partition, its guests, and what happens to them (TOML).
public struct Scenario: Sendable, Hashable {
    /// Its short name.
    public var name: String
    /// One line on what it shows.
    public var title: String
    /// The seed unless another is asked for.
    public var seed: UInt64
    /// The root partition's name.
    public var rootName: String
    /// The guests.
    public var guests: [GuestConfiguration]
    /// Who answers inside the switch that joins the guests' network devices.
    public var responder: ResponderChoice
    /// What happens at given moments, in order of time.
    public var events: [ScenarioEvent]
    /// What goes wrong.
    public var faults: [FaultConfiguration]
    /// What it shows, for a scenario of the gallery.
    public var expectation: ScenarioExpectation?
}

/// What a scenario of the gallery shows: a problem that was met outside of it.
public struct ScenarioExpectation: Sendable, Hashable {
    /// Where the problem was reported.
    public var problem: String
    /// The lasting name of the rule that is broken; nil where none is.
    public var rule: String?
    /// A part of the note or fault that tells it; nil for none.
    public var note: String?
    /// Steps until then, at most.
    public var steps: UInt64
}

/// What a scenario says about who answers inside the switch.
public enum ResponderChoice: Sendable, Hashable {
    /// Nothing: whoever runs the scenario decides.
    case unsaid
    /// Nobody answers.
    case nobody
    /// A responder, which knows the addresses that the scenario gives to interfaces.
    case at(SwitchResponder.Configuration)
}

extension Scenario {
    /// The switch that joins the guests.
    ///
    /// - Parameter usual: who answers where the scenario says nothing; nil for nobody.
    public func makeSwitch(usual: SwitchResponder.Configuration? = nil) -> VirtualSwitch {
        var responder: SwitchResponder.Configuration?
        switch self.responder {
        case .unsaid: responder = usual
        case .nobody: responder = nil
        case .at(let configuration): responder = configuration
        }
        responder?.reservations = guests.flatMap(\.addresses).map {
            SwitchResponder.Configuration.Reservation(
                hardware: $0.hardware, internet: InternetAddress($0.internet))
        }
        return VirtualSwitch(responder: responder)
    }
}

/// How a guest is made.
public struct GuestConfiguration: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Whose habits it has.
    public var profile: GuestProfile
    /// The newest version that it speaks.
    public var maximumVersion: ProtocolVersion
    /// Virtual processors.
    public var processors: UInt32
    /// Memory, in pages of 4096 bytes.
    public var memoryPages: UInt64
    /// Nanoseconds until it boots.
    public var bootTime: UInt64
    /// Who it is, for 6.0.
    public var clientID: GUID
    /// The host's side of its bus.
    public var host: HostConfiguration
    /// Its network interfaces, in order of the network devices.
    public var addresses: [NetworkAddress]
    /// What its drivers choose for themselves.
    public var drivers: [DriverConfiguration]
    /// What it does with its disks.
    public var diskWork: [DiskWorkConfiguration]
    #if Mutations
        /// The planted bug of the guest; nil for none.
        public var mutation: Mutation?
    #endif

    /// The guest's own work on the disks of a controller; nil for none.
    func work(on instance: GUID) -> GuestDiskWork? {
        diskWork.first { $0.instance == instance }.map { GuestDiskWork($0) }
    }

    /// The driver's machine for a device; nil where the guest has none.
    ///
    /// - Parameter resetTime: when the guest's machine was reset, in nanoseconds.
    func consumer(for kind: DeviceKind, instance: GUID, resetTime: UInt64) -> (any DeviceEndpoint)? {
        let device = host.devices.first { $0.instance == instance }
        if let integration = device?.integration ?? IntegrationConfiguration(kind) {
            return integration.makeConsumer(in: name, resetTime: resetTime)
        }
        return switch kind {
        case .network: NetworkConsumer(configuration: networkConsumer(instance))
        case .scsi, .ide, .fibreChannel: StorageConsumer(configuration: storageConsumer(kind, instance))
        case .balloon: BalloonConsumer(configuration: device?.balloon?.guest ?? BalloonConsumer.Configuration())
        case .pci: VPCIConsumer(configuration: device?.pci?.guest ?? VPCIConsumer.Configuration())
        case .keyboard: KeyboardConsumer()
        case .mouse: MouseConsumer()
        case .video: VideoConsumer(configuration: device?.video?.guest ?? VideoConsumer.Configuration())
        default: nil
        }
    }

    private func networkConsumer(_ instance: GUID) -> NetworkConsumer.Configuration {
        let driver = drivers.first { $0.instance == instance }?.network ?? NetworkConsumer.Configuration()
        #if Mutations
            var mutated = driver
            mutated.mutation = mutation
            return mutated
        #else
            return driver
        #endif
    }

    /// As many channels as the guest has processors.
    private func storageConsumer(_ kind: DeviceKind, _ instance: GUID) -> StorageConsumer.Configuration {
        var driver = StorageConsumer.Configuration()
        driver.isFibreChannel = kind == .fibreChannel
        driver.subchannels = Int(clamping: processors) - 1
        return driver
    }

    /// Pages of one ring, control page included (reference §4.11, made smaller for networks as the scenario says).
    func ringPages(for kind: DeviceKind) -> Int {
        switch kind {
        case .network: drivers.first?.ringPages ?? 16
        case .scsi, .ide, .fibreChannel: 16
        default: 4
        }
    }

    /// Performance devices are spread over the processors, others stay on the first (reference §8.2).
    func targetVP(performance: Bool, ordinal: UInt16) -> UInt32 {
        performance && processors > 0 ? UInt32(ordinal) % processors : 0
    }
}

/// What a guest's network driver chooses.
public struct DriverConfiguration: Sendable, Hashable {
    /// The device.
    public var instance: GUID
    /// Sizes and counts.
    public var network: NetworkConsumer.Configuration
    /// Pages of one ring, control page included.
    public var ringPages: Int
}

/// What a guest does with the disks of a controller.
public struct DiskWorkConfiguration: Sendable, Hashable {
    /// The device.
    public var instance: GUID
    /// Nanoseconds between two pieces of work.
    public var interval: UInt64
    /// Bytes of one piece.
    public var byteCount: Int
    /// Pieces that are begun together.
    public var depth = 1
    /// Pieces of a hundred that only read.
    public var reads = 0
}

/// How the host's side of a guest's bus is made.
public struct HostConfiguration: Sendable, Hashable {
    /// Whose habits it has.
    public var profile: HostProfile
    /// The newest version that it accepts.
    public var maximumVersion: ProtocolVersion
    /// The devices that are on offer from the start.
    public var devices: [DeviceConfiguration]
    /// The hv_sock connections of both ends.
    public var sockets: [SocketConfiguration] = []
    #if Mutations
        /// The planted bug of the host's end, or of its hypervisor; nil for none.
        public var mutation: Mutation?
    #endif
}

/// How a device is made.
public struct DeviceConfiguration: Sendable, Hashable {
    /// What kind it is.
    public var kind: DeviceKind
    /// Its class.
    public var classID: GUID
    /// Which device it is.
    public var instance: GUID
    /// Channels with the primary, for a device that may have several.
    public var channelCount: Int
    /// Whether its channels signal through the monitor page.
    public var isMonitored: Bool
    /// For a network: address and limits.
    public var network: NetworkProvider.Configuration?
    /// For an integration component: versions, clocks, and how its guest behaves.
    public var integration: IntegrationConfiguration?
    /// For a storage controller: its limits and its disks.
    public var storage: StorageProvider.Configuration?
    /// For an hv_sock connection: what the host's end does.
    public var socket: SocketPlan?
    /// For a balloon: both ends.
    public var balloon: BalloonConfiguration?
    /// For a virtual PCI bus: both ends.
    public var pci: PCIConfiguration?
    /// For a display: versions, sizes, and what its guest draws.
    public var video: VideoConfiguration?

    /// The device's machine at the host's end.
    func makeProvider() -> (any DeviceEndpoint)? {
        if let integration { return integration.makeProvider() }
        return switch kind {
        case .network: network.map { NetworkProvider(configuration: $0) }
        case .scsi, .ide, .fibreChannel: storage.map { StorageProvider(configuration: $0) }
        case .socket: socket.map { SocketProvider($0) }
        case .balloon: balloon.map { BalloonProvider(configuration: $0.host) }
        case .pci: pci.map { VPCIProvider(configuration: $0.host) }
        case .keyboard: KeyboardProvider()
        case .mouse: MouseProvider()
        case .video: VideoProvider(configuration: video?.host ?? VideoProvider.Configuration())
        default: nil
        }
    }
}

/// An interface of a guest, and what it does with it.
public struct NetworkAddress: Sendable, Hashable {
    /// Six bytes.
    public var hardware: [UInt8]
    /// Four bytes.
    public var internet: [UInt8]
    /// Who is pinged, in turn.
    public var pingTargets: [[UInt8]]
    /// Nanoseconds between two pings.
    public var pingInterval: UInt64
    /// Bytes in a ping, in turn.
    public var pingSizes: [Int]
    /// From how many TCP ports, in turn, a closed port of the targets is knocked at between two pings; 0 for never.
    public var tcpPorts: Int
    /// Datagrams that are sent together with each ping, from changing ports; nobody answers them.
    public var bulkFrames = 0
    /// Bytes in such a datagram.
    public var bulkByteCount = 1472
}

/// Something that happens at a given moment.
public struct ScenarioEvent: Sendable, Hashable {
    /// What happens.
    public enum Action: Sendable, Hashable {
        /// The host takes a device back.
        case rescind(GUID)
        /// The host offers a device of the guest's list (again).
        case offer(GUID)
        /// Something is asked of a device's host end.
        case command(GUID, DeviceCommand)
        /// The guest moves a channel to another processor.
        case move(GUID, subchannel: UInt16, cpu: UInt32)
        /// The guest disconnects and boots again.
        case reboot
        /// The guest crashes, says goodbye without interrupts, and boots again.
        case crash
        /// The guest hibernates, and resumes after so many nanoseconds.
        case hibernate(UInt64)
        /// The guest's host end is saved, and taken up again from the bytes after so many nanoseconds.
        case saveHost(UInt64)
    }

    /// When, in nanoseconds.
    public var time: UInt64
    /// To which guest.
    public var guest: Int
    /// What happens.
    public var action: Action
}
