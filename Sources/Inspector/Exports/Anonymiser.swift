public import BusModel
import VMBusDevices
import VMBusWire

/// Replaces what could tell whose machine a log is from: addresses, identifiers, names and contents; sizes, times, order and
/// kinds stay. What is equal stays equal. Bytes that no declaration names become zeros, so that nothing is forgotten.
public struct Anonymiser: Sendable {
    /// How often something was replaced.
    public struct Report: Sendable, Hashable {
        /// GUIDs of instances and connections.
        public var identifiers: UInt64 = 0
        /// Ethernet addresses.
        public var hardwareAddresses: UInt64 = 0
        /// Addresses of IPv4 and IPv6.
        public var internetAddresses: UInt64 = 0
        /// Transaction ids, which can be addresses of the kernel.
        public var transactions: UInt64 = 0
        /// Numbers and addresses of guest pages.
        public var pages: UInt64 = 0
        /// Names of partitions, interfaces and disks, and other texts.
        public var texts: UInt64 = 0
        /// Checksums of frames, which are 0 now.
        public var checksums: UInt64 = 0
        /// Bytes of contents, which are 0 now.
        public var contentBytes: UInt64 = 0
    }

    private let key: SecretKey
    private var sieve = FlowSieve()
    /// What was replaced so far.
    public private(set) var report = Report()

    /// - Parameter key: the same one gives the same replacements in other files.
    public init(key: SecretKey) { self.key = key }

    /// The records as others may see them. Batches come in the order of the log.
    public mutating func replace(_ batch: FlowBatch) -> FlowBatch {
        var result = FlowBatch()
        for header in batch.headers {
            let payload = batch.payload(of: header)
            // Without a filter every record fits.
            guard let entry = sieve.next(header, payload) else { continue }
            var bytes = replaced(entry, payload)
            var header = header
            header.device = identifier(header.device)
            let split = bytes.count - min(bytes.count, Int(header.attachmentLength))
            let attachment = Array(bytes[split...])
            bytes.removeLast(attachment.count)
            result.append(header, bytes, attachment: attachment)
        }
        return result
    }

    private mutating func replaced(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>) -> [UInt8] {
        switch entry.header.kind {
        case .message, .packet:
            var bytes = Array(payload)
            for leaf in RecordDissector.tree(entry, payload).leaves { replace(leaf, in: &bytes) }
            return bytes
        case .signal, .interrupt, .register, .gap: return Array(payload)
        case .state, .sample: return attributes(payload)
        case .keyframe: return keyframe(entry.header, payload)
        case .trace: return trace(payload)
        case .kernelLog:
            guard var record = try? KernelLogRecord.decode(payload) else { return cleared(payload) }
            record.text = removed()
            return record.encoded()
        case .note, .fault: return payload.isEmpty ? [] : removed()
        default: return cleared(payload)
        }
    }

    private mutating func removed() -> [UInt8] {
        report.texts += 1
        return Array("text removed".utf8)
    }

    private mutating func cleared(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        report.contentBytes += UInt64(payload.count)
        return [UInt8](repeating: 0, count: payload.count)
    }

    // MARK: Fields

    private static let pages: Set<String> = [
        "pfn", "interrupt_page", "monitor_page_parent_to_child", "monitor_page_child_to_parent",
        "parent_to_child_monitor_page", "child_to_parent_monitor_page",
    ]
    private static let addresses: Set<String> = [
        "source", "destination", "sender", "target", "ciaddr", "yiaddr", "siaddr", "giaddr",
    ]

    private mutating func replace(_ leaf: FieldNode, in bytes: inout [UInt8]) {
        let range = leaf.offset..<leaf.offset + leaf.size
        guard leaf.size > 0, range.lowerBound >= 0, range.upperBound <= bytes.count else { return }
        switch (leaf.value, leaf.size) {
        case (.guid(let guid), 16): bytes.replaceSubrange(range, with: identifier(guid).bytes)
        case (.bytes, 6): bytes.replaceSubrange(range, with: hardwareAddress(bytes[range]))
        case (.bytes, 16) where Self.addresses.contains(leaf.name):
            bytes.replaceSubrange(range, with: address6(bytes[range]))
        case (_, 4) where Self.addresses.contains(leaf.name):
            bytes.replaceSubrange(range, with: address4(bytes[range]))
        case (.bytes, _), (.text, _): bytes.replaceSubrange(range, with: cleared(bytes[range]))
        case (_, 8) where leaf.name == "transaction_id":
            report.transactions += 1
            bytes.replaceSubrange(range, with: number("transaction", bytes[range], mask: .max))
        case (_, 8) where Self.pages.contains(leaf.name):
            report.pages += 1
            bytes.replaceSubrange(
                range, with: number("page", bytes[range], mask: leaf.name == "pfn" ? 0xFF_FFFF : 0xF_FFFF_F000))
        case (_, 2) where leaf.name == "checksum":
            report.checksums += 1
            bytes.replaceSubrange(range, with: [0, 0])
        default: break
        }
    }

    /// Eight other bytes; zero stays zero.
    private func number(_ sort: String, _ bytes: ArraySlice<UInt8>, mask: UInt64) -> [UInt8] {
        guard bytes.contains(where: { $0 != 0 }) else { return Array(bytes) }
        let value = key.hash(sort.utf8 + bytes) & mask
        return (0..<UInt64(8)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// Classes and the instances that are the same on all machines stay.
    private mutating func identifier(_ guid: GUID) -> GUID {
        guard guid != .zero, DeviceClass.of(guid).kind == .unknown, DeviceClass.instanceName(guid) == nil else {
            return guid
        }
        report.identifiers += 1
        return GUID(low: key.hash("guid".utf8 + guid.bytes), high: key.hash("uuid".utf8 + guid.bytes))
    }

    /// A locally administered address; what is for many stays so.
    private mutating func hardwareAddress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard bytes.contains(where: { $0 != 0xFF }), bytes.contains(where: { $0 != 0 }), let first = bytes.first else {
            return Array(bytes)
        }
        report.hardwareAddresses += 1
        let value = key.hash("ethernet".utf8 + bytes)
        let rest = (0..<UInt64(5)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        return [first & 1 == 1 ? first : 2] + rest
    }

    private mutating func address4(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard let first = bytes.first, first != 0, first != 127, first < 224 else { return Array(bytes) }
        report.internetAddresses += 1
        let value = key.hash("ipv4".utf8 + bytes)
        return [10] + (0..<UInt64(3)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private mutating func address6(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard let first = bytes.first, first != 0xFF, bytes.contains(where: { $0 != 0 }) else { return Array(bytes) }
        report.internetAddresses += 1
        let value = key.hash("ipv6".utf8 + bytes)
        return [0xFD] + [UInt8](repeating: 0, count: 7)
            + (0..<UInt64(8)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    // MARK: Texts

    /// Another word for a word; a GUID becomes another GUID, and names that kernels give stay.
    private mutating func word(_ word: String) -> String {
        if word.isEmpty { return word }
        if let guid = GUID(word) { return identifier(guid).description }
        let letters = word.prefix { $0.isASCII && $0.isLetter }
        let rest = word.dropFirst(letters.count)
        if letters == "eth" || letters == "host", rest.allSatisfy({ $0.isASCII && $0.isNumber }) { return word }
        if rest.isEmpty, letters.count == 3, letters.hasPrefix("sd") || letters.hasPrefix("sr") { return word }
        report.texts += 1
        let digits = String(key.hash("name".utf8 + Array(word.utf8)), radix: 16)
        return "name-" + digits.prefix(8)
    }

    private mutating func attributes(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        guard var list = try? AttributeList.decode(payload) else { return cleared(payload) }
        for index in list.readings.indices {
            let reading = list.readings[index]
            switch (reading.form, reading.attribute) {
            case (.guid, _): list.readings[index].guid = identifier(reading.guid)
            case (.text, .kernelRelease), (.text, .driver), (.text, .pageList): break
            case (.text, _):
                let words = reading.string.split(separator: " ", omittingEmptySubsequences: false)
                var replaced: [String] = []
                for text in words { replaced.append(word(String(text))) }
                list.readings[index] = AttributeReading(reading.attribute, text: replaced.joined(separator: " "))
            default: break
            }
        }
        return list.encoded()
    }

    /// The records inside it one by one, and a keyframe of what they tell.
    private mutating func keyframe(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> [UInt8] {
        guard let records = BusSnapshot.records(ofKeyframe: header, payload) else { return cleared(payload) }
        var snapshot = BusSnapshot()
        for inner in records.headers {
            var other = inner
            other.device = identifier(inner.device)
            var batch = FlowBatch()
            batch.append(other, attributes(records.payload(of: inner)))
            snapshot.apply(batch)
        }
        return snapshot.keyframe
    }

    private mutating func trace(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        guard var record = try? TraceRecord.decode(payload) else { return cleared(payload) }
        if !record.command.isEmpty {
            record.command = Array(word(String(decoding: record.command, as: UTF8.self)).utf8)
        }
        for index in record.fields.indices {
            let field = record.fields[index]
            switch field.form {
            case .guid: record.fields[index].guid = identifier(field.guid)
            case .text: record.fields[index].text = Array(word(String(decoding: field.text, as: UTF8.self)).utf8)
            default: break
            }
        }
        return record.encoded()
    }
}

private func + (left: String.UTF8View, right: some Sequence<UInt8>) -> [UInt8] { Array(left) + Array(right) }
