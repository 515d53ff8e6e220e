import Configuration
public import VMBusDevices

/// How a display is made, at both ends.
public struct VideoConfiguration: Sendable, Hashable {
    /// The host's end: versions, the size of the frame buffer, and sizes of pictures.
    public var host = VideoProvider.Configuration()
    /// The guest's end: what it draws.
    public var guest = VideoConsumer.Configuration()

    /// Reads what a scenario says of it.
    init(_ table: ConfigurationTable) throws(ConfigurationError) {
        host.megabytes = UInt16(try table.integerIfPresent("mmio_mib", in: 1...256) ?? 8)
        if let text = try table.stringIfPresent("resolution") {
            guard let resolution = VideoResolution(text), resolution.byteCount <= host.byteCount else {
                throw table.unacceptable(
                    "resolution", value: text,
                    expected: "dots and rows such as 800x600, 8192 each and \(host.megabytes) MiB in all at most")
            }
            host.resolutions.removeAll { $0 == resolution }
            host.resolutions.insert(resolution, at: 0)
        }
        guest.squares = UInt32(try table.integerIfPresent("squares", in: 0...1_000_000) ?? 0)
        guest.interval = max(1000, try table.durationIfPresent("draw_interval") ?? guest.interval)
    }
}
