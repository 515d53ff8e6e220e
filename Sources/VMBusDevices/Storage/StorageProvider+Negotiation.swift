import VMBusWire

extension StorageProvider {
    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard packet.type == .dataInBand || packet.type == .dataUsingGPADirect, phase != .closed else {
            return [
                broken("vstor-packet", "packet", "\(packet.type)", "in-band or with guest pages, on an open channel")
            ]
        }
        let asked: VStor.Packet
        do throws(WireError) {
            guard packet.payload.count >= VStor.oldPacketSize else {
                throw WireError(
                    structure: "VSTOR", field: "operation", offset: 0,
                    problem: .truncated(needed: VStor.oldPacketSize, available: packet.payload.count))
            }
            asked = try .read(packet.payload, sender: .guestToHost)
        } catch {
            return [.violation(ProtocolViolation(error))]
                + answer(packet, VStor.Packet(), .invalidParameter, subchannel)
        }
        if asked.operation == .executeSRB {
            return execute(asked, packet, attachment, subchannel, memory: &memory)
        }
        if asked.operation.carriesRequest { return reset(asked, packet, subchannel) }
        guard subchannel == 0 else {
            return refuse(asked, packet, subchannel, "only requests go through sub-channels")
        }
        return negotiate(asked, packet)
    }

    private mutating func negotiate(_ asked: VStor.Packet, _ packet: ChannelPacket) -> [DeviceEffect] {
        var reply = asked
        switch (asked.operation, phase) {
        case (.beginInitialization, .opened): phase = .begun
        case (.queryProtocolVersion, .begun), (.queryProtocolVersion, .versioned):
            guard VStor.Version.newestFirst.contains(asked.version), asked.version <= configuration.maximumVersion
            else {
                // The guest tries an older one.
                return answer(packet, asked, .revisionMismatch, 0)
            }
            version = asked.version
            phase = .versioned
        case (.queryProperties, .versioned):
            let channels = configuration.maximumSubchannels
            reply.properties.maximumSubchannels = UInt16(channels)
            reply.properties.flags = channels > 0 && (version ?? .version20) >= .version51 ? .multiChannel : []
            reply.properties.maximumTransfer = UInt32(configuration.maximumTransfer)
            phase = .described
        case (.fibreChannelData, .described) where configuration.kind == .fibreChannel:
            // Names of the form 5, as an adapter's maker gives them (FC-FS-3 §14).
            let name = 0x5 << 60 | configuration.identity & (1 << 59 - 1)
            reply.ports.isPrimaryActive = 1
            reply.ports.names = [name, name | 1 << 59, name &+ 1, (name &+ 1) | 1 << 59].flatMap { bigEndian($0) }
        case (.endInitialization, .described):
            phase = .ready
            return [.ready] + answer(packet, reply, .success, 0)
        case (.createSubchannels, .described), (.createSubchannels, .ready): return grant(asked, packet)
        default: return refuse(asked, packet, 0, "begin, version, properties, end, then sub-channels, in this order")
        }
        return answer(packet, reply, .success, 0)
    }

    private mutating func grant(_ asked: VStor.Packet, _ packet: ChannelPacket) -> [DeviceEffect] {
        let most = (version ?? .version20) >= .version51 ? configuration.maximumSubchannels : 0
        guard grantedSubchannels == 0 else {
            return refuse(asked, packet, 0, "sub-channels are asked for once")
        }
        guard asked.subchannels > 0, Int(asked.subchannels) <= most else {
            return [
                broken(
                    "vstor-subchannels", asked.operation.name, "\(asked.subchannels)",
                    "1 to \(most), as the properties say")
            ] + answer(packet, asked, .invalidParameter, 0)
        }
        grantedSubchannels = asked.subchannels
        return answer(packet, asked, .success, 0) + [.offerSubchannels(count: asked.subchannels)]
    }

    /// What a disk works on is done soon, so that there is nothing to abort.
    private mutating func reset(
        _ asked: VStor.Packet, _ packet: ChannelPacket, _ subchannel: UInt16
    ) -> [DeviceEffect] {
        guard phase == .ready else { return refuse(asked, packet, subchannel, "requests come after the negotiation") }
        var reply = asked
        reply.request.status = .success
        reply.request.block = []
        return answer(packet, reply, .success, subchannel)
    }

    mutating func refuse(
        _ asked: VStor.Packet, _ packet: ChannelPacket, _ subchannel: UInt16, _ rule: String
    ) -> [DeviceEffect] {
        [broken("vstor-order", asked.operation.name, "\(phase)", rule)]
            + answer(packet, asked, .invalidDeviceState, subchannel)
    }

    /// The answer to a packet that asked for one. Nobody can be told apart by the id 0 (reference §4.3).
    mutating func answer(
        _ packet: ChannelPacket, _ reply: VStor.Packet, _ status: VStor.Status, _ subchannel: UInt16
    ) -> [DeviceEffect] {
        guard packet.flags.contains(.completionRequested), packet.transactionID != 0 else { return [] }
        let payload = completion(reply, status)
        return outbound.send(packet.completion(payload), subchannel: subchannel)
    }

    func completion(_ reply: VStor.Packet, _ status: VStor.Status) -> [UInt8] {
        var reply = reply
        let subject = reply.operation
        reply.operation = .completeIO
        reply.status = status
        return reply.written(version ?? .version62, sender: .hostToGuest, subject: subject)
    }
}
