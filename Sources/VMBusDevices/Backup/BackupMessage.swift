public import VMBusWire

/// A step of a backup (reference §6.6).
public struct BackupOperation: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt8
    /// Any number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// A set of snapshots begins.
    public static let create = BackupOperation(rawValue: 0)
    /// It is given up.
    public static let delete = BackupOperation(rawValue: 1)
    /// Whether the guest can be backed up while it runs.
    public static let hotBackup = BackupOperation(rawValue: 2)
    /// Which disks the guest has of its own.
    public static let getDeviceInfo = BackupOperation(rawValue: 3)
    /// It is done.
    public static let backupComplete = BackupOperation(rawValue: 4)
    /// Nothing more is written to file systems.
    public static let freeze = BackupOperation(rawValue: 5)
    /// Writing goes on.
    public static let thaw = BackupOperation(rawValue: 6)
    /// The snapshot is made whole.
    public static let autoRecover = BackupOperation(rawValue: 7)
    /// Whether the guest is part of a cluster.
    public static let queryClusterInfo = BackupOperation(rawValue: 8)

    /// All of them, in order of their numbers.
    static let all = (0...8).map { BackupOperation(rawValue: $0) }

    /// The step of that word.
    public init?(word: String) {
        guard let operation = Self.all.first(where: { $0.word == word }) else { return nil }
        self = operation
    }

    public var meaning: String? {
        switch rawValue {
        case 0: "CREATE"
        case 1: "DELETE"
        case 2: "HOT_BACKUP"
        case 3: "GET_DM_INFO"
        case 4: "BACKUP_COMPLETE"
        case 5: "FREEZE"
        case 6: "THAW"
        case 7: "AUTO_RECOVER"
        case 8: "QUERY_CLUSTER_INFO"
        default: nil
        }
    }

    /// The word for it in commands and scenarios.
    public var word: String {
        (meaning ?? "operation \(rawValue)").lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
    }
}

/// One step of a backup, with what belongs to it (reference §6.6).
public struct BackupMessage: WireStructure {
    public static let structureName: StaticString = "VSS"

    /// The most disks that a freeze may name.
    public static let maximumDisks = 260
    /// Bytes of one disk's record.
    private static let diskSize = 24

    /// The step.
    public var operation = BackupOperation.create
    /// CREATE, DELETE: which set of snapshots.
    public var set = GUID.zero
    /// CREATE, FREEZE: a kind of backup.
    public var kind: UInt32 = 0
    /// HOT_BACKUP, GET_DM_INFO, FREEZE, THAW: bits; in the answer to HOT_BACKUP 5 says that no recovery is needed.
    public var flags: UInt32 = 0
    /// FREEZE: how many disks are named.
    public var diskCount: UInt32 = 0
    /// FREEZE, AUTO_RECOVER: which disks.
    public var disks: [UInt8] = []
    /// Carries nothing.
    public var rest: [UInt8] = []

    public init() {}

    /// A step, in the size that hosts send.
    public init(_ operation: BackupOperation, set: GUID = .zero) {
        self.operation = operation
        self.set = set
        switch operation {
        case .freeze: disks = [UInt8](repeating: 0, count: Self.maximumDisks * Self.diskSize)
        // Two lists of 260 disks, 12500 bytes in all, would fit neither a ring nor what Linux takes (reference §6.6).
        case .autoRecover: disks = [UInt8](repeating: 0, count: 12)
        case .create, .delete, .hotBackup, .getDeviceInfo, .thaw: break
        // Guests read four bytes behind the header whatever the step is.
        default: rest = [0, 0, 0, 0]
        }
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("operation", &operation, "the step")
        try visitor.reserved(7)
        try visitor.require(
            operation.meaning != nil, "operation", UInt64(operation.rawValue), "one of the steps 0 to 8")
        try visitor.choice("CREATE, DELETE", when: operation == .create || operation == .delete) {
            visitor throws(WireError) in
            try visitor.field("set_id", &set, "which set of snapshots")
        }
        try visitor.choice("CREATE, FREEZE", when: operation == .create || operation == .freeze) {
            visitor throws(WireError) in
            try visitor.field("backup_type", &kind, "which kind of backup")
        }
        try visitor.choice(
            "with flags",
            when: [.hotBackup, .getDeviceInfo, .freeze, .thaw].contains(operation)
        ) { visitor throws(WireError) in
            try visitor.field(
                "flags", &flags, .hexadecimal, "bits of the step; 5 answers HOT_BACKUP: no recovery is needed")
        }
        try visitor.choice("FREEZE", when: operation == .freeze) { visitor throws(WireError) in
            try visitor.field("lun_count", &diskCount, "how many disks are named")
            try visitor.require(
                diskCount <= Self.maximumDisks, "lun_count", UInt64(diskCount), "at most 260 disks")
            try visitor.bytes(
                "luns", &disks, count: Self.maximumDisks * Self.diskSize, "260 records of 24 bytes, one for each disk")
        }
        try visitor.choice("AUTO_RECOVER", when: operation == .autoRecover) { visitor throws(WireError) in
            try visitor.bytes("luns", &disks, count: nil, "two lists of disks")
        }
        try visitor.bytes("unused", &rest, count: nil, "room of a longer form of this message")
    }
}
