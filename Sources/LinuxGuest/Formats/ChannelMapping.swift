/// The contents of `channel_vp_mapping`: which processor takes the interrupts of which channel, the primary first.
public struct ChannelMapping: Hashable, Sendable {
    /// One line, `relid:cpu`.
    public struct Entry: Hashable, Sendable {
        /// The channel's relid.
        public let relid: UInt32
        /// The number of the target processor.
        public let cpu: UInt32

        /// One channel and its processor.
        public init(relid: UInt32, cpu: UInt32) {
            self.relid = relid
            self.cpu = cpu
        }
    }

    /// The lines in the kernel's order.
    public let entries: [Entry]
    /// Whether channels may be missing at the end: kernels cut the text at one page, possible from about 500 channels on one
    /// device.
    public let isCut: Bool

    private static let smallestPage = 4096

    /// Takes the file's bytes apart.
    ///
    /// - Throws: `empty` for no bytes, `malformed` for a line that is not `relid:cpu`, unless it is where the text was cut.
    public init(parsing bytes: [UInt8]) throws(FormatError) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"))
        let isBroken = bytes.last != UInt8(ascii: "\n") && bytes.count >= Self.smallestPage - 1
        // The broken line may look whole and yet have lost the last digits of its processor.
        if isBroken { lines.removeLast() }
        isCut = isBroken || !bytes.isEmpty && (bytes.count + 1).isMultiple(of: Self.smallestPage)
        var entries: [Entry] = []
        for line in lines {
            let parts = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw AttributeText.malformed("relid:cpu", line) }
            entries.append(
                Entry(
                    relid: try AttributeText.unsigned(Array(parts[0])), cpu: try AttributeText.unsigned(Array(parts[1]))
                ))
        }
        guard !entries.isEmpty else { throw .empty }
        self.entries = entries
    }
}
