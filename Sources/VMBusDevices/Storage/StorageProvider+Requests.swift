import VMBusWire

extension StorageProvider {
    /// What the guest sends to a disk.
    public func attachment<Memory: DeviceMemory>(of packet: ChannelPacket, memory: Memory) -> [UInt8] {
        guard case .guestPages(let ranges) = packet.bulk,
            let asked = try? VStor.Packet.read(packet.payload, sender: .guestToHost),
            asked.operation == .executeSRB, asked.request.direction == .write,
            asked.request.dataLength <= configuration.maximumTransfer,
            let bytes = memory.read(ranges, limit: configuration.maximumTransfer)
        else { return [] }
        return bytes.count > asked.request.dataLength ? Array(bytes.prefix(Int(asked.request.dataLength))) : bytes
    }

    /// A SCSI command.
    mutating func execute<Memory: DeviceMemory>(
        _ asked: VStor.Packet, _ packet: ChannelPacket, _ data: [UInt8], _ subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase == .ready else {
            return refuse(asked, packet, subchannel, "requests come after the negotiation")
        }
        var ranges: [GPARange] = []
        if case .guestPages(let listed) = packet.bulk { ranges = listed }
        let request = Outstanding(
            transactionID: packet.flags.contains(.completionRequested) ? packet.transactionID : 0,
            subchannel: subchannel, answer: asked, ranges: ranges)
        if let broken = violation(of: asked.request, ranges, data) {
            return [broken] + finish(request, status: .invalidRequest)
        }
        let id = RequestID(subchannel: subchannel, id: packet.transactionID)
        guard !inUse.contains(id) else {
            return [
                broken(
                    "transaction-unique", asked.operation.name, Hexadecimal.prefixed(packet.transactionID),
                    "an id is used again after its answer")
            ]
        }
        let command = asked.request.command
        guard let unit = index(of: asked.request) else { return withoutUnit(command, request, memory: &memory) }
        let outcome =
            command.opcode == .reportLUNs
            ? reportUnits(asked.request)
            : units[unit].execute(command, data: data, maximumTransfer: configuration.maximumTransfer)
        switch outcome {
        case .done(let bytes): return succeed(request, bytes, memory: &memory)
        case .failed(let sense): return fail(request, sense)
        case .disk(let operation): return start(operation, request, units[unit])
        }
    }

    /// What is wrong with the numbers of a request.
    private func violation(of request: VStor.Request, _ ranges: [GPARange], _ data: [UInt8]) -> DeviceEffect? {
        func wrong(_ field: String, _ value: some BinaryInteger, _ rule: String) -> DeviceEffect {
            broken("srb-valid", "EXECUTE_SRB.\(field)", "\(value)", rule)
        }
        if request.commandLength > VStor.commandRoom { return wrong("cdb_length", request.commandLength, "at most 16") }
        if request.senseLength > VStor.senseRoom { return wrong("sense_length", request.senseLength, "at most 20") }
        if request.direction.meaning == nil { return wrong("data_in", request.direction.rawValue, "0, 1 or 2") }
        if request.dataLength > configuration.maximumTransfer {
            return wrong("data_transfer_length", request.dataLength, "at most \(configuration.maximumTransfer)")
        }
        let room = ranges.reduce(UInt64(0)) { $0 + UInt64($1.byteCount) }
        if room < request.dataLength {
            return wrong("data_transfer_length", request.dataLength, "at most the \(room) bytes of the guest's pages")
        }
        if request.direction == .write, data.count < request.dataLength {
            return wrong("data_transfer_length", request.dataLength, "the guest has pages that hold the data")
        }
        return nil
    }

    private func index(of request: VStor.Request) -> Int? {
        units.firstIndex { $0.lun == request.lun && $0.target == request.target && $0.path == request.path }
    }

    /// Bytes of an answer that the command leaves room for.
    private func limit(of command: SCSI.Command, _ bytes: [UInt8]) -> Int {
        guard CommandLayouts.numbers(command.bytes[0]).countsRoom else { return bytes.count }
        return Int(clamping: command.count)
    }

    /// A target answers for itself at unit 0 (SPC-4 §4.6.4): which units it has. And who asks any unit who it is hears that
    /// nobody is there: Linux takes every other answer to INQUIRY for a disk.
    private mutating func withoutUnit<Memory: DeviceMemory>(
        _ command: SCSI.Command, _ request: Outstanding, memory: inout Memory
    ) -> [DeviceEffect] {
        let asked = request.answer.request
        switch command.opcode {
        case .reportLUNs where asked.lun == 0:
            guard case .done(let bytes) = reportUnits(asked) else { return finish(request, status: .invalidLUN) }
            return succeed(request, bytes, memory: &memory)
        case .inquiry where command.bytes[1] & 1 == 0:
            let nobody: [UInt8] = [0x7F, 0, 6, 0x12, 31] + [UInt8](repeating: 0, count: 31)
            return succeed(request, nobody, memory: &memory)
        // A guest lets go of a disk that was taken away, and all that it wrote was kept before.
        case .synchronizeCache10, .synchronizeCache16: return finish(request, status: .success)
        default: return finish(request, status: .invalidLUN)
        }
    }

    private func reportUnits(_ request: VStor.Request) -> LogicalUnit.Outcome {
        guard request.command.bytes[2] <= 2 else { return .failed(.invalidField) }
        let isAboutUnits = request.command.bytes[2] != 1
        let luns =
            units.filter { isAboutUnits && $0.target == request.target && $0.path == request.path }.map(\.lun).sorted()
        return .done(
            bigEndian(UInt32(luns.count * 8)) + [0, 0, 0, 0] + luns.flatMap { [0, $0, 0, 0, 0, 0, 0, 0] })
    }

    private mutating func start(
        _ operation: DiskOperation, _ request: Outstanding, _ unit: LogicalUnit
    ) -> [DeviceEffect] {
        let room = Int(request.answer.request.dataLength)
        switch operation {
        case .read(let range):
            guard Int(range.count) * unit.blockSize <= room, request.answer.request.direction != .write else {
                return finish(request, status: .dataOverrun)
            }
        case .write(_, let bytes, _):
            let blocks = Int(clamping: request.answer.request.command.count) * unit.blockSize
            guard blocks <= room, bytes.count == blocks else { return finish(request, status: .dataOverrun) }
        default: break
        }
        guard outstanding.count < configuration.maximumOutstanding else {
            return finish(request, status: .busy, scsi: .taskSetFull)
        }
        let token = nextToken
        nextToken += 1
        outstanding[token] = request
        inUse.insert(RequestID(subchannel: request.subchannel, id: request.transactionID))
        return [
            .disk(DiskRequest(lun: unit.lun, token: token, blockSize: unit.blockSize, operation: operation))
        ]
    }

    /// A disk has done what it was asked; what nobody waits for any more is left out.
    public mutating func completed<Memory: DeviceMemory>(
        _ completion: DiskCompletion, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard let request = forget(completion.token) else { return [] }
        switch completion.result {
        case .success(let bytes): return succeed(request, bytes, memory: &memory)
        case .failure(.gone): return finish(request, status: .invalidLUN)
        case .failure(let error): return fail(request, Self.sense(error))
        }
    }

    private static func sense(_ error: DiskError) -> SCSI.Sense {
        switch error {
        case .gone, .failed: SCSI.Sense(4, 0x4400)
        case .outOfRange: .outOfRange
        case .writeProtected: .writeProtected
        case .unreadable(let block): SCSI.Sense(3, 0x1100, information: block)
        case .unwritable(let block): SCSI.Sense(3, 0x0C00, information: block)
        }
    }

    // MARK: Answers

    /// Bytes go to the guest's pages, as many as there is room for.
    private mutating func succeed<Memory: DeviceMemory>(
        _ request: Outstanding, _ bytes: [UInt8], memory: inout Memory
    ) -> [DeviceEffect] {
        let asked = request.answer.request
        guard asked.direction != .write else {
            counters.bytesWritten += UInt64(asked.dataLength)
            return finish(request, status: .success, length: asked.dataLength)
        }
        let room = min(Int(asked.dataLength), limit(of: asked.command, bytes))
        let sent = bytes.count > room ? Array(bytes.prefix(room)) : bytes
        guard memory.write(request.ranges, sent) else {
            return [
                broken(
                    "srb-pages", "EXECUTE_SRB", "\(request.ranges.count) ranges",
                    "the guest has the pages that it lists")
            ]
                + finish(request, status: .invalidRequest)
        }
        counters.bytesRead += UInt64(sent.count)
        return finish(request, status: .success, length: UInt32(sent.count), data: sent)
    }

    private mutating func fail(_ request: Outstanding, _ sense: SCSI.Sense) -> [DeviceEffect] {
        let status = VStor.RequestStatus(
            rawValue: VStor.RequestStatus.error.rawValue | VStor.RequestStatus.autosenseValid)
        return finish(request, status: status, scsi: .checkCondition, sense: sense)
    }

    /// Answers a request.
    mutating func finish(
        _ request: Outstanding, status: VStor.RequestStatus, scsi: SCSI.Status = .good, length: UInt32 = 0,
        data: [UInt8] = [], sense: SCSI.Sense? = nil
    ) -> [DeviceEffect] {
        if status == .success { counters.completed += 1 } else { counters.failed += 1 }
        guard request.transactionID != 0 else { return [] }
        var reply = request.answer
        reply.request.status = status
        reply.request.scsiStatus = scsi
        reply.request.dataLength = length
        let room = min(Int(reply.request.senseLength), VStor.senseRoom)
        reply.request.block = sense.map { Array($0.fixed.prefix(room)) } ?? []
        reply.request.senseLength = UInt8(reply.request.block.count)
        let packet = ChannelPacket(
            type: .completion, transactionID: request.transactionID,
            payload: completion(reply, status == .success ? .success : .unsuccessful))
        let kept = data.count > Self.recordedAttachmentLimit ? Array(data.prefix(Self.recordedAttachmentLimit)) : data
        return outbound.send(packet, attachment: kept, subchannel: request.subchannel)
    }
}
