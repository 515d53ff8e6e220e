import VMBusWire

/// The guest's end of a virtual PCI bus, in the start-up order of Linux: version, window, functions and what they want, power,
/// address space, configuration space, an interrupt message (reference §6.13).
public struct VPCIConsumer: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that the guest proposes.
        public var maximumVersion = VPCI.Version.version16
        /// Functions that it takes at most; 1 to 32.
        public var maximumFunctions = 8
        /// The processor that takes the interrupts.
        public var processor: UInt16 = 0
        /// The vector of the first function's interrupt.
        public var vector: UInt8 = 0x40
        /// Where its address space for functions begins.
        public var addresses: UInt32 = 0xF000_0000

        /// One processor.
        public init() {}
    }

    /// Where the conversation stands.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open.
        case closed
        /// A version is proposed.
        case proposing
        /// Waits for pages for the window.
        case waitingForWindow
        /// Waits for the functions on the bus.
        case surveying
        /// Asks what functions want, before there is power.
        case asking
        /// Powers the bus up.
        case powering
        /// Works.
        case running
        /// The ends cannot work together.
        case failed
    }

    /// A function that the guest has found.
    public struct Found: Sendable, Hashable {
        /// How far the guest is with it.
        public enum Step: Sendable, Hashable {
            /// Asks what it wants.
            case requirements
            /// Knows, and waits for power.
            case known
            /// Gives it its address space.
            case assigning
            /// Asks for an interrupt message.
            case interrupting
            /// Works.
            case running
        }

        /// What the host said of it.
        public var function: VPCI.Function
        /// How far the guest is with it.
        public var step = Step.requirements
        /// What address space it wants.
        public var bars = VPCI.Bars()
        /// Its interrupt message.
        public var message: VPCI.Translated?
        /// The vector of its interrupt.
        public var vector: UInt8
    }

    /// A question that waits for its answer.
    private struct Question: Sendable, Hashable {
        var type: VPCI.MessageType
        var slot: VPCI.Slot
    }

    /// What was chosen.
    public let configuration: Configuration
    /// Where the conversation stands.
    public private(set) var phase = Phase.closed
    /// The version that is proposed or agreed on.
    public private(set) var version: VPCI.Version?
    /// The functions, in the order in which they came.
    public private(set) var functions: [Found] = []
    /// Where the window is.
    public private(set) var window: UInt64 = 0
    /// Interrupts that came.
    public private(set) var interrupts: UInt64 = 0
    /// Functions that the host took back.
    public private(set) var ejections: UInt64 = 0
    private var versions: ArraySlice<VPCI.Version>
    /// By the transaction's number. Only looked up.
    private var questions: [UInt64: Question] = [:]
    private var nextQuestion: UInt64 = 1
    private var outbound = OutboundQueues(capacity: 256)

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        versions = VPCI.Version.newestFirst.drop { $0 > configuration.maximumVersion }
    }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard subchannel == 0, phase == .closed else { return [] }
        return propose()
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        let hasWindow = window != 0
        self = VPCIConsumer(configuration: configuration)
        return hasWindow ? [.destroyBuffer(purpose: .window)] : []
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        outbound.writable(subchannel: subchannel)
    }

    // MARK: Questions

    private mutating func ask(_ message: VPCI.Message) -> [DeviceEffect] {
        let id = nextQuestion
        nextQuestion += 1
        questions[id] = Question(type: message.type, slot: message.slot)
        return outbound.send(
            ChannelPacket(flags: .completionRequested, transactionID: id, payload: message.encoded()), subchannel: 0)
    }

    private mutating func say(_ message: VPCI.Message) -> [DeviceEffect] {
        outbound.send(ChannelPacket(payload: message.encoded()), subchannel: 0)
    }

    private mutating func fail(_ reason: String) -> [DeviceEffect] {
        phase = .failed
        return [.failed(reason: reason)]
    }

    private mutating func propose() -> [DeviceEffect] {
        guard let next = versions.popFirst() else { return fail("the host takes no version of vPCI") }
        version = next
        phase = .proposing
        var message = VPCI.Message(.queryProtocolVersion)
        message.version = next
        return ask(message)
    }

    public mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [DeviceEffect] {
        guard purpose == .window, phase == .waitingForWindow else {
            return buffer == nil ? [] : [.destroyBuffer(purpose: purpose)]
        }
        let pages = buffer?.pages ?? []
        guard let first = zip(pages, pages.dropFirst()).first(where: { $0 &+ 1 == $1 && $0 > 0 && $0 < 1 << 40 })?.0
        else {
            return fail("there are no two pages side by side for the window")
        }
        window = first * 4096
        phase = .surveying
        return say(VPCI.Message(.queryBusRelations))
    }

    // MARK: Messages

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase != .closed else {
            return [broken("channel-open", "packet", "\(packet.type)", "packets come on open channels")]
        }
        let isAnswer = packet.type == .completion
        guard isAnswer || packet.type == .dataInBand else {
            return [broken("vpci-packet", "packet", "\(packet.type)", "the host answers, or has news in-band")]
        }
        let question = isAnswer ? questions.removeValue(forKey: packet.transactionID) : nil
        if isAnswer, question == nil {
            return [
                broken(
                    "transaction-known", "answer", Hexadecimal.prefixed(packet.transactionID),
                    "each question is answered once")
            ]
        }
        let message: VPCI.Message
        do throws(WireError) {
            message = try .decode(
                packet.payload, context: .newest(sender: .hostToGuest, subject: question?.type.rawValue ?? 0))
        } catch {
            return [.violation(ProtocolViolation(error))]
                + (question.map { refused($0, .invalidParameter) } ?? [])
        }
        guard let question else { return heard(message) }
        return message.status == .success
            ? answered(question, message, &memory) : refused(question, message.status)
    }

    private mutating func heard(_ message: VPCI.Message) -> [DeviceEffect] {
        switch (message.type, phase) {
        case (.busRelations, .surveying), (.busRelations2, .surveying), (.busRelations, .asking),
            (.busRelations2, .asking), (.busRelations, .powering), (.busRelations2, .powering),
            (.busRelations, .running), (.busRelations2, .running):
            return survey(message.allFunctions)
        case (.eject, _) where functions.contains(where: { $0.function.slot == message.slot }):
            return letGo(message.slot)
        case (.invalidateBlock, _) where functions.contains(where: { $0.function.slot == message.slot }):
            return [.note("pci: blocks \(Hexadecimal.prefixed(message.blockMask)) have changed")]
        case (.eject, _), (.invalidateBlock, _):
            return [broken("vpci-slot", message.type.name, message.slot.meaning ?? "", "a function that was told of")]
        case (.busRelations, _), (.busRelations2, _):
            return [
                broken("vpci-order", message.type.name, "\(phase)", "functions are told of when they were asked for")
            ]
        default:
            return [broken("vpci-type", message.type.name, "\(phase)", "what hosts say to guests")]
        }
    }

    /// Looks which functions have come and which have gone.
    private mutating func survey(_ told: [VPCI.Function]) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        functions.removeAll { found in !told.contains { $0 == found.function } }
        for function in told where !functions.contains(where: { $0.function == function }) {
            guard !functions.contains(where: { $0.function.slot == function.slot }) else {
                effects.append(
                    broken("vpci-slot", "BUS_RELATIONS", function.slot.meaning ?? "", "one function in each place"))
                continue
            }
            guard functions.count < min(max(configuration.maximumFunctions, 1), 32) else {
                effects.append(.note("pci: function \(function.text) is one more than this guest takes"))
                continue
            }
            let taken = functions.map(\.vector)
            let vector = (0..<32).map { configuration.vector &+ $0 }.first { !taken.contains($0) } ?? 0xFF
            functions.append(Found(function: function, vector: vector))
            effects += ask(VPCI.Message(.queryResourceRequirements, function.slot))
        }
        if phase == .surveying { phase = .asking }
        return effects + powerUpWhenKnown()
    }

    private mutating func powerUpWhenKnown() -> [DeviceEffect] {
        guard phase == .asking, functions.allSatisfy({ $0.step == .known }) else { return [] }
        phase = .powering
        var message = VPCI.Message(.busD0Entry)
        message.window = window
        return ask(message)
    }

    private mutating func letGo(_ slot: VPCI.Slot) -> [DeviceEffect] {
        guard let index = functions.firstIndex(where: { $0.function.slot == slot }) else { return [] }
        let found = functions.remove(at: index)
        ejections += 1
        return forget(found) + say(VPCI.Message(.ejectionComplete, slot))
            + [.note("pci: function \(found.function.text) is let go of")]
            + powerUpWhenKnown()
    }

    /// Gives a function's interrupt message back.
    private mutating func forget(_ found: Found) -> [DeviceEffect] {
        guard let translated = found.message else { return [] }
        var message = VPCI.Message(
            (version ?? .version10) >= .version12 ? .deleteInterrupt2 : .deleteInterrupt, found.function.slot)
        message.translated = translated
        return say(message)
    }

    // MARK: Answers

    private mutating func answered<Memory: DeviceMemory>(
        _ question: Question, _ message: VPCI.Message, _ memory: inout Memory
    ) -> [DeviceEffect] {
        switch question.type {
        case .queryProtocolVersion:
            phase = .waitingForWindow
            // One page more than the window has, as pages need not lie side by side.
            return [.createBuffer(purpose: .window, byteCount: VPCI.windowSize + 4096)]
        case .busD0Entry:
            phase = .running
            var effects: [DeviceEffect] = [.ready]
            for index in functions.indices where functions[index].step == .known { effects += assign(index) }
            return effects
        default: break
        }
        guard let index = functions.firstIndex(where: { $0.function.slot == question.slot }) else { return [] }
        switch (question.type, functions[index].step) {
        case (.queryResourceRequirements, .requirements):
            functions[index].bars = message.bars
            functions[index].step = .known
            return phase == .running ? assign(index) : powerUpWhenKnown()
        case (_, .assigning) where question.type.assigns: return enumerate(index, &memory)
        case (_, .interrupting) where question.type.creates: return start(index, message.translated, &memory)
        default: return []
        }
    }

    private mutating func refused(_ question: Question, _ status: VPCI.Status) -> [DeviceEffect] {
        if question.type == .queryProtocolVersion, status == .revisionMismatch { return propose() }
        if question.type == .queryProtocolVersion || question.type == .busD0Entry {
            return fail("the host refuses \(question.type.name): \(status.words)")
        }
        // The guest does without the function.
        functions.removeAll { $0.function.slot == question.slot }
        return [.note("pci: the host refuses \(question.type.name): \(status.words)")] + powerUpWhenKnown()
    }

    private mutating func assign(_ index: Int) -> [DeviceEffect] {
        functions[index].step = .assigning
        let version = version ?? .version10
        var message = VPCI.Message(
            version >= .version14
                ? .resourcesAssigned3 : version >= .version12 ? .resourcesAssigned2 : .resourcesAssigned,
            functions[index].function.slot)
        message.interruptCount = 1
        return ask(message)
    }

    // MARK: Configuration space

    private func range(_ place: UInt64, _ count: Int) -> GPARange {
        GPARange(
            byteCount: UInt32(count), byteOffset: UInt32(place % 4096), pages: [(window + place) / 4096])
    }

    private func select<Memory: DeviceMemory>(_ slot: VPCI.Slot, _ memory: inout Memory) {
        _ = memory.write(range(0, 4), Self.bytes(slot.rawValue, 4))
    }

    private func write<Memory: DeviceMemory>(
        _ place: Int, _ value: UInt32, _ count: Int, _ memory: inout Memory
    ) -> Bool {
        memory.write(range(4096 + UInt64(place), count), Self.bytes(value, count))
    }

    private static func bytes(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }

    private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
        guard place <= bytes.count - 4 else { return 0 }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) }
    }

    /// Reads the function's configuration space, gives it its addresses and looks for interrupt messages.
    private mutating func enumerate<Memory: DeviceMemory>(_ index: Int, _ memory: inout Memory) -> [DeviceEffect] {
        let found = functions[index]
        select(found.function.slot, &memory)
        guard let space = memory.read(range(4096, ConfigurationSpace.size)) else {
            return fail("the window is not there any more")
        }
        let name = Self.word(space, 0)
        let expected = UInt32(found.function.vendor) | UInt32(found.function.device) << 16
        guard name == expected else {
            functions.remove(at: index)
            return [
                broken(
                    "vpci-space", "configuration space", Hexadecimal.prefixed(name),
                    "\(Hexadecimal.prefixed(expected)), as the host told")
            ]
        }
        // Addresses for its memory, then memory and bus master on.
        let mask = (found.bars.values.first ?? 0) & 0xFFFF_FFF0
        if mask != 0 {
            let size = max(~mask &+ 1, 1 << 20)
            _ = write(0x10, (configuration.addresses &+ UInt32(index) &* size) & mask, 4, &memory)
        }
        _ = write(4, 6, 2, &memory)
        guard Self.messageCapability(space) != nil else {
            functions[index].step = .running
            return [.note("pci: function \(found.function.text) works, without interrupts")]
        }
        functions[index].step = .interrupting
        let version = version ?? .version10
        var message = VPCI.Message(
            version >= .version14 ? .createInterrupt3 : version >= .version12 ? .createInterrupt2 : .createInterrupt,
            found.function.slot)
        message.interrupt = VPCI.Interrupt(vector: UInt32(found.vector), processors: [configuration.processor])
        return ask(message)
    }

    /// Where the capability of interrupt messages is; a list of capabilities that goes in circles has an end too.
    private static func messageCapability(_ space: [UInt8]) -> Int? {
        guard space.count >= ConfigurationSpace.size, space[6] & 0x10 != 0 else { return nil }
        var place = Int(space[0x34] & 0xFC)
        for _ in 0..<48 where place >= 0x40 && place <= space.count - 16 {
            if space[place] == 5 { return place }
            place = Int(space[place + 1] & 0xFC)
        }
        return nil
    }

    /// Writes the interrupt message where the function finds it.
    private mutating func start<Memory: DeviceMemory>(
        _ index: Int, _ translated: VPCI.Translated, _ memory: inout Memory
    ) -> [DeviceEffect] {
        let found = functions[index]
        select(found.function.slot, &memory)
        guard let space = memory.read(range(4096, ConfigurationSpace.size)),
            let place = Self.messageCapability(space)
        else { return fail("the configuration space is not there any more") }
        functions[index].message = translated
        functions[index].step = .running
        _ = write(place + 4, UInt32(truncatingIfNeeded: translated.address), 4, &memory)
        _ = write(place + 8, UInt32(truncatingIfNeeded: translated.address >> 32), 4, &memory)
        _ = write(place + 12, translated.data, 2, &memory)
        _ = write(place + 2, UInt32(space[place + 2]) | UInt32(space[place + 3]) << 8 | 1, 2, &memory)
        return [.note("pci: function \(found.function.text) works, with vector \(found.vector)")]
    }

    /// An interrupt message has come.
    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .pci(.interrupted(let address, let data)) = command else { return nil }
        guard let found = functions.first(where: { $0.message?.address == address && $0.message?.data == data }) else {
            return [.note("pci: an interrupt of no function came, \(Hexadecimal.prefixed(data))")]
        }
        interrupts += 1
        return [.note("pci: function \(found.function.text) interrupts with vector \(found.vector)")]
    }

    private func broken(_ rule: String, _ what: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: "pci \(what)", value: value, explanation: explanation))
    }
}
