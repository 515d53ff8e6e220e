public import VMBusWire

/// INITIAL_DEVICE_INFO: what a pointing device is, and how its reports are to be read (reference §6.9).
public struct PointerDescription: WireStructure {
    public static let structureName: StaticString = "HID_DEVICE_INFO"
    /// Bytes of the fixed part.
    static let fixedSize: UInt32 = 32

    /// Bytes of the device's numbers: 32.
    public var size: UInt32 = 0
    /// Who makes it.
    public var vendor: UInt16 = 0
    /// Which of their devices.
    public var product: UInt16 = 0
    /// Which version of it.
    public var version: UInt16 = 0
    /// The USB descriptor of a human interface device.
    public var descriptor = HIDDescriptor()
    /// The USB report descriptor.
    public var reportDescriptor: [UInt8] = []

    public init() {}

    /// A device with these reports.
    public init(reportDescriptor: [UInt8]) {
        size = Self.fixedSize
        vendor = 0x045E
        product = 0x0621
        version = 1
        self.reportDescriptor = reportDescriptor
        descriptor = HIDDescriptor(reportLength: UInt16(truncatingIfNeeded: reportDescriptor.count))
    }

    /// Five buttons, an absolute place from 0 to 32767 in both directions, and a wheel: seven bytes a report.
    public static let absolutePointer = PointerDescription(reportDescriptor: [
        0x05, 0x01, 0x09, 0x02, 0xA1, 0x01,  // generic desktop, mouse, application
        0x09, 0x01, 0xA1, 0x00,  // pointer, physical
        0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01,  // buttons 1 to 5, up or down
        0x95, 0x05, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x03, 0x81, 0x01,  // a bit each, three spare bits
        0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xFF, 0x7F,  // X and Y, 0 to 32767
        0x75, 0x10, 0x95, 0x02, 0x81, 0x02,  // two bytes each, absolute
        0x09, 0x38, 0x16, 0x01, 0x80, 0x26, 0xFF, 0x7F, 0x95, 0x01, 0x81, 0x06,  // wheel, relative
        0xC0, 0xC0,
    ])

    /// Whether its reports can be read at all: the lengths fit, and the USB descriptors are what they should be.
    var problem: String? {
        if size < Self.fixedSize { return "device info of \(size) bytes" }
        if descriptor.length != 9 || descriptor.type != 0x21 { return "descriptor type \(descriptor.type)" }
        if descriptor.reportType != 0x22 { return "report descriptor type \(descriptor.reportType)" }
        return reportDescriptor.isEmpty ? "no report descriptor" : nil
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("device_info_size", &size, "bytes from here to the descriptor: 32")
        try visitor.field("vendor", &vendor, .hexadecimal, "0x45e, Microsoft")
        try visitor.field("product", &product, .hexadecimal, "0x621")
        try visitor.field("product_version", &version, .hexadecimal, "which version of the product")
        try visitor.reserved(22)
        try visitor.structure("hid_descriptor", &descriptor, "the USB descriptor of a human interface device")
        try visitor.bytes(
            "report_descriptor", &reportDescriptor, count: Int(descriptor.reportLength),
            "the USB report descriptor: how reports are to be read")
    }
}

/// The USB descriptor of a human interface device with one report descriptor (USB HID 1.11, §6.2.1).
public struct HIDDescriptor: WireStructure {
    public static let structureName: StaticString = "HID_DESCRIPTOR"
    /// Bytes of this descriptor: 9.
    public var length: UInt8 = 0
    /// 0x21.
    public var type: UInt8 = 0
    /// The version of the standard in decimal digits.
    public var standard: UInt16 = 0
    /// 0 where the device is of no country.
    public var country: UInt8 = 0
    /// How many descriptors follow: 1.
    public var count: UInt8 = 0
    /// 0x22, a report descriptor.
    public var reportType: UInt8 = 0
    /// Bytes of the report descriptor.
    public var reportLength: UInt16 = 0

    public init() {}

    /// In front of a report descriptor.
    init(reportLength: UInt16) {
        (length, type, standard, count, reportType) = (9, 0x21, 0x0101, 1, 0x22)
        self.reportLength = reportLength
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("bLength", &length, "bytes of this descriptor: 9")
        try visitor.field("bDescriptorType", &type, .hexadecimal, "0x21, a human interface device")
        try visitor.field("bcdHID", &standard, .hexadecimal, "version of the standard in decimal digits")
        try visitor.field("bCountryCode", &country, "0 where the device is of no country")
        try visitor.field("bNumDescriptors", &count, "descriptors that follow")
        try visitor.field("bReportDescriptorType", &reportType, .hexadecimal, "0x22, a report descriptor")
        try visitor.field("wReportDescriptorLength", &reportLength, "bytes of the report descriptor")
    }
}

/// INPUT_REPORT: where the pointer is, and which buttons are down (reference §6.9).
public struct PointerReport: WireStructure, CustomStringConvertible {
    public static let structureName: StaticString = "POINTER_REPORT"
    /// The greatest X and Y, at the right and lower edge.
    public static let greatest: UInt16 = 32767
    /// The buttons that are down.
    public var buttons: MouseButtons = []
    /// From the left edge, 0 to 32767.
    public var x: UInt16 = 0
    /// From the upper edge, 0 to 32767.
    public var y: UInt16 = 0
    /// Steps of the wheel since the last report; up is positive.
    public var wheel: Int16 = 0
    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("buttons", &buttons, .hexadecimal, "buttons that are down: 1 left, 2 right, 4 middle")
        try visitor.field("x", &x, "from the left edge, 0 to 32767")
        try visitor.field("y", &y, "from the upper edge, 0 to 32767")
        try visitor.field("wheel", &wheel, "steps of the wheel since the last report; up is positive")
    }

    /// "at 3, 4, left down".
    public var description: String {
        "at \(x), \(y)" + (buttons.isEmpty ? "" : ", \(buttons.meaning ?? "") down")
            + (wheel == 0 ? "" : ", wheel \(wheel)")
    }
}
