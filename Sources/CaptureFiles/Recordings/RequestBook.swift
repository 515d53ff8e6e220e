import VMBusWire

/// Which records asked for what is not completed yet, so that a completion can name the record that it answers.
struct RequestBook: Sendable {
    private struct Key: Hashable, Sendable {
        var interface: Int
        var sender: Direction
        var transaction: UInt64
    }

    // Only looked up, never walked.
    private var records: [Key: UInt64] = [:]
    private var order: [Key] = []
    private var next = 0
    /// A request that so many others have followed is forgotten.
    static let capacity = 65_536

    /// Follows a packet.
    ///
    /// - Parameters:
    ///   - packet: from its descriptor on.
    ///   - interface: stands for its channel.
    /// - Returns: for a completion, the number of the record that asked.
    mutating func follow(
        _ packet: ArraySlice<UInt8>, interface: Int, sender: Direction, sequence: UInt64
    ) -> UInt64? {
        guard packet.count >= PacketDescriptor.byteCount else { return nil }
        let transaction = packet.word64(8)
        if PacketType(rawValue: packet.word16(0)) == .completion {
            let asker: Direction = sender == .guestToHost ? .hostToGuest : .guestToHost
            return records.removeValue(forKey: Key(interface: interface, sender: asker, transaction: transaction))
        }
        guard PacketFlags(rawValue: packet.word16(6)).contains(.completionRequested) else { return nil }
        let key = Key(interface: interface, sender: sender, transaction: transaction)
        records[key] = sequence
        if order.count < Self.capacity {
            order.append(key)
            return nil
        }
        // The place of the oldest is taken; it was answered long ago unless its number was used again since.
        let oldest = order[next]
        if let record = records[oldest], oldest != key, record < sequence &- UInt64(Self.capacity) {
            records[oldest] = nil
        }
        order[next] = key
        next = (next + 1) % Self.capacity
        return nil
    }

    /// Forgets all, as records are missing.
    mutating func removeAll() {
        records.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
        next = 0
    }
}
