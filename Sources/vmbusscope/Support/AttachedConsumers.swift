import Glibc
import LinuxGuest
import Platform
import VMBusDevices
import VMBusWire

/// The devices that `attach` serves, and what runs on them.
enum AttachedConsumers {
    /// One kind of device.
    struct Entry: Sendable {
        let kind: DeviceKind
        /// What is done with it, in one sentence.
        let what: String
        /// What keeps it from being served as the options stand.
        var obstacle: @Sendable (AttachedConsumerOptions) -> String? = { _ in nil }
        /// Runs it until its end.
        let run: @Sendable (inout AttachedDevice) throws -> AttachedDevice.Ending
    }

    /// A line for each.
    static let table: [Entry] = [
        Entry(
            kind: .fileCopy, what: "puts the files that the host copies below --into, each at once when it is whole",
            obstacle: directory
        ) { device in
            let options = device.options
            let sink = FileCopySink(
                root: options.into ?? "", maximumSize: UInt64(options.maximumSize), replaces: options.overwrite)
            return try device.serve(FileCopyReceiver(into: sink)) { _ in nil }
        },
        Entry(kind: .heartbeat, what: "answers the host's heartbeats") { device in
            try device.serve(HeartbeatConsumer()) { $0.sequence.map { "answered beat \($0)" } }
        },
        Entry(
            kind: .keyValueExchange,
            what: "tells the host about this machine and keeps what the host sets, in memory alone"
        ) {
            device in
            try device.serve(KeyValueConsumer(facts: facts(device.files))) { consumer in
                "\(consumer.pools.reduce(0) { $0 + $1.count }) keys, \(consumer.adapters.count) adapters with addresses"
            }
        },
        Entry(kind: .network, what: "brings the adapter up and counts frames; with --datagrams it sends some") {
            device in
            try AttachedNetwork.run(&device)
        },
    ]

    static func entry(_ kind: DeviceKind) -> Entry? { table.first { $0.kind == kind } }

    @Sendable private static func directory(_ options: AttachedConsumerOptions) -> String? {
        guard let into = options.into else { return "--into DIRECTORY says where the host's files go" }
        var status = stat()
        guard stat(into, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return "--into \(into) is no directory; make it first"
        }
        return nil
    }

    /// What Linux's daemon tells, under its names and in its order (reference §6.5).
    private static func facts(_ files: SystemFiles) -> [KeyValue] {
        let identity = GuestIdentity(files: files)
        let release = identity.kernelRelease.value ?? ""
        var system: [Substring: Substring] = [:]
        if let bytes = try? files.read("/etc/os-release", limit: 1 << 16) {
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                guard let sign = line.firstIndex(of: "=") else { continue }
                system[line[..<sign]] = Substring(line[line.index(after: sign)...].filter { $0 != "\"" })
            }
        }
        let version = release.split(separator: ".").map(String.init)
        let (name, number) = (String(system["NAME"] ?? "Linux"), String(system["VERSION_ID"] ?? ""))
        #if arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "x86_64"
        #endif
        let told: [(String, String)] = [
            ("FullyQualifiedDomainName", identity.hostName.value ?? ""), ("IntegrationServicesVersion", "3.1"),
            ("NetworkAddressIPv4", ""), ("NetworkAddressIPv6", ""), ("OSBuildNumber", release),
            ("OSName", name), ("OSMajorVersion", version.first ?? ""),
            ("OSMinorVersion", version.dropFirst().first ?? ""),
            ("OSVersion", number), ("ProcessorArchitecture", architecture),
        ]
        return told.map { KeyValue(key: $0.0, text: $0.1) }
    }
}
