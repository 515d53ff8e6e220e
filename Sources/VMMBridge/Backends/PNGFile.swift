import Platform
import VMBusDevices

/// A picture as a file that everything can show: eight bits each for red, green and blue, not interlaced (PNG, ISO 15948).
enum PNGFile {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// The bytes of the file.
    static func bytes(_ picture: VideoPicture) throws(SystemError) -> [UInt8] {
        let row = picture.width * 3
        var rows: [UInt8] = []
        rows.reserveCapacity(picture.height * (row + 1))
        for number in 0..<picture.height {
            // A byte in front of each row says that it is as it is.
            rows.append(0)
            rows += picture.bytes[number * row..<(number + 1) * row]
        }
        let header = word(picture.width) + word(picture.height) + [8, 2, 0, 0, 0]
        return try signature + chunk("IHDR", header) + chunk("IDAT", Compressor.zlib(rows)) + chunk("IEND", [])
    }

    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        var checksum = StreamChecksum()
        checksum.add(type.utf8)
        checksum.add(data)
        return word(data.count) + Array(type.utf8) + data + word(Int(checksum.value))
    }

    private static func word(_ value: Int) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
