import TestSupport
import Testing
import VMBusRing
import VMBusWire

/// A ring as a plain queue of packets: what it must do, written down without positions.
private struct QueueModel {
    struct Packet: Equatable {
        var info: PacketInfo
        var header: [UInt8]
        var payload: [UInt8]
        var ringBytes: Int { 16 + header.count + payload.count + 8 }
    }

    var waiting: [Packet] = []
    var takenBytes = 0
    var masked = false
    var pending = 0

    var usedBytes: Int { takenBytes + waiting.reduce(0) { $0 + $1.ringBytes } }

    mutating func commit(_ rule: WakeRule, dataSize: Int) -> Bool {
        let oldUsed = usedBytes
        takenBytes = 0
        guard oldUsed != usedBytes, pending != 0 else { return false }
        switch rule {
        case .strictlyMore:
            return dataSize - oldUsed <= pending && pending < dataSize - usedBytes
        case .atLeast:
            let size = pending / 8 * 8
            return dataSize - oldUsed - 8 < size && size <= dataSize - usedBytes - 8
        }
    }
}

@Suite struct QueueModelTests {
    @Test func `behaves as a queue, mapped once`() throws {
        for seed in 1...4 {
            let mapping = try Mapping(dataSize: 4096 * seed, twice: false)
            var memory = mapping.memory
            try play(&memory, seed: UInt64(seed), operations: 4000 * Soak.factor)
        }
    }

    @Test func `behaves as a queue, mapped twice`() throws {
        for seed in 1...4 {
            let mapping = try Mapping(dataSize: 4096 * seed, twice: true)
            var memory = mapping.memory
            try play(&memory, seed: UInt64(seed + 10), operations: 4000 * Soak.factor)
        }
    }

    @Test func `behaves as a queue, scattered pages`() throws {
        for seed in 1...4 {
            var memory = try pagedRing(dataPages: seed)
            try play(&memory, seed: UInt64(seed + 20), operations: 4000 * Soak.factor)
        }
    }

    @Test func `behaves as a queue, image`() throws {
        var memory = try imageRing(dataPages: 2)
        try play(&memory, seed: 31, operations: 2000 * Soak.factor)
    }

    private func randomPacket(_ generator: inout SeededNumbers, dataSize: Int) -> QueueModel.Packet {
        let header = Int.random(in: 0...9, using: &generator) == 0 ? Int.random(in: 1...8, using: &generator) * 8 : 0
        let most = Int.random(in: 0...7, using: &generator) == 0 ? dataSize - 32 - header : 300
        let payload = Int.random(in: 0...most, using: &generator)
        return QueueModel.Packet(
            info: PacketInfo(
                PacketType(rawValue: .random(in: 0...0xF, using: &generator)),
                flags: PacketFlags(rawValue: .random(in: 0...1, using: &generator)), transactionID: generator.next()),
            header: Array(repeating: UInt8.random(in: 1...255, using: &generator), count: header),
            payload: Array(repeating: UInt8.random(in: 1...255, using: &generator), count: payload))
    }

    private func padded(_ packet: QueueModel.Packet) -> QueueModel.Packet {
        var packet = packet
        packet.payload += Array(repeating: 0, count: -packet.payload.count & 7)
        return packet
    }

    private func play<Memory: RingMemory>(_ memory: inout Memory, seed: UInt64, operations: Int) throws {
        var generator = SeededNumbers(seed: seed)
        let dataSize = Int(memory.dataSize)
        let settings = RingSettings(wakeRule: seed % 2 == 0 ? .strictlyMore : .atLeast)
        let start = UInt32.random(in: 0..<memory.dataSize / 8, using: &generator) * 8
        var sender = RingSender(settings, position: start)
        var receiver = RingReceiver(settings, position: start)
        var model = QueueModel()
        try sender.initialize(&memory)
        try receiver.initialize(&memory)
        var signals = (writer: 0, reader: 0, full: 0)

        /// Reads one packet and compares it with the model's.
        func take(from memory: Memory) throws -> Bool {
            guard let packet = try receiver.next(in: memory) else { return model.waiting.isEmpty }
            guard let expected = model.waiting.first else { return false }
            var read = QueueModel.Packet(info: packet.descriptor.info, header: [], payload: [])
            try packet.appendHeader(from: memory, to: &read.header)
            try packet.appendPayload(from: memory, to: &read.payload)
            model.takenBytes += expected.ringBytes
            model.waiting.removeFirst()
            return read == expected
        }

        for operation in 0..<operations {
            var agrees = true
            switch Int.random(in: 0...9, using: &generator) {
            case 0...2:
                let packet = randomPacket(&generator, dataSize: dataSize)
                let expected = padded(packet)
                let free = dataSize - model.usedBytes
                let outcome = try sender.send(
                    packet.info, header: packet.header, payload: packet.payload, in: &memory)
                if free > expected.ringBytes {
                    let signal = model.usedBytes == 0 && !model.masked
                    agrees = outcome == .sent(signal: signal)
                    model.waiting.append(expected)
                    model.pending = 0
                    if signal { signals.writer += 1 }
                } else {
                    signals.full += 1
                    agrees = outcome == .full(needed: UInt32(expected.ringBytes), free: UInt32(free))
                    agrees = try agrees && sender.waitForSpace(UInt32(expected.ringBytes), in: &memory) == .wait
                    model.pending = expected.ringBytes
                }
            case 3:
                let wasEmpty = model.usedBytes == 0
                let publishes = Bool.random(using: &generator)
                var added: [QueueModel.Packet] = []
                var batch = try sender.batch(in: memory)
                for _ in 0..<Int.random(in: 0...5, using: &generator) {
                    let packet = randomPacket(&generator, dataSize: dataSize)
                    let expected = padded(packet)
                    let used = model.usedBytes + added.reduce(0) { $0 + $1.ringBytes }
                    let needed = try batch.append(
                        packet.info, header: packet.header, payload: packet.payload, in: &memory)
                    let fits = dataSize - used > expected.ringBytes
                    agrees = agrees && needed == (fits ? nil : UInt32(expected.ringBytes))
                    if fits { added.append(expected) }
                }
                if publishes {
                    let signal = try sender.publish(batch, in: &memory)
                    agrees = agrees && signal == (!added.isEmpty && wasEmpty && !model.masked)
                    model.waiting += added
                    if !added.isEmpty { model.pending = 0 }
                }
            case 4...6:
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    agrees = try agrees && take(from: memory)
                }
            case 7:
                let signal = try receiver.commit(in: &memory)
                agrees = signal == model.commit(settings.wakeRule, dataSize: dataSize)
                if signal { signals.reader += 1 }
            case 8:
                let signal = model.commit(settings.wakeRule, dataSize: dataSize)
                let outcome = try receiver.finishDraining(in: &memory)
                model.masked = !model.waiting.isEmpty
                agrees = outcome == DrainOutcome(signal: signal, hasMore: model.masked)
            default:
                let checkpoint = receiver
                let peeked = try receiver.peek(in: memory)
                agrees =
                    peeked?.descriptor.info == model.waiting.first?.info && receiver.position == checkpoint.position
                let waiting = model.waiting.reduce(0) { $0 + $1.ringBytes }
                agrees = try agrees && receiver.waitingBytes(in: memory) == UInt32(waiting)
                agrees = try agrees && sender.freeBytes(in: memory) == UInt32(dataSize - model.usedBytes)
            }
            guard agrees else {
                Issue.record("operation \(operation) of seed \(seed) differs from the model")
                return
            }
        }
        #expect(signals.writer > 5 && signals.reader > 5 && signals.full > 20, "\(signals)")
    }
}
