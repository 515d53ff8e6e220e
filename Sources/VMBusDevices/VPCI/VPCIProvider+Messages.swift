import VMBusWire

/// What the guest asks.
extension VPCIProvider {
    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard packet.type == .dataInBand, phase != .closed else {
            return [broken("vpci-packet", "packet", "\(packet.type)", "in-band, on an open channel")]
        }
        let message: VPCI.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .guestToHost))
        } catch {
            return [.violation(ProtocolViolation(error))] + answer(packet, .invalidParameter)
        }
        look(&memory)
        if message.type == .queryProtocolVersion { return choose(message, packet) }
        guard let version else {
            return refuse(message, packet, .invalidDeviceState, "vpci-order", "the version comes first")
        }
        guard message.type.since <= version else {
            return refuse(
                message, packet, .notSupported, "vpci-version",
                "from \(message.type.since.meaning ?? "") on, and \(version.meaning ?? "") was agreed on")
        }
        switch message.type {
        case .queryBusRelations: return tell()
        case .busD0Entry: return powerUp(message, packet, &memory)
        case .busD0Exit: return powerDown(message, packet)
        default: break
        }
        guard Self.isAboutFunction(message.type) else {
            return refuse(message, packet, .notSupported, "vpci-type", "what guests say to hosts")
        }
        guard presence != .absent, message.slot == configuration.function.slot else {
            return refuse(message, packet, .noSuchDevice, "vpci-slot", "a function that is on the bus")
        }
        return receive(message, packet, version, &memory)
    }

    private static func isAboutFunction(_ type: VPCI.MessageType) -> Bool {
        switch type {
        case .powerStateChange, .queryResourceRequirements, .getResources, .readBlock, .writeBlock, .ejectionComplete,
            .resourcesReleased, .resetDevice:
            true
        default: type.assigns || type.creates || type.deletes
        }
    }

    private mutating func receive<Memory: DeviceMemory>(
        _ message: VPCI.Message, _ packet: ChannelPacket, _ version: VPCI.Version, _ memory: inout Memory
    ) -> [DeviceEffect] {
        switch message.type {
        case .queryResourceRequirements:
            var bars = VPCI.Bars()
            bars.values = [ConfigurationSpace.probe(configuration.memorySize), 0, 0, 0, 0, 0]
            return answer(packet, .success, bars.encoded())
        case .ejectionComplete:
            guard presence == .ejecting else {
                return refuse(message, packet, .invalidDeviceState, "vpci-order", "it follows an EJECT")
            }
            presence = .absent
            reset()
            _ = fill(&memory)
            let outcome = message.status == .success ? "" : ", \(message.status.words)"
            return [.note("pci: the guest has let go of function \(configuration.function.text)\(outcome)")]
        case .readBlock:
            guard blocks.indices.contains(Int(message.blockID)) else { return noBlock(message, packet) }
            return answer(packet, .success, Array(blocks[Int(message.blockID)].prefix(Int(message.byteCount))))
        case .writeBlock:
            guard blocks.indices.contains(Int(message.blockID)) else { return noBlock(message, packet) }
            blocks[Int(message.blockID)].replaceSubrange(0..<message.block.count, with: message.block)
            return answer(packet, .success)
        case .getResources: return answer(packet, .success)
        default: break
        }
        guard phase == .powered else {
            return refuse(message, packet, .invalidDeviceState, "vpci-order", "the bus has power first")
        }
        switch message.type {
        case .powerStateChange:
            guard message.power == .d0 || message.power == .d3 else {
                return refuse(message, packet, .invalidParameter, "vpci-power", "D0 or D3")
            }
            power = message.power
            return answer(packet, .success, bytes(message.slot.rawValue) + bytes(power.rawValue))
        case .resetDevice:
            reset()
            _ = fill(&memory)
            return answer(packet, .success)
        case .resourcesReleased:
            isAssigned = false
            return answer(packet, .success)
        default: break
        }
        if message.type.assigns {
            isAssigned = true
            return answer(packet, .success)
        }
        return message.type.creates ? create(message, packet) : delete(message, packet)
    }

    private mutating func noBlock(_ message: VPCI.Message, _ packet: ChannelPacket) -> [DeviceEffect] {
        refuse(message, packet, .invalidParameter, "vpci-block", "one of the function's \(blocks.count) blocks")
    }

    private mutating func choose(_ message: VPCI.Message, _ packet: ChannelPacket) -> [DeviceEffect] {
        guard phase == .opened else {
            return refuse(message, packet, .invalidDeviceState, "vpci-order", "the version is agreed on once")
        }
        guard VPCI.Version.newestFirst.contains(message.version), message.version <= configuration.maximumVersion else {
            // The guest tries an older one.
            return answer(packet, .revisionMismatch)
        }
        version = message.version
        phase = .versioned
        return answer(packet, .success)
    }

    private mutating func powerUp<Memory: DeviceMemory>(
        _ message: VPCI.Message, _ packet: ChannelPacket, _ memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase == .versioned else {
            return refuse(message, packet, .invalidDeviceState, "vpci-order", "the bus has power once")
        }
        // What lies in the room of interrupt controllers and above what can be addressed is no memory.
        guard message.window > 0, message.window % 4096 == 0, message.window < 1 << 52 else {
            return refuse(message, packet, .invalidParameter, "vpci-window", "two whole pages")
        }
        window = message.window
        guard fill(&memory) else {
            window = nil
            return refuse(message, packet, .invalidParameter, "vpci-window", "two pages that the host can reach")
        }
        phase = .powered
        windowNumber += 1
        return answer(packet, .success)
            + [.ready, .wake(afterNanoseconds: max(configuration.interval, 1_000_000), token: windowNumber)]
    }

    private mutating func powerDown(_ message: VPCI.Message, _ packet: ChannelPacket) -> [DeviceEffect] {
        guard phase == .powered else {
            // Linux tries it for a kernel that was there before.
            return answer(packet, .invalidDeviceState)
        }
        phase = .versioned
        window = nil
        windowNumber += 1
        reset()
        return answer(packet, .success)
    }

    // MARK: Interrupt messages

    private mutating func create(_ message: VPCI.Message, _ packet: ChannelPacket) -> [DeviceEffect] {
        let asked = message.interrupt
        guard (1...32).contains(asked.vectorCount), asked.vector <= 0xFF else {
            return refuse(message, packet, .invalidParameter, "vpci-vectors", "1 to 32 vectors of 8 bits")
        }
        let target: UInt64
        if message.type == .createInterrupt {
            guard asked.mask != 0 else {
                return refuse(message, packet, .invalidParameter, "vpci-processors", "at least one processor")
            }
            target = UInt64(asked.mask.trailingZeroBitCount)
        } else {
            guard asked.processorCount > 0, let first = asked.processors.first else {
                return refuse(message, packet, .invalidParameter, "vpci-processors", "at least one processor")
            }
            target = UInt64(first.number)
        }
        guard given.count < configuration.maximumInterrupts else {
            return refuse(
                message, packet, .insufficientResources, "vpci-interrupts",
                "no more than the \(configuration.maximumInterrupts) that there are")
        }
        // As processors of this kind take them: the target in bits 19:12, and above 255 in the high half.
        var translated = VPCI.Translated()
        translated.vectorCount = asked.vectorCount
        translated.address = 0xFEE0_0000 | (target & 0xFF) << 12 | (target & 0xFFFF_FF00) << 32
        translated.data = asked.vector | UInt32(asked.deliveryMode & 7) << 8
        given.append(Given(message: translated, asked: asked))
        return answer(packet, .success, [0, 0, 0, 0] + translated.encoded())
    }

    private mutating func delete(_ message: VPCI.Message, _ packet: ChannelPacket) -> [DeviceEffect] {
        guard let index = given.firstIndex(where: { $0.message == message.translated }) else {
            return refuse(message, packet, .invalidParameter, "vpci-interrupt", "a message that was given")
        }
        given.remove(at: index)
        return answer(packet, .success)
    }

    // MARK: Answers

    private mutating func refuse(
        _ message: VPCI.Message, _ packet: ChannelPacket, _ status: VPCI.Status, _ rule: String, _ explanation: String
    ) -> [DeviceEffect] {
        [broken(rule, message.type.name, status.words, explanation)] + answer(packet, status)
    }

    /// The answer to a packet that asked for one. Nobody can be told apart by the id 0 (reference §4.3).
    private mutating func answer(
        _ packet: ChannelPacket, _ status: VPCI.Status, _ body: [UInt8] = []
    ) -> [DeviceEffect] {
        guard packet.flags.contains(.completionRequested), packet.transactionID != 0 else { return [] }
        return outbound.send(packet.completion(bytes(status.rawValue) + body), subchannel: 0)
    }

    private func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
