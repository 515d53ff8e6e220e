import VMBusWire

/// The host's end of a virtual PCI bus with one small function of ours (reference §6.13).
///
/// The guest reads and writes the function's configuration space in a window of its address space. Behind ours lies memory:
/// the host puts the space there, and looks now and then at what the guest has written, so that a bus has one function, and
/// a register that answers at once what was not written to it is not to be had.
public struct VPCIProvider: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that the host takes.
        public var maximumVersion = VPCI.Version.version16
        /// The function.
        public var function: VPCI.Function
        /// Bytes of its memory range, a power of two from 16 on; 0 for none.
        public var memorySize: UInt32 = 0
        /// Interrupt messages that it gives at most.
        public var maximumInterrupts = 32
        /// Blocks of its own that it keeps.
        public var blocks = 4
        /// Nanoseconds between two looks at the window.
        public var interval: UInt64 = 20_000_000

        /// A function of no class that anybody knows.
        public init() {
            function = VPCI.Function()
            (function.vendor, function.device, function.revision) = (0x1414, 0x5653, 1)
            (function.baseClass, function.subsystem, function.serial) = (0xFF, 0x5653_1414, 1)
        }
    }

    /// Where the conversation stands.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open.
        case closed
        /// Waits for a version.
        case opened
        /// The bus has no power.
        case versioned
        /// It has.
        case powered
    }

    /// Where the function is.
    public enum Presence: Sendable, Hashable {
        /// With the host.
        case absent
        /// With the guest, or on its way there.
        case present
        /// The host wants it back.
        case ejecting
    }

    /// An interrupt message that was given.
    public struct Given: Sendable, Hashable {
        /// What the function writes, and where.
        public var message: VPCI.Translated
        /// What the guest asked for.
        public var asked: VPCI.Interrupt
    }

    /// What was chosen.
    public let configuration: Configuration
    /// Where the conversation stands.
    public internal(set) var phase = Phase.closed
    /// The agreed version.
    public internal(set) var version: VPCI.Version?
    /// Where the function is; it stays there when the channel is closed, unless it was on its way.
    public internal(set) var presence = Presence.present
    /// Whether the function has its address space.
    public internal(set) var isAssigned = false
    /// Whether the function has power.
    public internal(set) var power = VPCI.PowerState.d0
    /// Where the window is; nil while there is none.
    public internal(set) var window: UInt64?
    /// The function's configuration space.
    public internal(set) var space: ConfigurationSpace
    /// Interrupt messages that were given.
    public internal(set) var given: [Given] = []
    /// Interrupts that were raised.
    public internal(set) var interrupts: UInt64 = 0
    /// The function's own blocks.
    var blocks: [[UInt8]]
    /// Whether the guest has been told of the functions.
    var isTold = false
    /// Counts the windows, so that a timer of an earlier one does nothing.
    var windowNumber: UInt64 = 0
    var outbound = OutboundQueues(capacity: 256)

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        space = ConfigurationSpace(configuration.function, memorySize: configuration.memorySize)
        blocks = Self.emptyBlocks(configuration)
    }

    private static func emptyBlocks(_ configuration: Configuration) -> [[UInt8]] {
        Array(
            repeating: [UInt8](repeating: 0, count: VPCI.maximumBlock), count: min(max(configuration.blocks, 0), 64))
    }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        if subchannel == 0, phase == .closed { phase = .opened }
        return []
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        let (presence, number) = (presence, windowNumber)
        self = VPCIProvider(configuration: configuration)
        // Who has no channel has let go.
        self.presence = presence == .present ? .present : .absent
        windowNumber = number + 1
        return []
    }

    /// The function is as after a reset.
    mutating func reset() {
        space = ConfigurationSpace(configuration.function, memorySize: configuration.memorySize)
        blocks = Self.emptyBlocks(configuration)
        given = []
        isAssigned = false
        power = .d0
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        outbound.writable(subchannel: subchannel)
    }

    // MARK: The window

    private func range(_ base: UInt64, _ offset: UInt64, _ count: Int) -> GPARange {
        GPARange(
            byteCount: UInt32(count), byteOffset: UInt32((base + offset) % 4096), pages: [(base + offset) / 4096])
    }

    /// Puts the configuration space into the window; all ones where no function is. False where there is no memory.
    mutating func fill<Memory: DeviceMemory>(_ memory: inout Memory) -> Bool {
        guard let window else { return true }
        var page = [UInt8](repeating: presence == .absent ? 0xFF : 0, count: 4096)
        if presence != .absent { page.replaceSubrange(0..<ConfigurationSpace.size, with: space.bytes) }
        return memory.write(range(window, 4096, 4096), page)
    }

    /// Takes over what the guest has written, and puts right what cannot be written.
    mutating func look<Memory: DeviceMemory>(_ memory: inout Memory) {
        guard let window, presence != .absent,
            let page = memory.read(range(window, 4096, ConfigurationSpace.size)), space.take(page)
        else { return }
        for (index, byte) in space.bytes.enumerated() where page[index] != byte {
            _ = memory.write(range(window, 4096 + UInt64(index), 1), [byte])
        }
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard token == windowNumber, window != nil else { return [] }
        look(&memory)
        return [.wake(afterNanoseconds: max(configuration.interval, 1_000_000), token: token)]
    }

    // MARK: Commands

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .pci(let command) = command else { return nil }
        look(&memory)
        switch command {
        case .eject:
            guard presence == .present else { return [.note("pci: the function is not the guest's")] }
            guard isTold else {
                presence = .absent
                return [.note("pci: the guest has not heard of the function, which is the host's again")]
            }
            presence = .ejecting
            return send(VPCI.Message(.eject, configuration.function.slot))
        case .insert:
            guard presence == .absent else { return [.note("pci: the function is the guest's already")] }
            reset()
            presence = .present
            _ = fill(&memory)
            return (isTold ? tell() : []) + [.note("pci: the function \(configuration.function.text) is the guest's")]
        case .interrupt: return interrupt()
        case .invalidate(let mask):
            guard isTold, presence == .present else { return [.note("pci: the function is not the guest's")] }
            var message = VPCI.Message(.invalidateBlock, configuration.function.slot)
            message.blockMask = mask
            return send(message)
        case .status: return [.note(report)]
        case .interrupted: return []
        }
    }

    /// A function interrupts with the message that its guest has written into its configuration space.
    private mutating func interrupt() -> [DeviceEffect] {
        guard presence != .absent, phase == .powered, power == .d0, space.sendsMessages else {
            return [.note("pci: the guest has not switched the function's interrupt messages on")]
        }
        let (address, data) = (space.messageAddress, space.messageData)
        guard given.contains(where: { $0.message.address == address && $0.message.data == data }) else {
            return [
                broken(
                    "vpci-interrupt", "MSI", "\(Hexadecimal.prefixed(data)) at \(Hexadecimal.prefixed(address))",
                    "a function writes a message that the host has given")
            ]
        }
        interrupts += 1
        return [.interruptMessage(address: address, data: data)]
    }

    private var report: String {
        let function = configuration.function.text
        let place = window.map { Hexadecimal.prefixed($0) } ?? "nowhere"
        return "pci: function \(function) is \(presence), the bus is \(phase), the window is at \(place), command "
            + "\(Hexadecimal.prefixed(space.word(4) & 0xFFFF)), interrupt messages "
            + "\(space.sendsMessages ? "on" : "off"), \(given.count) given, \(interrupts) raised"
    }

    // MARK: Sending

    mutating func send(_ message: VPCI.Message) -> [DeviceEffect] {
        outbound.send(ChannelPacket(payload: message.encoded()), subchannel: 0)
    }

    /// Tells the guest which functions there are.
    mutating func tell() -> [DeviceEffect] {
        isTold = true
        let functions = presence == .absent ? [] : [configuration.function]
        var message = VPCI.Message((version ?? .version10) >= .version13 ? .busRelations2 : .busRelations)
        message.functionCount = UInt32(functions.count)
        message.functions = functions
        message.functions2 = functions.map {
            var function = VPCI.Function2()
            function.function = $0
            return function
        }
        return send(message)
    }

    func broken(_ rule: String, _ what: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: "pci \(what)", value: value, explanation: explanation))
    }
}
