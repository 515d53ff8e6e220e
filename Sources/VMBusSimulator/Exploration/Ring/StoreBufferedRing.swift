import VMBusRing

/// A ring's memory as two processors have it: what both see, and what each of them holds back.
struct StoreBufferedRing: Hashable, Sendable {
    let order: MemoryOrder
    /// What both see.
    private(set) var control = RingControl()
    /// The data area in units of eight bytes.
    private(set) var data: [UInt64]
    private var senderBuffer: [Store] = []
    private var receiverBuffer: [Store] = []

    /// A store that only its own processor sees yet.
    enum Store: Hashable, Sendable {
        case word(UInt32, RingWord)
        case data(UInt64, Int)
    }

    /// Memory of zeros.
    init(dataSize: UInt32, order: MemoryOrder) {
        self.order = order
        data = Array(repeating: 0, count: Int(dataSize / 8))
    }

    /// What an end holds back, oldest first.
    func buffer(of end: RingEnd) -> [Store] { end == .sender ? senderBuffer : receiverBuffer }

    /// Does an access for an end; the value of a load, else 0.
    mutating func perform(_ access: RingAccess, by end: RingEnd) -> UInt64 {
        switch access {
        case .load(let word): return load(word, by: end)
        case .loadData(let place): return loadData(place, by: end)
        case .store(let value, let word): store(.word(value, word), by: end)
        case .storeData(let value, let place): store(.data(value, place), by: end)
        case .fence: while flush(end) != nil {}
        }
        return 0
    }

    /// Lets the oldest store that an end holds back be seen; nil when there is none.
    mutating func flush(_ end: RingEnd) -> Store? {
        switch end {
        case .sender: if senderBuffer.isEmpty { return nil }
        case .receiver: if receiverBuffer.isEmpty { return nil }
        }
        let store = end == .sender ? senderBuffer.removeFirst() : receiverBuffer.removeFirst()
        publish(store)
        return store
    }

    private mutating func store(_ store: Store, by end: RingEnd) {
        guard order == .tso else { return publish(store) }
        if end == .sender { senderBuffer.append(store) } else { receiverBuffer.append(store) }
    }

    private mutating func publish(_ store: Store) {
        switch store {
        case .data(let value, let place): data[place] = value
        case .word(let value, .writeIndex): control.writeIndex = value
        case .word(let value, .readIndex): control.readIndex = value
        case .word(let value, .interruptMask): control.interruptMask = value
        case .word(let value, .pendingSendSize): control.pendingSendSize = value
        case .word(let value, .featureBits): control.featureBits = value
        }
    }

    /// What an end sees of a control word.
    func load(_ word: RingWord, by end: RingEnd) -> UInt64 {
        for case .word(let value, word) in buffer(of: end).reversed() { return UInt64(value) }
        switch word {
        case .writeIndex: return UInt64(control.writeIndex)
        case .readIndex: return UInt64(control.readIndex)
        case .interruptMask: return UInt64(control.interruptMask)
        case .pendingSendSize: return UInt64(control.pendingSendSize)
        case .featureBits: return UInt64(control.featureBits)
        }
    }

    private func loadData(_ place: Int, by end: RingEnd) -> UInt64 {
        for case .data(let value, place) in buffer(of: end).reversed() { return value }
        return data[place]
    }

    /// Sums everything up.
    func add(to digest: inout StateDigest) {
        digest.add(UInt64(control.writeIndex) << 32 | UInt64(control.readIndex))
        digest.add(
            UInt64(control.interruptMask) << 48 | UInt64(control.pendingSendSize) << 16 | UInt64(control.featureBits))
        for unit in data { digest.add(unit) }
        for buffer in [senderBuffer, receiverBuffer] where order == .tso {
            digest.add(UInt64(buffer.count))
            for store in buffer {
                switch store {
                case .word(let value, let word):
                    digest.add(UInt64(word.rawValue) << 32 | UInt64(value))
                case .data(let value, let place):
                    digest.add(1 << 63 | UInt64(place))
                    digest.add(value)
                }
            }
        }
    }
}

extension StoreBufferedRing.Store {
    /// What it stores, for people.
    var text: String {
        switch self {
        case .word(let value, let word): "\(word.name) \(value)"
        case .data(let value, let place): "data at \(place * 8): 0x\(String(value, radix: 16))"
        }
    }
}
