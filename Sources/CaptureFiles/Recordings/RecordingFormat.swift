import VMBusWire

/// The numbers of the native format; FORMAT.md says what they mean.
///
/// The code that writes and reads the blocks is ours: no library for pcapng is to be had as a Swift package, and libpcap's reader
/// neither works on mapped memory nor goes on behind damage.
public enum RecordingFormat {
    /// The specification, as it is printed.
    public static var specification: [UInt8] { PackageResources.FORMAT_md }

    /// The version of the record header that is written, and the highest that is read.
    public static let version: UInt8 = 1

    // MARK: Blocks (pcapng)

    static let sectionHeader: UInt32 = 0x0A0D_0D0A
    static let interfaceDescription: UInt32 = 1
    static let interfaceStatistics: UInt32 = 5
    static let enhancedPacket: UInt32 = 6
    static let byteOrderMagic: UInt32 = 0x1A2B_3C4D
    /// The most bytes of a block that are written or read.
    static let longestBlock = 1 << 24
    /// The most bytes of one packet that are written.
    static let longestPacket = 1 << 23
    /// Bytes of an enhanced packet block without packet and options.
    static let packetOverhead = 32
    /// Bytes before the packet in its block.
    static let packetStart = 28

    // MARK: Link types

    /// LINKTYPE_USER0: records.
    static let records: UInt16 = 147
    /// LINKTYPE_ETHERNET: frames.
    static let ethernet: UInt16 = 1
    /// LINKTYPE_VSOCK: streams of hv_sock.
    static let vsock: UInt16 = 271
    /// Bytes in front of a stream's bytes on an interface of that type, without a transport's own header.
    static let vsockHeaderLength = 32

    // MARK: Records of the file itself

    /// The kind of the record that says what the file is.
    static let manifest: UInt8 = 0xF0

    /// The most parts of one record that are packets of their own.
    static let mostParts = 4096
    /// Channels with an interface of their own; those that come later share one.
    static let ownInterfaces = 1024
    /// How many records there are from one keyframe to the next.
    public static let keyframeInterval = 65_536
}

/// A length as blocks and options are padded.
func padded(_ count: Int) -> Int { (count + 3) & ~3 }
