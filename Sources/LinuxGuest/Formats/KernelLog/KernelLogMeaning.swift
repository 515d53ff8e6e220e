public import BusModel
public import VMBusWire

/// What a line of the kernel log tells of the bus (reference §7.8, linux-guest-data §1).
///
/// A line that was printed is no proof of a Hyper-V guest: older kernels print `registering driver` on any machine.
/// `isProof` says which facts are.
public struct KernelLogMeaning: Hashable, Sendable {
    /// What it tells.
    public var fact: KernelLogFact
    /// What the fact says of it; a negative number for an errno.
    public var first: Int64 = 0
    /// What the fact says of it.
    public var second: Int64 = 0
    /// Instance of the device that the line names.
    public var instance: GUID?
    /// The device's name on the bus where the kernel is too old to use the instance: `vmbus_11`.
    public var busName: String?
    /// The network interface that the line names.
    public var interface: String?
    /// What follows for the guest as a whole, as attributes of its partition.
    public var evidence: [AttributeReading] = []
    /// The line, harmless.
    public var text: String

    /// The meaning of a line without its prefix; nil for a line that concerns neither VMBus nor Hyper-V.
    public static func of(_ text: String) -> KernelLogMeaning? {
        let bytes = Array(text.utf8.prefix(KernelLogLine.longestLine))[...]
        guard KernelLogWords.concern(bytes) else { return nil }
        var meaning = KernelLogMeaning(fact: .other, text: PrintableText.harmless(text))
        for rule in KernelLogRule.all {
            guard let values = rule.form.find(in: bytes) else { continue }
            meaning.fact = rule.fact
            meaning.take(values)
            break
        }
        meaning.findNames(bytes)
        if let build = KernelLogBuild.text(in: bytes) {
            meaning.evidence.append(AttributeReading(.hypervisorBuild, text: build))
        }
        return meaning
    }

    /// The record of the log, with time and level of the line.
    public func record(level: UInt8?, bootTime: UInt64?) -> KernelLogRecord {
        KernelLogRecord(fact, first: first, second: second, level: level ?? 255, bootTime: bootTime, text: text)
    }

    /// The version of the protocol that was agreed, as its attribute has it; nil for a line that tells of something else.
    var agreedVersion: UInt64? {
        guard fact == .versionAgreed, let major = UInt16(exactly: first), let minor = UInt16(exactly: second) else {
            return nil
        }
        return UInt64(major) << 16 | UInt64(minor)
    }

    /// Whether only a guest of Hyper-V, with a bus, prints it.
    public var isProof: Bool {
        switch fact {
        case .hypervisorDetected, .hypervisorBuild, .hypervisorFeatures, .versionAgreed: true
        default: false
        }
    }

    private mutating func take(_ values: [TraceField]) {
        for value in values {
            switch String(decoding: value.name, as: UTF8.self) {
            case "first": first = Int64(bitPattern: value.number)
            case "second": second = Int64(bitPattern: value.number)
            case "low": first |= Int64(bitPattern: value.number & 0xFFFF_FFFF)
            case "high": first |= Int64(bitPattern: value.number << 32)
            case "hints":
                second = Int64(bitPattern: value.number)
                evidence.append(AttributeReading(.hypervisorHints, value.number))
            case "misc": evidence.append(AttributeReading(.hypervisorFeatures, value.number))
            case "comes": (first, second) = (1, Int64(bitPattern: value.number))
            case "packed": (first, second) = (Int64(value.number >> 16 & 0xFFFF), Int64(value.number & 0xFFFF))
            case "goes": (first, second) = (0, Int64(bitPattern: value.number))
            default: break
            }
        }
        switch fact {
        case .hypervisorFeatures:
            evidence.append(AttributeReading(.hypervisorPrivileges, UInt64(bitPattern: first)))
        case .versionAgreed: evidence.append(AttributeReading(.loggedVersion, text: "\(first).\(second)"))
        case .isolation where values.contains { $0.name.elementsEqual("second".utf8) }:
            first &= 15
            evidence.append(AttributeReading(.isolationType, UInt64(first)))
        default: break
        }
    }

    /// Device and interface, wherever they stand; a class that is unknown is no instance.
    private mutating func findNames(_ bytes: ArraySlice<UInt8>) {
        guard fact != .unknownClass else { return }
        let words = bytes.split(maxSplits: 64) { $0.isBlank || $0 == UInt8(ascii: "/") }
        for (place, word) in words.enumerated() {
            let name = word.last == UInt8(ascii: ":") ? word.dropLast() : word
            if instance == nil, let found = GUID(String(decoding: name, as: UTF8.self)) {
                instance = found
            } else if busName == nil, name.starts(with: "vmbus_".utf8),
                name.dropFirst(6).allSatisfy({ $0.isDigit || $0 == 0x5F }),
                name.last?.isDigit == true
            {
                busName = name.harmless
            } else {
                continue
            }
            guard bytes.starts(with: "hv_netvsc".utf8), place == 1, words.count > 2,
                words[2].last == UInt8(ascii: ":"), words[2].first != UInt8(ascii: "(")
            else { continue }
            interface = words[2].dropLast().harmless
        }
    }
}

/// The words that let a line concern the bus, and the lines that have them for another reason.
enum KernelLogWords {
    private static let words = [
        "hv_", "hyper-v", "hyperv", "hypervisor detected: microsoft", "vmbus", "storvsc", "netvsc", "dxgk",
        "blocked for more than",
    ].map { Array($0.utf8) }
    /// Other hypervisors' lines hold it as well.
    private static let general = Array("hypervisor".utf8)
    private static let foreign = ["systemd[", "workqueue: ", "Hardware name:", "DMI:", "Workqueue:", "APIC: "]

    /// How lines of the drivers begin, where nothing before them tells that the kernel wrote them.
    private static let beginnings = ["hv_", "hyperv_", "hid_hyperv", "Hyper-V", "HyperV", "vmbus ", "uio_hv_generic "]

    /// Whether a line without prefix begins as the kernel's do.
    static func beginsAsKernel(_ line: String) -> Bool { beginnings.contains { line.hasPrefix($0) } }

    static func concern(_ line: ArraySlice<UInt8>) -> Bool {
        guard hasWord(line) else { return false }
        return !foreign.contains { line.starts(with: $0.utf8) } && !isStackFrame(line)
    }

    private static func hasWord(_ line: ArraySlice<UInt8>) -> Bool {
        for place in line.indices {
            let letter = line[place] | 0x20
            for word in words where word.first == letter && begins(line[place...], word) {
                if word.count > general.count || !begins(line[place...], general) { return true }
            }
        }
        return false
    }

    /// Whether a text begins with a word, in capital letters or not.
    private static func begins(_ text: ArraySlice<UInt8>, _ word: [UInt8]) -> Bool {
        let candidate = text.prefix(word.count)
        return candidate.count == word.count
            && zip(candidate, word).allSatisfy { $0 == $1 || $0.isLetter && $0 | 0x20 == $1 }
    }

    /// `vmbus_isr+0x34/0x80 [hv_vmbus]`: what a kernel was doing, not what it says.
    private static func isStackFrame(_ line: ArraySlice<UInt8>) -> Bool {
        guard let plus = line.firstRange(of: "+0x".utf8) else { return false }
        var scanner = TextScanner(line[(plus.lowerBound + 1)...])
        return scanner.hexadecimal() != nil && scanner.take(UInt8(ascii: "/")) && scanner.hexadecimal() != nil
    }
}

/// The build of host or hypervisor in the four spellings of the kernels, as the newest writes it.
enum KernelLogBuild {
    private static let new = TextForm("Build {build:w}")
    private static let old = TextForm("Host Build:{a:d}-{b:d}.{c:d}-{d:d}-{e:d}.{f:d}")

    /// `10.0.26100.7462-7-0`; nil where the line tells none.
    static func text(in line: ArraySlice<UInt8>) -> String? {
        if let parts = old.find(in: line)?.map(\.number), parts.count == 6 {
            return "\(parts[1]).\(parts[2]).\(parts[0]).\(parts[5])-\(parts[3])-\(parts[4])"
        }
        guard line.contains("Host Build ") || line.contains("Hypervisor Build "),
            let word = new.find(in: line)?.first?.text
        else { return nil }
        return String(decoding: word, as: UTF8.self)
    }
}
