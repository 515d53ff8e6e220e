/// What is asked of a data exchange from outside the bus.
public enum KeyValueCommand: Sendable, Hashable {
    /// The value of a key.
    case get(KeyValuePool, key: String)
    /// Gives a key a value.
    case set(KeyValuePool, KeyValue)
    /// Removes a key.
    case delete(KeyValuePool, key: String)
    /// All keys of a pool, one after another.
    case enumerate(KeyValuePool)
    /// The addresses of an adapter.
    case getAddresses(adapter: String)
    /// Gives an adapter addresses.
    case setAddresses(AdapterAddresses)

    static let forms = [
        "get POOL KEY", "set POOL KEY [u32:|u64:]VALUE", "delete POOL KEY", "enumerate POOL", "get-ip ADAPTER",
        "set-ip ADAPTER [dhcp] [addresses=…] [subnets=…] [gateways=…] [dns=…]",
        "where POOL is external, guest, auto, auto-external or auto-internal",
    ]

    init(_ words: [String]) throws(DeviceCommandError) {
        guard let command = Self.read(words) else {
            throw DeviceCommandError(words, for: "data exchange", known: Self.forms)
        }
        self = command
    }

    private static func read(_ words: [String]) -> KeyValueCommand? {
        guard words.count >= 2 else { return nil }
        switch words[0] {
        case "get-ip": return words.count == 2 ? .getAddresses(adapter: words[1]) : nil
        case "set-ip": return addresses(words[1], words.dropFirst(2)).map { .setAddresses($0) }
        default: break
        }
        guard let pool = KeyValuePool(word: words[1]) else { return nil }
        switch (words[0], words.count) {
        case ("get", 3): return .get(pool, key: words[2])
        case ("set", 4...): return value(words[2], words[3...].joined(separator: " ")).map { .set(pool, $0) }
        case ("delete", 3): return .delete(pool, key: words[2])
        case ("enumerate", 2): return .enumerate(pool)
        default: return nil
        }
    }

    private static func value(_ key: String, _ text: String) -> KeyValue? {
        for (prefix, type) in [("u32:", KeyValueType.number32), ("u64:", .number64Linux)] where text.hasPrefix(prefix) {
            guard let number = UInt64(text.dropFirst(4)), type == .number64Linux || number <= UInt32.max else {
                return nil
            }
            return KeyValue(key: key, number: number, type: type)
        }
        return KeyValue(key: key, text: text)
    }

    private static func addresses(_ adapter: String, _ words: ArraySlice<String>) -> AdapterAddresses? {
        var usesDHCP = false
        var texts = ["addresses": "", "subnets": "", "gateways": "", "dns": ""]
        for word in words {
            if word == "dhcp" {
                usesDHCP = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, texts[parts[0]] != nil else { return nil }
            texts[parts[0]] = parts[1]
        }
        let all = texts["addresses"] ?? ""
        var family: AddressFamily = all.contains(":") ? .v6 : .v4
        if all.contains(":"), all.contains(".") { family = [.v4, .v6] }
        return AdapterAddresses(
            adapter: adapter, family: family, usesDHCP: usesDHCP, addresses: all, subnets: texts["subnets"] ?? "",
            gateways: texts["gateways"] ?? "", nameServers: texts["dns"] ?? "")
    }
}
