import Synchronization

/// Which file a thread reads just now, so that another one can say which read does not come back.
final class ReadingPlace: Sendable {
    private struct Place {
        var relid: UInt32?
        var name = ""
    }

    private let place = Mutex(Place())

    /// Reading begins in the device's own directory, or in that of a channel.
    func set(_ name: String, relid: UInt32? = nil) {
        place.withLock { $0 = Place(relid: relid, name: name) }
    }

    /// The path below the device's directory.
    var path: String {
        place.withLock { place in
            (place.relid.map { "channels/\($0)/" } ?? "") + place.name
        }
    }
}

/// What reading needs besides the files: one thread has one.
struct ReadingTools {
    /// The most bytes that the text of a single value has.
    static let textLimit = 256

    /// Takes the text of a file, and tells a longer one from a full one.
    var buffer = [UInt8](repeating: 0, count: textLimit + 1)
    /// Where the thread is.
    let place: ReadingPlace

    init(place: ReadingPlace = ReadingPlace()) { self.place = place }

    /// The number in the first bytes of the buffer if they are digits and a line feed, as the kernel prints counters; nil for any
    /// other form, which is looked at more closely.
    func plainNumber(_ count: Int) -> UInt64? {
        guard count >= 2, count <= 20, buffer[count - 1] == UInt8(ascii: "\n") else { return nil }
        var value: UInt64 = 0
        for index in 0..<count - 1 {
            let digit = buffer[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }
}
