import VMBusWire

/// What a guest shows: its frame buffer as it was at one moment.
public struct VideoPicture: Sendable, Hashable {
    /// Dots in a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Red, green and blue of each dot, row by row from above.
    public let bytes: [UInt8]

    /// Takes rows of dots as a frame buffer has them: blue, green and red, the fourth byte left out; or five, six and five bits.
    ///
    /// - Parameters:
    ///   - depth: bits of a dot: 16, 24 or 32.
    ///   - rows: gives the bytes of a row by its number, at least as many as the row has; nil where they cannot be read.
    init?(width: Int, height: Int, depth: Int, rows: (Int) -> [UInt8]?) {
        self.width = width
        self.height = height
        let size = depth / 8
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * height * 3)
        for number in 0..<height {
            guard let row = rows(number), row.count >= width * size else { return nil }
            var place = 0
            while place < width * size {
                if size == 2 {
                    let dot = UInt16(row[place]) | UInt16(row[place + 1]) << 8
                    bytes.append(UInt8(truncatingIfNeeded: (dot >> 11) << 3))
                    bytes.append(UInt8(truncatingIfNeeded: (dot >> 5) << 2))
                    bytes.append(UInt8(truncatingIfNeeded: dot << 3))
                } else {
                    bytes.append(row[place + 2])
                    bytes.append(row[place + 1])
                    bytes.append(row[place])
                }
                place += size
            }
        }
        self.bytes = bytes
    }
}

/// Why there is no picture of a guest.
public struct VideoPictureError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is missing.
    public let description: String
}

extension GPARange {
    /// Bytes of guest memory that lie side by side; nil where they end behind the last address or are too many for one range.
    init?(address: UInt64, count: Int) {
        let (offset, limit) = (Int(address % 4096), Self.maximumPages * 4096)
        guard count > 0, count <= limit - offset, address <= UInt64.max - UInt64(count) else { return nil }
        let first = address / 4096
        let pages = UInt64((offset + count + 4095) / 4096)
        self.init(byteCount: UInt32(count), byteOffset: UInt32(offset), pages: Array(first..<first + pages))
    }
}
