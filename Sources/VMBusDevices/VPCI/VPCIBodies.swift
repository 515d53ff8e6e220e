public import VMBusWire

extension VPCI {
    /// A function as guests are told of it.
    public struct Function: WireStructure {
        public static let structureName: StaticString = "PCI_FUNCTION"
        /// Who made it.
        public var vendor: UInt16 = 0
        /// Which of its maker's devices it is.
        public var device: UInt16 = 0
        /// Its revision.
        public var revision: UInt8 = 0
        /// Its programming interface.
        public var interface: UInt8 = 0
        /// Its subclass.
        public var subclass: UInt8 = 0
        /// Its class.
        public var baseClass: UInt8 = 0
        /// Vendor and number of the subsystem.
        public var subsystem: UInt32 = 0
        /// Where it is.
        public var slot = Slot(rawValue: 0)
        /// Its serial number.
        public var serial: UInt32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("v_id", &vendor, .hexadecimal, "who made it")
            try visitor.field("d_id", &device, .hexadecimal, "which of its maker's devices it is")
            try visitor.field("rev", &revision, .hexadecimal, "its revision")
            try visitor.field("prog_intf", &interface, .hexadecimal, "its programming interface")
            try visitor.field("subclass", &subclass, .hexadecimal, "its subclass")
            try visitor.field("base_class", &baseClass, .hexadecimal, "its class")
            try visitor.field("subsystem_id", &subsystem, .hexadecimal, "vendor and number of the subsystem")
            try visitor.field("win_slot", &slot, .hexadecimal, "bits 4:0 device, 7:5 function")
            try visitor.field("ser", &serial, "its serial number")
        }

        /// In words.
        var text: String {
            "\(Hexadecimal.digits(UInt64(vendor), count: 4)):\(Hexadecimal.digits(UInt64(device), count: 4)) at \(slot.meaning ?? "")"
        }
    }

    /// A function as guests are told of it from 1.3 on.
    public struct Function2: WireStructure {
        public static let structureName: StaticString = "PCI_FUNCTION2"
        /// What was told before.
        public var function = Function()
        /// What else is said.
        public var flags: FunctionFlags = []
        /// The NUMA node that it is near.
        public var node: UInt16 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("function", &function, "what was told before 1.3")
            try visitor.field("flags", &flags, .hexadecimal, "bit 0: the NUMA node counts")
            try visitor.field("virtual_numa_node", &node, "the NUMA node that it is near")
            try visitor.reserved(2)
        }
    }

    /// What a function's base address registers answer when all ones were written.
    public struct Bars: WireStructure {
        public static let structureName: StaticString = "PCI_BARS"
        /// Six registers.
        public var values: [UInt32] = []
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            values += repeatElement(0, count: max(0, 6 - values.count))
            try visitor.field("probed_bar0", &values[0], .hexadecimal, "size and kind of the first range; 0 for none")
            try visitor.field("probed_bar1", &values[1], .hexadecimal, "the second, or the first one's high half")
            try visitor.field("probed_bar2", &values[2], .hexadecimal, "the third")
            try visitor.field("probed_bar3", &values[3], .hexadecimal, "the fourth, or the third one's high half")
            try visitor.field("probed_bar4", &values[4], .hexadecimal, "the fifth")
            try visitor.field("probed_bar5", &values[5], .hexadecimal, "the sixth, or the fifth one's high half")
        }
    }

    /// A processor in a list.
    public struct Processor: WireStructure {
        public static let structureName: StaticString = "PCI_PROCESSOR"
        /// Its number.
        public var number: UInt16 = 0
        public init() {}
        /// This processor.
        public init(_ number: UInt16) { self.number = number }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("number", &number, "a virtual processor")
        }
    }

    /// An interrupt message as the host gives it: what the function writes, and where, to interrupt the guest.
    public struct Translated: WireStructure {
        public static let structureName: StaticString = "PCI_INTERRUPT_MESSAGE"
        /// Vectors side by side.
        public var vectorCount: UInt16 = 0
        /// What is written.
        public var data: UInt32 = 0
        /// Where.
        public var address: UInt64 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.reserved(2)
            try visitor.field("vector_count", &vectorCount, "vectors side by side")
            try visitor.field("data", &data, .hexadecimal, "what the function writes")
            try visitor.field("address", &address, .hexadecimal, "where it writes it")
        }
    }

    /// An interrupt message as a guest asks for it. Which fields there are depends on the message.
    public struct Interrupt: Sendable, Hashable {
        /// The first vector; 8 bits below 1.4.
        public var vector: UInt32 = 0
        /// How it is delivered; 0 for fixed.
        public var deliveryMode: UInt8 = 0
        /// Vectors side by side.
        public var vectorCount: UInt16 = 1
        /// Processors that may take it, a bit each: below 1.2.
        public var mask: UInt64 = 0
        /// How many processors are listed: from 1.2 on.
        public var processorCount: UInt16 = 0
        /// The processors.
        public var processors: [Processor] = []

        /// None.
        public init() {}

        /// One for some processors, in whatever form.
        public init(vector: UInt32, processors: [UInt16]) {
            self.vector = vector
            for processor in processors where processor < 64 { mask |= 1 << UInt64(processor) }
            self.processors = processors.prefix(VPCI.maximumProcessors).map { Processor($0) }
            processorCount = UInt16(self.processors.count)
        }
    }
}
