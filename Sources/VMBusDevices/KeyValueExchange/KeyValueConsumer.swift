/// The guest's end of data exchange: a store of keys, and the addresses of adapters (reference §6.5).
public struct KeyValueConsumer: IntegrationConsumer {
    /// The most keys of one pool.
    public static let maximumKeys = 1024
    /// The most adapters that are remembered.
    public static let maximumAdapters = 64

    public var link: IntegrationGuest
    /// The keys, by pool, in the order in which they came.
    public private(set) var pools: [[KeyValue]]
    /// The addresses that the host has given, by adapter.
    public private(set) var adapters: [AdapterAddresses] = []

    /// A store that tells these facts of its guest.
    public init(
        service: IntegrationComponent.Service = .keyValue, facts: [KeyValue] = KeyValueConsumer.facts(of: "guest")
    ) {
        link = IntegrationGuest(service)
        pools = KeyValuePool.all.map { $0 == .auto ? facts : [] }
    }

    /// What a guest of the simulator tells of itself, under the names and in the order that Linux has (reference §6.5).
    public static func facts(of name: String) -> [KeyValue] {
        [
            ("FullyQualifiedDomainName", name), ("IntegrationServicesVersion", "3.1"), ("NetworkAddressIPv4", ""),
            ("NetworkAddressIPv6", ""), ("OSBuildNumber", "6.12"), ("OSName", "simulated"), ("OSMajorVersion", "6"),
            ("OSMinorVersion", "12"), ("OSVersion", "6.12"), ("ProcessorArchitecture", "x86_64"),
        ].map { KeyValue(key: $0.0, text: $0.1) }
    }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        guard case .keyValue(var message) = request else { return IntegrationAnswer(request, .failure) }
        let pool = Int(message.pool.rawValue)
        guard pools.indices.contains(pool) else {
            return IntegrationAnswer(
                request, .invalidArgument,
                [link.service.broken("kvp-pool", "pool \(pool)", "pools are numbered 0 to 4")])
        }
        let status: IntegrationComponent.Status
        switch message.body {
        case .value(let value) where message.operation == .get:
            guard let found = pools[pool].first(where: { $0.key == value.key }) else {
                return IntegrationAnswer(request, .notFound)
            }
            message.body = .value(found)
            status = .success
        case .value(let value): status = set(value, pool)
        case .key(let key):
            guard let index = pools[pool].firstIndex(where: { $0.key == key.key }) else {
                return IntegrationAnswer(request, .notFound)
            }
            pools[pool].remove(at: index)
            status = .success
        case .item(let index, _):
            guard index < pools[pool].count else { return IntegrationAnswer(request, .noMoreItems) }
            message.body = .item(index: index, pools[pool][Int(index)])
            status = .success
        case .addresses(let addresses):
            let known = adapters.firstIndex { $0.adapter == addresses.adapter }
            if message.operation == .getIPInfo {
                guard let known else { return IntegrationAnswer(request, .notFound) }
                message.body = .addresses(adapters[known])
            } else if let known {
                adapters[known] = addresses
            } else {
                guard adapters.count < Self.maximumAdapters else { return IntegrationAnswer(request, .diskFull) }
                adapters.append(addresses)
            }
            status = .success
        }
        return IntegrationAnswer(.keyValue(message), status)
    }

    private mutating func set(_ value: KeyValue, _ pool: Int) -> IntegrationComponent.Status {
        guard !value.key.isEmpty else { return .invalidArgument }
        if let index = pools[pool].firstIndex(where: { $0.key == value.key }) {
            pools[pool][index] = value
        } else {
            guard pools[pool].count < Self.maximumKeys else { return .diskFull }
            pools[pool].append(value)
        }
        return .success
    }

    /// A store stays; it is the guest's.
    public mutating func ended() -> [DeviceEffect] { [] }
}
