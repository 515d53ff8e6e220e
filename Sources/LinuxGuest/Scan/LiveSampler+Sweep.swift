public import Platform

extension LiveSampler {
    /// One directory that a look reads.
    public struct SweptDirectory: Hashable, Sendable {
        /// Where it is, as the guest sees it.
        public let path: String
        /// The files that are read in it.
        public let files: [String]
        /// Whether the files are kept open.
        public let isKept: Bool
    }

    /// A sampler that reads on the calling thread and looks at devices as a whole as seldom as where uevents are heard.
    public init(files: any FileLayer) {
        self.init(
            files: files, crew: nil, hasUevents: true, clock: MonotonicClock.now, processorTime: ProcessorClock.thread)
    }

    /// Looks at what changes in some channels, named by their places among all, as if they were on the screen.
    ///
    /// - Parameter isOnScreen: Whether the channel with this place is; all others are left to their turn.
    public mutating func sweep(_ isOnScreen: (Int) -> Bool = { _ in true }) -> GuestScan {
        var wishes = LookWishes()
        wishes.watched = allChannels.enumerated().filter { isOnScreen($0.offset) }.map(\.element)
        return scan(wishes).scan
    }

    /// What such a look reads below `channels/`, and of the devices themselves.
    public var swept: [SweptDirectory] { sweptDirectories }
}
