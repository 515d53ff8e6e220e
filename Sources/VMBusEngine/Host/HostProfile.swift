public import VMBusWire

/// What hosts do differently from each other within the protocol (reference §10, §8.7, §9): a value, so that a guest can be
/// tried against each of them.
public struct HostProfile: Sendable, Hashable {
    /// How the connection ids are made that signal the host.
    public enum ConnectionIDs: Sendable, Hashable {
        /// OpenVMM's: relid, source and trust level packed into one number (reference §1.6).
        case packed
        /// Counted from a base. The number means nothing to a guest, and some hosts' numbers are like this.
        case counted(from: UInt32)
    }

    /// What hosts of other makers write into bytes 40 to 55 of an offer (reference §10).
    public struct OfferDetail: Sendable, Hashable {
        /// In 100 ns.
        public var interruptLatency: UInt64
        /// The interface's revision.
        public var revision: UInt32
        /// Bytes that the server keeps per channel.
        public var serverContextSize: UInt32
    }

    /// The profile's name.
    public var name: String
    /// The newest version that the host accepts.
    public var maximumVersion: ProtocolVersion
    /// What a failed open, page list or move is answered with.
    public var failureStatus: MessageStatus
    /// Whether a refused socket is answered with TL_CONNECT_RESULT, from 4.1 on.
    public var answersRefusedSockets = true
    /// Whether MODIFY_CHANNEL for a channel that is not open is answered with a failure, from 5.3 on. Otherwise it is ignored.
    public var answersMoveOfClosedChannel = true
    /// Whether a failed contact is told as such from 2.4 on. Otherwise it looks like a refused version.
    public var reportsConnectionState = true
    /// Whether a second contact without UNLOAD begins a new connection. Hosts before 3.0 refuse it (reference §9 number 35).
    public var allowsSecondContact = true
    /// Whether UNLOAD is answered, from 1.1 on.
    public var answersUnload = true
    /// Pages that one guest may share through page lists; nil for no limit (reference §3.9).
    public var maximumSharedPages: Int?
    /// Whether it wakes a sender as soon as what that one waits for just fits, and not only when there is more (reference §4.8).
    /// The engine has no rings; whoever gives the host its rings reads it. Of Windows only the outcome is known, to which both
    /// rules come.
    public var wakesWhenItJustFits = false
    /// Whether a host that takes up a saved connection offers its devices before the guest has asked for them.
    public var offersWhenRestored = false
    /// Whether a network adapter ends at a frame whose RNDIS header goes on in another page. The engine has no devices; whoever
    /// gives the host its devices reads it.
    public var stopsAtSplitHeaders = false
    /// How connection ids are made.
    public var connectionIDs = ConnectionIDs.packed
    /// What stands in bytes 40 to 55 of an offer; nil for zeros.
    public var offerDetail: OfferDetail?

    /// OpenVMM's server.
    public static let openvmm: HostProfile = {
        var profile = HostProfile(name: "openvmm", maximumVersion: .copper, failureStatus: .unexpected)
        profile.wakesWhenItJustFits = true
        return profile
    }()

    /// A Hyper-V host of 2022: 5.3, 1280 MB of shared pages, silence about what it does not act on (reference §3.9, §11).
    public static let windowsHost: HostProfile = {
        var profile = HostProfile(
            name: "windows-host", maximumVersion: .iron, failureStatus: .unsuccessful)
        profile.answersMoveOfClosedChannel = false
        profile.maximumSharedPages = 1280 * 256
        profile.connectionIDs = .counted(from: 0x10000)
        profile.offerDetail = OfferDetail(interruptLatency: 0, revision: 1, serverContextSize: 0)
        return profile
    }()

    /// A Hyper-V host of 2012: 2.4, 384 MB of shared pages, and no second contact without an end of the first.
    public static let windowsHost2012: HostProfile = {
        var profile = windowsHost
        profile.name = "windows-host-2012"
        profile.maximumVersion = .windows8
        profile.maximumSharedPages = 384 * 256
        profile.allowsSecondContact = false
        profile.answersRefusedSockets = false
        return profile
    }()

    /// OpenVMM's server as it was: restored before the guest had asked, it sent its offers (anchors D.1, 10).
    public static let openvmm1681: HostProfile = {
        var profile = openvmm
        profile.name = "openvmm-1681"
        profile.offersWhenRestored = true
        return profile
    }()

    /// OpenVMM's server as it was: its network adapter stopped at a header that crosses a page (ecosystem §6.3).
    public static let openvmm1590: HostProfile = {
        var profile = openvmm
        profile.name = "openvmm-1590"
        profile.stopsAtSplitHeaders = true
        return profile
    }()

    /// All profiles.
    public static let all = [openvmm, windowsHost, windowsHost2012]

    /// Hosts as they once were, each with the number of a fault that was found in it.
    public static let faulty = [openvmm1681, openvmm1590]

    /// The profile of a name; nil for a name that no profile has.
    public static func named(_ name: String) -> HostProfile? { all.first { $0.name == name } }

    private init(name: String, maximumVersion: ProtocolVersion, failureStatus: MessageStatus) {
        self.name = name
        self.maximumVersion = maximumVersion
        self.failureStatus = failureStatus
    }

    func connectionID(relid: UInt32, vtl: UInt8) -> UInt32 {
        switch connectionIDs {
        case .packed: relid | UInt32(SynIC.vmbusSINT) << 12 | UInt32(vtl) << 16
        case .counted(let base): base &+ relid
        }
    }
}

extension MessageStatus {
    /// STATUS_UNSUCCESSFUL of Windows.
    public static let unsuccessful = MessageStatus(rawValue: 0xC000_0001)

    /// Whether it is no failure: zero or positive, read as a signed number (reference §8.5).
    var isDone: Bool { rawValue < 0x8000_0000 }
}
