import BusModel

/// Rings with packets in them, made by hand.
enum SampleRing {
    /// A ring that holds packets with so many payload bytes each, from the read index on.
    static func image(size: Int, read: Int, packets: [Int], pending: UInt32 = 0, masked: Bool = false) -> RingImage {
        var data = [UInt8](repeating: 0, count: size)
        var place = read
        func put(_ value: UInt64, bytes: Int) {
            for index in 0..<bytes {
                data[(place + index) % size] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
            }
            place += bytes
        }
        for (number, payload) in packets.enumerated() {
            let units = (16 + payload + 7) / 8
            let start = place
            put(6, bytes: 2)
            put(2, bytes: 2)
            put(UInt64(units), bytes: 2)
            put(1, bytes: 2)
            put(UInt64(0x100 + number), bytes: 8)
            place = start + units * 8 + 8
        }
        var control = [UInt8](repeating: 0, count: 4096)
        for (offset, value) in [
            (0, UInt32(place % size)), (4, UInt32(read)), (8, masked ? 1 : 0), (12, pending), (0x40, 1),
        ] {
            for index in 0..<4 { control[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8)) }
        }
        return RingImage(controlPage: control, data: data)
    }
}
