public import VMBusWire

extension VPCI {
    /// A message of a vPCI channel, or the answer to one (reference §6.13).
    ///
    /// An answer does not say what it answers: the context's subject is the type of the question, and 0 for what is no answer.
    public struct Message: WireStructure {
        public static let structureName: StaticString = "VPCI"

        /// What it is for; of an answer, what it answers.
        public var type = MessageType(rawValue: 0)
        /// In answers: how it went.
        public var status = Status.success
        /// Which function it is about.
        public var slot = Slot(rawValue: 0)
        /// QUERY_PROTOCOL_VERSION: the version that the guest proposes.
        public var version = Version(rawValue: 0)
        /// BUS_RELATIONS, BUS_RELATIONS2: how many functions there are.
        public var functionCount: UInt32 = 0
        /// BUS_RELATIONS: the functions.
        public var functions: [Function] = []
        /// BUS_RELATIONS2: the functions.
        public var functions2: [Function2] = []
        /// POWER_STATE_CHANGE and its answer: whether there is power.
        public var power = PowerState.d0
        /// The answer to QUERY_RESOURCE_REQUIREMENTS.
        public var bars = Bars()
        /// BUS_D0ENTRY: where the window is.
        public var window: UInt64 = 0
        /// READ_BLOCK, WRITE_BLOCK: which block.
        public var blockID: UInt32 = 0
        /// READ_BLOCK, WRITE_BLOCK: how many bytes of it.
        public var byteCount: UInt32 = 0
        /// WRITE_BLOCK, and the answer to READ_BLOCK: the bytes.
        public var block: [UInt8] = []
        /// INVALIDATE_BLOCK: which blocks, a bit each.
        public var blockMask: UInt64 = 0
        /// RESOURCES_ASSIGNED: interrupt messages that the guest will want.
        public var interruptCount: UInt32 = 0
        /// CREATE_INTERRUPT: what the guest wants.
        public var interrupt = Interrupt()
        /// DELETE_INTERRUPT, and the answer to CREATE_INTERRUPT.
        public var translated = Translated()
        /// What other messages carry.
        public var rest: [UInt8] = []

        public init() {}

        /// A message about a function.
        public init(_ type: MessageType, _ slot: Slot = Slot(rawValue: 0)) {
            self.type = type
            self.slot = slot
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            let subject = visitor.context.subject
            try visitor.choice("answers", when: subject != 0) { visitor throws(WireError) in
                type = MessageType(rawValue: subject)
                try visitor.field("status", &status, .hexadecimal, "how it went; 0 for well")
                try visitAnswer(&visitor)
            }
            try visitor.choice("messages", when: subject == 0) { visitor throws(WireError) in
                try visitor.field("type", &type, .hexadecimal, "which message it is")
                try visitBus(&visitor)
                try visitFunction(&visitor)
                try visitInterrupt(&visitor)
            }
        }

        private mutating func visitAnswer<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            // Who says no says nothing else.
            let isWhole = status == .success
            try visitor.choice(
                "QUERY_RESOURCE_REQUIREMENTS", when: isWhole && type == .queryResourceRequirements
            ) { visitor throws(WireError) in
                try visitor.structure("requirements", &bars, "what address space the function wants")
            }
            try visitor.choice("CREATE_INTERRUPT", when: isWhole && type.creates) { visitor throws(WireError) in
                try visitor.reserved(4)
                try visitor.structure("int_desc", &translated, "the interrupt message")
            }
            let isOther = !isWhole || !(type == .queryResourceRequirements || type.creates)
            try visitor.choice("any other answer", when: isOther) { visitor throws(WireError) in
                try visitor.bytes("data", &block, count: nil, "what was read, or nothing")
            }
        }

        private mutating func visitBus<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.choice("BUS_RELATIONS", when: type == .busRelations) { visitor throws(WireError) in
                try visitor.field("device_count", &functionCount, "how many functions there are")
                try visitor.repeated("func", &functions, count: Int(functionCount), "a function")
            }
            try visitor.choice("BUS_RELATIONS2", when: type == .busRelations2) { visitor throws(WireError) in
                try visitor.field("device_count", &functionCount, "how many functions there are")
                try visitor.repeated("func", &functions2, count: Int(functionCount), "a function")
            }
            try visitor.choice("BUS_D0ENTRY", when: type == .busD0Entry) { visitor throws(WireError) in
                try visitor.reserved(4)
                try visitor.field("mmio_base", &window, .hexadecimal, "where the window of 8192 bytes is")
            }
            try visitor.choice("QUERY_PROTOCOL_VERSION", when: type == .queryProtocolVersion) {
                visitor throws(WireError) in
                try visitor.field("protocol_version", &version, .hexadecimal, "the version that the guest proposes")
            }
            let isKnown = type.meaning != nil && type.rawValue != MessageType.base + 0x1D
            try visitor.choice("any other message", when: !isKnown) { visitor throws(WireError) in
                try visitor.bytes("rest", &rest, count: nil, "is not known")
            }
        }

        private mutating func visitFunction<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            let isBlock = type == .readBlock || type == .writeBlock
            try visitor.choice("READ_BLOCK, WRITE_BLOCK", when: isBlock) { visitor throws(WireError) in
                try visitor.field("block_id", &blockID, "which block")
                try visitor.field("wslot", &slot, .hexadecimal, "bits 4:0 device, 7:5 function")
                try visitor.field("byte_count", &byteCount, "how many bytes of it")
                try visitor.require(
                    byteCount <= VPCI.maximumBlock, "byte_count", UInt64(byteCount), "at most 128 bytes")
                try visitor.choice("WRITE_BLOCK", when: type == .writeBlock) { visitor throws(WireError) in
                    try visitor.bytes("bytes", &block, count: Int(byteCount), "the bytes")
                }
            }
            try visitor.choice("messages about a function", when: hasSlot) { visitor throws(WireError) in
                try visitor.field("wslot", &slot, .hexadecimal, "bits 4:0 device, 7:5 function")
            }
            try visitor.choice("POWER_STATE_CHANGE", when: type == .powerStateChange) { visitor throws(WireError) in
                try visitor.field("power_state", &power, "1 for D0, 4 for D3")
            }
            try visitor.choice("EJECTION_COMPLETE", when: type == .ejectionComplete) { visitor throws(WireError) in
                try visitor.field("status", &status, .hexadecimal, "how it went; 0 for well")
            }
            try visitor.choice("INVALIDATE_BLOCK", when: type == .invalidateBlock) { visitor throws(WireError) in
                try visitor.field("block_mask", &blockMask, .hexadecimal, "which blocks, a bit each")
            }
            try visitor.choice("RESOURCES_ASSIGNED", when: type.assigns) { visitor throws(WireError) in
                try visitor.reserved(120, "memory_ranges")
                try visitor.field("msi_descriptors", &interruptCount, "interrupt messages that the guest will want")
                try visitor.choice("as before 1.2", when: type == .resourcesAssigned) { visitor throws(WireError) in
                    try visitor.reserved(16)
                }
                try visitor.choice("from 1.2 on", when: type != .resourcesAssigned) { visitor throws(WireError) in
                    try visitor.reserved(70)
                }
            }
        }

        private mutating func visitInterrupt<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.choice("CREATE_INTERRUPT, CREATE_INTERRUPT2", when: type.creates && type != .createInterrupt3) {
                visitor throws(WireError) in
                var short = UInt8(truncatingIfNeeded: interrupt.vector)
                try visitor.field("vector", &short, "the first vector")
                interrupt.vector = UInt32(short)
                try visitor.field("delivery_mode", &interrupt.deliveryMode, "how it is delivered; 0 for fixed")
            }
            try visitor.choice("CREATE_INTERRUPT3", when: type == .createInterrupt3) { visitor throws(WireError) in
                try visitor.field("vector", &interrupt.vector, "the first vector")
                try visitor.field("delivery_mode", &interrupt.deliveryMode, "how it is delivered; 0 for fixed")
                try visitor.reserved(1)
            }
            try visitor.choice("CREATE_INTERRUPT of any form", when: type.creates) { visitor throws(WireError) in
                try visitor.field("vector_count", &interrupt.vectorCount, "vectors side by side")
            }
            try visitor.choice("CREATE_INTERRUPT", when: type == .createInterrupt) { visitor throws(WireError) in
                try visitor.reserved(4)
                try visitor.field("cpu_mask", &interrupt.mask, .hexadecimal, "processors that may take it, a bit each")
            }
            try visitor.choice("from 1.2 on", when: type.creates && type != .createInterrupt) {
                visitor throws(WireError) in
                try visitor.field("processor_count", &interrupt.processorCount, "how many processors are listed")
                try visitor.require(
                    interrupt.processorCount <= VPCI.maximumProcessors, "processor_count",
                    UInt64(interrupt.processorCount), "at most 32")
                let missing = max(0, VPCI.maximumProcessors - interrupt.processors.count)
                interrupt.processors += repeatElement(Processor(), count: missing)
                try visitor.repeated(
                    "processor_array", &interrupt.processors, count: VPCI.maximumProcessors,
                    "processors that may take it")
            }
            try visitor.choice("DELETE_INTERRUPT", when: type.deletes) { visitor throws(WireError) in
                try visitor.structure("int_desc", &translated, "the interrupt message")
            }
        }

        /// Whether a message begins with the function that it is about.
        private var hasSlot: Bool {
            switch type {
            case .busRelations, .queryBusRelations, .busRelations2, .busD0Entry, .busD0Exit, .readBlock, .writeBlock,
                .queryProtocolVersion:
                false
            default:
                type.meaning != nil && type.rawValue != MessageType.base + 3
                    && type.rawValue != MessageType.base + 0x1D
            }
        }

        /// The functions of either form.
        var allFunctions: [Function] { type == .busRelations2 ? functions2.map(\.function) : functions }
    }
}
