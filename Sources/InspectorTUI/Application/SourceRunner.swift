public import BusModel
public import Platform

/// Who lets a source go on.
public enum SourceRunner {
    /// The inspector itself: for sources that never wait, such as the simulator.
    case stepped(any BusSource)
    /// Somebody else, on a thread of their own: for sources that must wait, such as a live guest.
    case posted(PostedSource)
}

/// A source that runs on a thread of its own and leaves what happens in a mailbox.
public struct PostedSource {
    /// What has come.
    public enum Report: Sendable {
        case batch(FlowBatch)
        /// The bytes of a channel's rings, which were asked for; nil where they cannot be had.
        case rings(ChannelKey, inbound: RingImage?, outbound: RingImage?)
        /// Something that people should hear at once, while the source goes on.
        case said(String)
        /// The source could not go on; nothing comes after this.
        case failed(SourceError)
    }

    /// What the source can do.
    public let capabilities: Capabilities
    /// The source in one line.
    public let title: String
    let start: () throws(SystemError) -> Inbox

    /// Where reports arrive.
    public struct Inbox {
        let fileDescriptor: Int32
        let takeAll: () -> [Report]
        let changeInterval: ((_ isFaster: Bool) -> String)?
        let showRings: ((ChannelKey?) -> Void)?
        let watch: ((_ visible: [ChannelKey], _ chosen: ChannelKey?) -> Void)?
        let trace: ((_ isWanted: Bool) -> Void)?

        /// A mailbox.
        ///
        /// - Parameters:
        ///   - fileDescriptor: readable whenever there are reports.
        ///   - changeInterval: looks twice as often, or half as often, and says how often that is; nil where it is fixed.
        ///   - showRings: asks for the rings of a channel, again and again until it is called with nil; nil where no ring
        ///     can be had.
        ///   - watch: says which channels are on the screen and which of them is chosen, whenever that changes; nil where all
        ///     channels are told of alike.
        ///   - trace: asks for the guest's tracepoints, or for their end; nil where there are none.
        ///   - takeAll: empties the mailbox.
        public init(
            fileDescriptor: Int32, changeInterval: ((_ isFaster: Bool) -> String)? = nil,
            showRings: ((ChannelKey?) -> Void)? = nil,
            watch: ((_ visible: [ChannelKey], _ chosen: ChannelKey?) -> Void)? = nil,
            trace: ((_ isWanted: Bool) -> Void)? = nil, takeAll: @escaping () -> [Report]
        ) {
            self.fileDescriptor = fileDescriptor
            self.takeAll = takeAll
            self.changeInterval = changeInterval
            self.showRings = showRings
            self.watch = watch
            self.trace = trace
        }
    }

    /// A source that is started by `start`, which comes after signals were taken from all threads and before the first
    /// frame is waited for.
    public init(
        capabilities: Capabilities, title: String, start: @escaping () throws(SystemError) -> Inbox
    ) {
        self.capabilities = capabilities
        self.title = title
        self.start = start
    }
}
