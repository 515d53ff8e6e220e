/// How much is exported of a guest.
public struct MetricsOptions: Sendable, Hashable {
    /// How channels are shown.
    public enum Channels: String, Sendable, Hashable, CaseIterable {
        /// Each with series of its own.
        case all
        /// Those of a device as one, with sums and maxima.
        case aggregate
    }

    /// How channels are shown.
    public var channels: Channels
    /// The most channels that get series of their own; the others are counted.
    public var maximumChannels: Int

    /// Series for every channel up to a limit, which keeps a monitoring system from being flooded by a guest with thousands.
    public init(channels: Channels = .all, maximumChannels: Int = 512) {
        self.channels = channels
        self.maximumChannels = maximumChannels
    }
}

/// What an exporter knows of itself: the part of a report that is not in the guest.
public struct ExporterFacts: Sendable, Hashable {
    /// The program's version.
    public var version: String
    /// The Swift version that compiled it.
    public var swift: String
    /// How long the look took, in seconds.
    public var duration: Double

    /// What an exporter knows of itself.
    public init(version: String, swift: String, duration: Double) {
        self.version = version
        self.swift = swift
        self.duration = duration
    }
}
