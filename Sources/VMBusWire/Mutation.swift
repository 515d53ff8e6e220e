#if Mutations
    /// A planted bug that a test chooses by value: with it exactly one rule of the protocol is broken first. The release has
    /// nothing of it.
    public enum Mutation: String, CaseIterable, Sendable, Hashable {
        /// The guest asks for the offers before its contact was accepted.
        case offersRequestedBeforeContact = "offers-requested-before-contact"
        /// The guest tries its second version first.
        case versionsOutOfOrder = "versions-out-of-order"
        /// The host sends its offers before they are asked for.
        case offersBeforeRequest = "offers-before-request"
        /// The host gives one number to two channels.
        case relidGivenTwice = "relid-given-twice"
        /// The host offers a device again under a number that the guest has not released.
        case relidReusedUnreleased = "relid-reused-unreleased"
        /// The guest opens with a downstream ring beyond the page list.
        case openOutsideList = "open-outside-list"
        /// The host answers an open twice.
        case openAnsweredTwice = "open-answered-twice"
        /// The guest's driver starts before its open was answered.
        case trafficBeforeAccept = "traffic-before-accept"
        /// The guest's page list brings a page less than its range says.
        case pageListShort = "page-list-short"
        /// The host answers a teardown twice.
        case torndownTwice = "torndown-twice"
        /// The guest uses a page list's pages again before TORNDOWN.
        case reopenBeforeTorndown = "reopen-before-torndown"
        /// The guest tears the rings' page list down before it closes the channel.
        case teardownBeforeClose = "teardown-before-close"
        /// The guest releases a number twice.
        case releasedTwice = "released-twice"
        /// The host offers sub-channels of another type than their primary's.
        case subchannelOfAnotherClass = "subchannel-of-another-class"
        /// The guest closes a channel after UNLOAD.
        case messageAfterUnload = "message-after-unload"
        /// The guest moves a channel whatever the version.
        case moveOfOldVersion = "move-of-old-version"
        /// The guest releases a number while a move of the channel is not answered.
        case releaseBeforeMoveAnswer = "release-before-move-answer"
        /// The hypervisor writes a message over one that was not read.
        case messageSlotOverwritten = "message-slot-overwritten"
        /// The sender publishes a write index that is not a multiple of 8.
        case writeIndexUnaligned = "write-index-unaligned"
        /// The sender fills the ring to its last byte.
        case ringFilledUp = "ring-filled-up"
        /// The sender moves the read index.
        case readIndexBySender = "read-index-by-sender"
        /// The sender writes descriptors whose offset lies inside the descriptor.
        case descriptorOffsetShort = "descriptor-offset-short"
        /// The sender's trailers name the next packet's start.
        case trailerOfNextPacket = "trailer-of-next-packet"
        /// The sender loses a byte when a packet wraps.
        case byteLostAtWrap = "byte-lost-at-wrap"
        /// The sender never signals that there is something to read.
        case dataSignalForgotten = "data-signal-forgotten"
        /// The sender does not go on when it is told that there is space.
        case senderNotResumed = "sender-not-resumed"
        /// The receiver does not look again after it has unmasked signals.
        case noRecheckAfterUnmask = "no-recheck-after-unmask"
        /// The sender has no barrier between its write index and its look at the mask.
        case noBarrierBeforeMaskTest = "no-barrier-before-mask-test"
        /// The receiver has no barrier between its read index and its look at the pending-send size.
        case noBarrierAfterReadIndex = "no-barrier-after-read-index"
        /// The sender does not look again after it has set the pending-send size.
        case pendingSizeNotRechecked = "pending-size-not-rechecked"
        /// The receiver wakes a sender only when there is a step more than what it waits for.
        case pendingSizeOneStepLate = "pending-size-one-step-late"
        /// An interrupt before the result of the open is ignored, and the ring is not looked at when it comes.
        case interruptBeforeResultIgnored = "interrupt-before-result-ignored"
        /// The sender signals for every packet.
        case signalEveryPacket = "signal-every-packet"
        /// The sender sets the pending-send size without having announced the feature.
        case pendingWithoutFeature = "pending-without-feature"
        /// The host's device completes a request twice.
        case completionTwice = "completion-twice"
        /// The guest's driver gives two outstanding requests one id.
        case transactionIDReused = "transaction-id-reused"
        /// The guest signals with a monitor bit of another channel.
        case foreignMonitorBit = "foreign-monitor-bit"
        /// The host goes on to interrupt the old processor after a move.
        case interruptOldProcessor = "interrupt-old-processor"
        /// The guest's driver uses a send section that is not free.
        case sendSectionReused = "send-section-reused"
        /// The guest's driver returns a receive section twice.
        case receiveSectionReturnedTwice = "receive-section-returned-twice"
        /// The guest's driver states more data than its RNDIS message has.
        case rndisLengthBeyondMessage = "rndis-length-beyond-message"
        /// The guest's driver sends data before its buffers stand.
        case dataBeforeBuffers = "data-before-buffers"

        /// The id of the rule that breaks first.
        public var rule: String {
            switch self {
            case .offersRequestedBeforeContact: "contact-first"
            case .versionsOutOfOrder: "version-down"
            case .offersBeforeRequest: "offers-after-request"
            case .relidGivenTwice: "relid-unique"
            case .relidReusedUnreleased: "relid-released-before-reuse"
            case .openOutsideList: "open-preconditions"
            case .openAnsweredTwice: "open-answered-once"
            case .trafficBeforeAccept: "no-traffic-before-accept"
            case .pageListShort: "gpadl-complete"
            case .torndownTwice, .reopenBeforeTorndown: "gpadl-lifecycle"
            case .teardownBeforeClose: "close-before-teardown"
            case .releasedTwice: "rescind-released-once"
            case .subchannelOfAnotherClass: "subchannel-family"
            case .messageAfterUnload: "unload-last"
            case .moveOfOldVersion, .releaseBeforeMoveAnswer: "modify-needs-version"
            case .messageSlotOverwritten: "synic-slot"
            case .writeIndexUnaligned: "index-range"
            case .ringFilledUp: "one-byte-free"
            case .readIndexBySender: "single-writer"
            case .descriptorOffsetShort: "descriptor-sane"
            case .trailerOfNextPacket: "trailer-links"
            case .byteLostAtWrap: "bytes-preserved"
            case .dataSignalForgotten, .noRecheckAfterUnmask, .noBarrierBeforeMaskTest, .interruptBeforeResultIgnored:
                "no-lost-wakeup-data"
            case .senderNotResumed, .noBarrierAfterReadIndex, .pendingSizeNotRechecked, .pendingSizeOneStepLate:
                "no-lost-wakeup-space"
            case .signalEveryPacket: "signal-economy"
            case .pendingWithoutFeature: "pending-needs-feature"
            case .completionTwice: "completion-matches"
            case .transactionIDReused: "ids-unique"
            case .foreignMonitorBit: "monitor-owned"
            case .interruptOldProcessor: "irq-target"
            case .sendSectionReused: "send-section-exclusive"
            case .receiveSectionReturnedTwice: "recv-section-returned-once"
            case .rndisLengthBeyondMessage: "rndis-bounds"
            case .dataBeforeBuffers: "netvsc-order"
            }
        }
    }
#endif
