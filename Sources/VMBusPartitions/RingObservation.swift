public import BusModel
public import VMBusRing
public import VMBusWire

/// What whoever holds the guest's memory can tell of its rings without taking part in them.
extension PhysicalMemory {
    /// The control words and the fill of a ring; nothing where its pages are not there, no fill where the words are damaged.
    public func readings(of pages: RingPages, _ direction: Direction) -> [AttributeReading] {
        let ring = PagedRingMemory(guest: self, pages: pages)
        guard let control = try? ring.control() else { return [] }
        let isInbound = direction == .hostToGuest
        var readings = [
            AttributeReading(isInbound ? .inMask : .outMask, UInt64(control.interruptMask)),
            AttributeReading(isInbound ? .inWriteIndex : .outWriteIndex, UInt64(control.writeIndex)),
            AttributeReading(isInbound ? .inReadIndex : .outReadIndex, UInt64(control.readIndex)),
        ]
        if let bytes = try? control.usedBytes(dataSize: pages.dataSize) {
            readings.append(AttributeReading(isInbound ? .inUsed : .outUsed, UInt64(bytes)))
        }
        return readings
    }

    /// The bytes of a ring as they are now; nil where a page is not there.
    public func ringImage(of pages: RingPages) -> RingImage? {
        guard let bytes = read(pages.pageFrameNumbers, offset: 0, count: pages.pageFrameNumbers.count * 4096) else {
            return nil
        }
        return RingImage(controlPage: Array(bytes.prefix(4096)), data: Array(bytes.dropFirst(4096)))
    }
}
