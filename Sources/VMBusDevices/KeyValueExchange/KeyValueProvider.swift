/// The host's end of data exchange: asks for the guest's facts once, then for whatever it is told to (reference §6.5).
public struct KeyValueProvider: IntegrationProvider {
    /// The most keys of one enumeration.
    public static let maximumItems: UInt32 = 1024

    public var link: IntegrationHost
    /// What the guest said of itself, in the order in which it did.
    public private(set) var facts: [(name: String, value: String)] = []

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .keyValue) { link = IntegrationHost(service) }

    public mutating func began(time: UInt64) -> [DeviceEffect] { enumerate(.auto, 0) }

    private mutating func enumerate(_ pool: KeyValuePool, _ index: UInt32) -> [DeviceEffect] {
        ask(.enumerate, pool, .item(index: index, KeyValue()))
    }

    private mutating func ask(
        _ operation: KeyValueOperation, _ pool: KeyValuePool, _ body: KeyValueMessage.Body
    ) -> [DeviceEffect] { link.ask(.keyValue(KeyValueMessage(operation, pool, body))) }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .keyValue(let command) = command else { return nil }
        switch command {
        case .get(let pool, let key): return ask(.get, pool, .value(KeyValue(key: key)))
        case .set(let pool, let value): return ask(.set, pool, .value(value))
        case .delete(let pool, let key): return ask(.delete, pool, .key(KeyName(key)))
        case .enumerate(let pool): return enumerate(pool, 0)
        case .getAddresses(let adapter):
            return ask(.getIPInfo, .external, .addresses(AdapterAddresses(adapter: adapter)))
        case .setAddresses(let addresses): return ask(.setIPInfo, .external, .addresses(addresses))
        }
    }

    public mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect] {
        guard case .keyValue(let question) = asked, case .keyValue(let message) = answer.body else { return [] }
        guard message.operation == question.operation, message.pool == question.pool else {
            return [
                link.service.broken(
                    "kvp-answer", "\(message.operation.meaning ?? "") of \(message.pool.rawValue)",
                    "an answer repeats operation and pool of its question")
            ]
        }
        let pool = question.pool.meaning ?? "\(question.pool.rawValue)"
        switch (question.body, message.body) {
        case (.item(let index, _), .item(_, let value)):
            // An enumeration ends at the first status that is not success.
            guard answer.status == .success else {
                return index == 0 && question.pool != .auto ? [.note("data exchange: pool \(pool) has no keys")] : []
            }
            return took(value, pool, at: index, of: question.pool)
        case (.key(let key), _): return [told("\(pool) \(key.key) deleted", answer.status)]
        case (.value(let asked), .value(let value)):
            let words = question.operation == .set ? " is set" : answer.status == .success ? " = \(value.text)" : ""
            return [told("\(pool) \(asked.key)\(words)", answer.status)]
        case (.addresses, .addresses(let addresses)):
            return [told("addresses of \(addresses.summary)", answer.status)]
        default: return []
        }
    }

    private mutating func took(
        _ value: KeyValue, _ pool: String, at index: UInt32, of asked: KeyValuePool
    ) -> [DeviceEffect] {
        var effects: [DeviceEffect] = [.note("data exchange: \(pool) \(value.key) = \(value.text)")]
        if asked == .auto {
            facts.removeAll { $0.name == value.key }
            facts.append((value.key, value.text))
            effects.append(.utility(.fact(name: value.key, value: value.text)))
        }
        return effects + (index + 1 < Self.maximumItems ? enumerate(asked, index + 1) : [])
    }

    private func told(_ what: String, _ status: IntegrationComponent.Status) -> DeviceEffect {
        .note("data exchange: \(what)\(status == .success ? "" : ": \(status.words)")")
    }

    public mutating func ended() { facts = [] }

    /// Equal when they say the same and know the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.link == right.link && left.facts.elementsEqual(right.facts) { $0 == $1 }
    }

    /// By the conversation alone.
    public func hash(into hasher: inout Hasher) { hasher.combine(link) }
}
