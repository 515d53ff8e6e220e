import VMBusRing
import VMBusWire

/// Both ends of a ring, in a memory that the other end rewrites between any two accesses.
func fuzzRingReceiver(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    guard var image = try? RingCopy(control: RingControl(), data: [UInt8](repeating: 0, count: 4096)) else {
        throw Finding("a page is no data area")
    }
    let start = UInt32(feed.next(UInt8.self)) * 16
    for word in [RingWord.readIndex, .writeIndex] { image.storeReleasing(start, to: word) }
    let settings = RingSettings(
        wakeRule: feed.next(below: 2) == 0 ? .strictlyMore : .atLeast, usesPendingSendSize: feed.next(below: 2) == 0)
    var run = RingRun(
        memory: HostileMemory(image, script: ByteFeed(feed.take(Int(feed.next(UInt16.self))))),
        sender: RingSender(settings, position: start), receiver: RingReceiver(settings, position: start))
    while !feed.isEmpty { try run.step(&feed) }
}

private struct RingRun {
    var memory: HostileMemory
    var sender: RingSender
    var receiver: RingReceiver
    var taken = 0

    /// Does what one number says.
    mutating func step(_ feed: inout ByteFeed) throws(Finding) {
        let (sender, receiver) = (sender, receiver)
        let accesses = memory.accesses
        do throws(RingError<Finding>) {
            try act(&feed)
        } catch {
            if case .memory(let finding) = error { throw finding }
            try require(!error.description.isEmpty, "an error without words")
            try require(
                self.sender == sender && self.receiver == receiver, "an operation failed and changed its end: \(error)")
        }
        try require(
            memory.accesses - accesses < 64, "one operation touched the ring \(memory.accesses - accesses) times")
        for (name, position) in [("sender", self.sender.position), ("receiver", self.receiver.position)] {
            try require(position < memory.dataSize && position % 8 == 0, "the \(name) stands at \(position)")
        }
    }

    private mutating func act(_ feed: inout ByteFeed) throws(RingError<Finding>) {
        switch feed.next(below: 12) {
        case 0, 1: try receive()
        case 2:
            if let packet = try receiver.peek(in: memory) { try check(packet) }
        case 3: _ = try receiver.commit(in: &memory)
        case 4: try receiver.mask(in: &memory)
        case 5: _ = try receiver.finishDraining(in: &memory)
        case 6: _ = try receiver.waitingBytes(in: memory)
        case 7:
            let info = PacketInfo(PacketType(rawValue: UInt16(feed.next(UInt8.self))), transactionID: 1)
            let header = [UInt8](repeating: 1, count: feed.next(below: 8) * 8)
            let outcome = try sender.send(
                info, header: header, payload: [UInt8](repeating: 2, count: Int(feed.next(UInt16.self)) % 5000),
                in: &memory)
            if case .full(let needed, let free) = outcome, needed < free {
                throw .memory(Finding("\(needed) bytes do not fit into \(free)"))
            }
        case 8: _ = try sender.waitForSpace(UInt32(feed.next(UInt16.self)), in: &memory)
        case 9: try sender.stopWaiting(in: &memory)
        case 10:
            var batch = try sender.batch(in: memory)
            for _ in 0..<feed.next(below: 8) {
                _ = try batch.append(PacketInfo(.dataInBand), payload: feed.piece()[...], in: &memory)
            }
            _ = try sender.publish(batch, in: &memory)
        default:
            let free = try sender.freeBytes(in: memory)
            if free > memory.dataSize { throw .memory(Finding("\(free) bytes are free")) }
        }
    }

    private mutating func receive() throws(RingError<Finding>) {
        var bytes: [UInt8] = [0xEE]
        guard let packet = try receiver.next(in: memory, appendingTo: &bytes) else { return }
        try check(packet)
        taken += 1
        do throws(Finding) {
            try require(bytes.count == 1 + Int(packet.descriptor.totalLength), "\(bytes.count) bytes of a packet")
            let descriptor = try? PacketDescriptor.decode(bytes[1...])
            try require(
                descriptor.map { UInt32($0.length8) * 8 } == packet.descriptor.totalLength,
                "the copy of a descriptor is not the one that was checked")
            try canary(
                taken > 3 && packet.headerCount == 24, "a header of 24 bytes behind three packets")
        } catch {
            throw .memory(error)
        }
    }

    private func check(_ packet: ReceivedPacket) throws(RingError<Finding>) {
        let descriptor = packet.descriptor
        guard packet.offset < memory.dataSize, packet.offset % 8 == 0, descriptor.headerLength >= 16,
            descriptor.totalLength >= descriptor.headerLength, packet.ringBytes <= memory.dataSize
        else { throw .memory(Finding("a packet that cannot be: \(packet)")) }
    }
}
