public import VMBusWire

extension IntegrationComponent {
    /// Which versions the host offers, or the guest chose (reference §6.3).
    public struct Negotiate: WireStructure {
        public static let structureName: StaticString = "NEGOTIATE"
        /// Of the framework; one in an answer.
        public var frameworks: [Version] = []
        /// Of the service's messages; one in an answer.
        public var messages: [Version] = []
        public init() {}
        /// An offer, or a choice.
        public init(frameworks: [Version], messages: [Version]) {
            self.frameworks = frameworks
            self.messages = messages
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            var frameworkCount = UInt16(truncatingIfNeeded: frameworks.count)
            var messageCount = UInt16(truncatingIfNeeded: messages.count)
            try visitor.field("icframe_vercnt", &frameworkCount, "how many framework versions follow")
            try visitor.require(
                frameworkCount <= 100, "icframe_vercnt", UInt64(frameworkCount), "at most 100 versions")
            try visitor.field("icmsg_vercnt", &messageCount, "how many message versions follow")
            try visitor.require(messageCount <= 100, "icmsg_vercnt", UInt64(messageCount), "at most 100 versions")
            try visitor.reserved(4)
            try visitor.repeated("icframe_version", &frameworks, count: Int(frameworkCount), "a framework version")
            try visitor.repeated("icmsg_version", &messages, count: Int(messageCount), "a message version")
        }
    }

    /// A packet's payload: pipe header, header and message (reference §6.3).
    public struct Message: WireStructure {
        public static let structureName: StaticString = "IC"

        /// Bytes of both headers.
        public static let headerSize = 28

        /// What follows the headers.
        public enum Body: Sendable, Hashable {
            case negotiate(Negotiate)
            case heartbeat(HeartbeatMessage)
            case shutdown(ShutdownMessage)
            case timeSample(TimeSample)
            case timeReference(TimeReference)
            case keyValue(KeyValueMessage)
            case backup(BackupMessage)
            case fileCopy(FileCopyMessage)
            case other([UInt8])

            /// The type of the messages that carry it; nil for bytes of a service that is not known.
            public var type: MessageType? {
                switch self {
                case .negotiate: .negotiate
                case .heartbeat: .heartbeat
                case .shutdown: .shutdown
                case .timeSample, .timeReference: .timeSync
                case .keyValue: .keyValue
                case .backup: .backup
                case .fileCopy: .fileCopy
                case .other: nil
                }
            }
        }

        /// In front of everything; its length counts what is behind it.
        public var pipe = PipeHeader()
        /// Of the framework; 1.0 while it is negotiated.
        public var framework = Version()
        /// Which service it belongs to.
        public var type = MessageType.negotiate
        /// Of the service's messages.
        public var version = Version()
        /// Bytes of the message behind both headers.
        public var size: UInt16 = 0
        /// How a request ended.
        public var status = Status.success
        /// Chosen by the host; the answer repeats it.
        public var transactionID: UInt8 = 0
        /// Request or response.
        public var flags: Flags = []
        /// The message.
        public var body = Body.other([])
        /// What a sender left behind the message.
        public var leftOver: [UInt8] = []

        public init() {}

        /// A request of the host.
        public init(framework: Version, version: Version, transactionID: UInt8, body: Body) {
            type = body.type ?? type
            self.framework = framework
            self.version = version
            self.transactionID = transactionID
            self.body = body
            flags = [.transaction, .request]
            var encoder = WireEncoder(context: .newest(sender: .hostToGuest))
            // A declaration throws only through `require` and through reading, and an encoder does neither.
            try? visitBody(&encoder)
            size = UInt16(truncatingIfNeeded: encoder.bytes.count)
            pipe = PipeHeader(length: Self.headerSize - PipeHeader.byteCount + encoder.bytes.count)
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("pipe", &pipe, "in front of everything on this channel")
            try visitor.require(pipe.type == 1, "pipe_type", UInt64(pipe.type), "1, data")
            let least = Self.headerSize - PipeHeader.byteCount
            try visitor.require(
                Int(pipe.length) >= least, "pipe_len", UInt64(pipe.length), "at least 20, the header of a message")
            try visitor.region("data", at: 8, length: Int(pipe.length), "what the pipe header counts") {
                visitor throws(WireError) in
                try visitor.structure("framework_version", &framework, "version of the framework")
                try visitor.field("icmsgtype", &type, "which service the message belongs to")
                try visitor.structure("message_version", &version, "version of the service's messages")
                try visitor.field("icmsgsize", &size, "bytes of the message behind this header")
                try visitor.field("status", &status, .hexadecimal, "how a request ended")
                try visitor.field("ictransaction_id", &transactionID, "chosen by the host; the answer repeats it")
                try visitor.field("icflags", &flags, .hexadecimal, "1 transaction, 2 request, 4 response")
                try visitor.reserved(2)
                // Answers to a negotiation give a size that does not count the versions left over (appendix A.14),
                // so it is the pipe's length that ends the message.
                try visitBody(&visitor)
                try visitor.bytes(
                    "left_over", &leftOver, count: nil,
                    "bytes behind the message; an answer repeats those of its request")
            }
        }

        private mutating func visitBody<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.choice("type 0, negotiate", when: type == .negotiate) { visitor throws(WireError) in
                var negotiate = Negotiate()
                if case .negotiate(let current) = body { negotiate = current }
                try visitor.structure("negotiate", &negotiate, "versions that are offered or chosen")
                body = .negotiate(negotiate)
            }
            try visitor.choice("type 1, heartbeat", when: type == .heartbeat) { visitor throws(WireError) in
                var heartbeat = HeartbeatMessage()
                if case .heartbeat(let current) = body { heartbeat = current }
                try visitor.structure("heartbeat", &heartbeat, "one beat")
                body = .heartbeat(heartbeat)
            }
            try visitor.choice("type 2, data exchange", when: type == .keyValue) { visitor throws(WireError) in
                var keyValue = KeyValueMessage()
                if case .keyValue(let current) = body { keyValue = current }
                try visitor.structure("kvp", &keyValue, "one question about keys, values or addresses")
                body = .keyValue(keyValue)
            }
            try visitor.choice("type 3, shutdown", when: type == .shutdown) { visitor throws(WireError) in
                var shutdown = ShutdownMessage()
                if case .shutdown(let current) = body { shutdown = current }
                try visitor.structure("shutdown", &shutdown, "how the guest is to end")
                body = .shutdown(shutdown)
            }
            try visitTime(&visitor)
            try visitor.choice("type 5, backup", when: type == .backup) { visitor throws(WireError) in
                var backup = BackupMessage()
                if case .backup(let current) = body { backup = current }
                try visitor.structure("vss", &backup, "one step of a backup")
                body = .backup(backup)
            }
            try visitor.choice("type 7, file copy", when: type == .fileCopy) { visitor throws(WireError) in
                var fileCopy = FileCopyMessage()
                if case .fileCopy(let current) = body { fileCopy = current }
                try visitor.structure("fcopy", &fileCopy, "one step of a file copy")
                body = .fileCopy(fileCopy)
            }
            try visitor.choice("any other type", when: !type.isKnown) { visitor throws(WireError) in
                var bytes: [UInt8] = []
                if case .other(let current) = body { bytes = current }
                try visitor.bytes("message", &bytes, count: nil, "the service's message")
                body = .other(bytes)
            }
        }

        /// From 4.0 on a sample names the moment at which it was taken by the guest's own counter (reference §6.4).
        private mutating func visitTime<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            let hasReference = version >= Version(4, 0)
            try visitor.choice("type 4, time, below 4.0", when: type == .timeSync && !hasReference) {
                visitor throws(WireError) in
                var sample = TimeSample()
                if case .timeSample(let current) = body { sample = current }
                try visitor.structure("timesync", &sample, "what time the host has")
                body = .timeSample(sample)
            }
            try visitor.choice("type 4, time, from 4.0 on", when: type == .timeSync && hasReference) {
                visitor throws(WireError) in
                var reference = TimeReference()
                if case .timeReference(let current) = body { reference = current }
                try visitor.structure("timesync", &reference, "what time the host has")
                body = .timeReference(reference)
            }
        }
    }
}
