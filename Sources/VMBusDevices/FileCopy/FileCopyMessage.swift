public import VMBusWire

/// A step of a file copy (reference §6.7).
public struct FileCopyOperation: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// A file comes.
    public static let start = FileCopyOperation(rawValue: 0)
    /// A part of it.
    public static let write = FileCopyOperation(rawValue: 1)
    /// That was all.
    public static let complete = FileCopyOperation(rawValue: 2)
    /// It does not come after all.
    public static let cancel = FileCopyOperation(rawValue: 3)
    public var meaning: String? {
        switch rawValue {
        case 0: "START"
        case 1: "WRITE"
        case 2: "COMPLETE"
        case 3: "CANCEL"
        default: nil
        }
    }
}

/// What a guest may do to make room for a file (reference §6.7).
public struct FileCopyFlags: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt32
    /// Any bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// A file of that name is replaced.
    public static let overwrite = FileCopyFlags(rawValue: 1)
    /// Directories that are missing are made.
    public static let createPath = FileCopyFlags(rawValue: 2)
    public var meaning: String? { BitNames.text(rawValue, ["overwrite", "create path"]) }
}

/// One step of a file copy, with what belongs to it (reference §6.7).
public struct FileCopyMessage: WireStructure {
    public static let structureName: StaticString = "FCOPY"
    /// The most bytes of a file in one step.
    public static let chunkSize = 6144
    /// Bytes of a name and of a path, terminators included.
    static let textSize = 520

    /// What follows the ids.
    public enum Body: Sendable, Hashable {
        /// START.
        case start(Start)
        /// WRITE.
        case write(Chunk)
        /// COMPLETE, CANCEL.
        case nothing
    }

    /// START: which file.
    public struct Start: WireStructure {
        public static let structureName: StaticString = "FCOPY_START"
        private var nameBytes: [UInt8] = []
        private var pathBytes: [UInt8] = []
        /// What may be done to make room.
        public var flags: FileCopyFlags = []
        /// Bytes of the file.
        public var size: UInt64 = 0

        public init() {}

        /// A file; name and path of at most 259 UTF-16 units, what is longer is cut.
        public init(name: String, path: String, flags: FileCopyFlags, size: UInt64) {
            nameBytes = UTF16Text.terminated(name, limit: FileCopyMessage.textSize)
            pathBytes = UTF16Text.terminated(path, limit: FileCopyMessage.textSize)
            self.flags = flags
            self.size = size
        }

        /// The file's name, without a path.
        public var name: String { UTF16Text.text(nameBytes) }
        /// The directory.
        public var path: String { UTF16Text.text(pathBytes) }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.bytes(
                "file_name", &nameBytes, count: FileCopyMessage.textSize, "the file's name in UTF-16",
                meaning: { UTF16Text.text($0) })
            try visitor.bytes(
                "path_name", &pathBytes, count: FileCopyMessage.textSize, "its directory in UTF-16",
                meaning: { UTF16Text.text($0) })
            try visitor.field("copy_flags", &flags, .hexadecimal, "1 overwrite, 2 create path")
            try visitor.field("file_size", &size, "bytes of the file")
        }
    }

    /// WRITE: a part of the file.
    public struct Chunk: WireStructure {
        public static let structureName: StaticString = "FCOPY_WRITE"
        /// Where it lies in the file.
        public var offset: UInt64 = 0
        private var size: UInt32 = 0
        private var room: [UInt8] = []

        public init() {}

        /// A part of at most 6144 bytes; what is longer is cut.
        public init(offset: UInt64, _ data: ArraySlice<UInt8>) {
            self.offset = offset
            room = Array(data.prefix(FileCopyMessage.chunkSize))
            size = UInt32(room.count)
        }

        /// The part.
        public var data: [UInt8] { Array(room.prefix(Int(size))) }
        /// Bytes of the part.
        public var count: Int { Int(size) }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.reserved(4)
            try visitor.field("offset", &offset, "where the part lies in the file, in bytes")
            try visitor.field("size", &size, "bytes of the part")
            try visitor.require(size <= FileCopyMessage.chunkSize, "size", UInt64(size), "at most 6144 bytes")
            try visitor.bytes("data", &room, count: FileCopyMessage.chunkSize, "the part; what is behind it is nothing")
        }
    }

    /// The step.
    public var operation = FileCopyOperation.start
    /// Which service; hosts say nothing.
    public var firstID = GUID.zero
    /// Which service; hosts say nothing.
    public var secondID = GUID.zero
    /// What belongs to the step.
    public var body = Body.nothing

    public init() {}

    /// A step.
    public init(_ operation: FileCopyOperation, _ body: Body = .nothing) {
        self.operation = operation
        self.body = body
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("operation", &operation, "the step")
        try visitor.require(
            operation.meaning != nil, "operation", UInt64(operation.rawValue), "one of the steps 0 to 3")
        try visitor.field("service_id0", &firstID, "which service; 0")
        try visitor.field("service_id1", &secondID, "which service; 0")
        try visitor.choice("START", when: operation == .start) { visitor throws(WireError) in
            var start = Start()
            if case .start(let current) = body { start = current }
            try visitor.structure("start", &start, "which file")
            body = .start(start)
        }
        try visitor.choice("WRITE", when: operation == .write) { visitor throws(WireError) in
            var chunk = Chunk()
            if case .write(let current) = body { chunk = current }
            try visitor.structure("write", &chunk, "a part of the file")
            body = .write(chunk)
        }
    }
}

/// A step of a file that comes into a guest.
public enum FileCopyStep: Sendable, Hashable {
    /// A file comes.
    case begin(FileCopyMessage.Start)
    /// A part of it; parts come in order and without gaps.
    case data(offset: UInt64, [UInt8])
    /// It is whole.
    case complete
    /// It does not come after all: what is there of it is to be removed.
    case cancel
}
