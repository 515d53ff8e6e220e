/// The bytes of one ring at one moment: a control page and a data area, from a dump or copied from a mapping.
///
/// It is itself a memory of which only the image changes, so that what decodes it is the receiver that is shipped.
public struct RingCopy: RingMemory, Hashable, Sendable {
    /// An image cannot fail.
    public typealias Failure = Never

    /// The words of the control page, unchecked.
    public private(set) var control: RingControl
    /// The data area.
    public private(set) var data: [UInt8]

    /// An image of control words and a data area.
    /// - Throws: ``RingShapeError`` if `data` cannot be a data area.
    public init(control: RingControl, data: [UInt8]) throws(RingShapeError) {
        _ = try RingShape.checkedDataSize(data.count)
        self.control = control
        self.data = data
    }

    /// An image from the bytes of a whole ring: the control page, then the data area.
    /// - Throws: ``RingShapeError`` if they cannot be one.
    public init(bytes: [UInt8]) throws(RingShapeError) {
        guard bytes.count >= RingControl.byteCount, let control = RingControl(bytes: bytes) else {
            throw .pageCount(bytes.count / RingControl.byteCount)
        }
        try self.init(control: control, data: Array(bytes[RingControl.byteCount...]))
    }

    /// An image of a ring in any memory: the control words, then the data area, which is not of one moment where others write.
    /// - Throws: the memory's failure.
    public init<Memory: RingMemory>(copying memory: Memory) throws(Memory.Failure) {
        control = try memory.control()
        data = []
        try memory.appendBytes(from: 0, count: Int(memory.dataSize), to: &data)
    }

    /// Bytes in the data area.
    public var dataSize: UInt32 { UInt32(data.count) }

    /// The control word in the image.
    public func loadAcquiring(_ word: RingWord) -> UInt32 {
        switch word {
        case .writeIndex: control.writeIndex
        case .readIndex: control.readIndex
        case .interruptMask: control.interruptMask
        case .pendingSendSize: control.pendingSendSize
        case .featureBits: control.featureBits
        }
    }

    /// Changes a control word of the image.
    public mutating func storeReleasing(_ value: UInt32, to word: RingWord) {
        switch word {
        case .writeIndex: control.writeIndex = value
        case .readIndex: control.readIndex = value
        case .interruptMask: control.interruptMask = value
        case .pendingSendSize: control.pendingSendSize = value
        case .featureBits: control.featureBits = value
        }
    }

    /// Nothing: nobody else sees the image.
    public func fence() {}

    /// Eight bytes of the data area.
    public func loadData(at offset: UInt32) -> UInt64 {
        data[Int(offset)..<Int(offset) + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Changes eight bytes of the data area.
    public mutating func storeData(_ value: UInt64, at offset: UInt32) {
        for position in 0..<8 {
            data[Int(offset) + position] = UInt8(truncatingIfNeeded: value >> UInt64(position * 8))
        }
    }

    /// Fills `buffer` from the data area, round its end where needed.
    public func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) {
        let first = min(buffer.count, data.count - Int(offset))
        data.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<first])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset) + first]))
            UnsafeMutableRawBufferPointer(rebasing: buffer[first...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(buffer.count - first)]))
        }
    }

    /// Puts `bytes` into the data area, round its end where needed.
    public mutating func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) {
        let first = min(bytes.count, data.count - Int(offset))
        data.withUnsafeMutableBytes { target in
            UnsafeMutableRawBufferPointer(rebasing: target[Int(offset)..<Int(offset) + first])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
            UnsafeMutableRawBufferPointer(rebasing: target[..<(bytes.count - first)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first...]))
        }
    }
}
