public import VMBusWire

/// What real guests do differently (reference §10; each is a property that changes what this guest does).
public struct GuestProfile: Sendable, Hashable {
    /// Which open id OPEN_CHANNEL carries.
    public enum OpenID: Sendable, Hashable {
        /// The channel's number.
        case relid
        /// Zero.
        case zero
    }

    /// Which event flag a guest chooses where it may (feature 0x01).
    public enum EventFlags: Sendable, Hashable {
        /// The channel's number.
        case relid
        /// The lowest that is free.
        case lowestFree
    }

    /// What a crashing guest does about the connection.
    public enum CrashPath: Sendable, Hashable {
        /// Posts UNLOAD and looks for the answer on every processor; both times in microseconds.
        case poll(interval: UInt64, limit: UInt64)
        /// Nothing.
        case silent
    }

    /// How the guest words an hv_sock connection.
    public enum SocketForm: Sendable, Hashable {
        /// As the wish says: 56 bytes where it names a silo.
        case asWished
        /// Always 40 bytes.
        case short
        /// 56 bytes from 5.2 on, with a silo of zeros where the wish names none.
        case long
    }

    /// The name, as `named` takes it.
    public var name = "default"
    /// The versions to try, in order.
    public var versions: [ProtocolVersion] = Array(ProtocolVersion.all.reversed())
    /// The features to ask for at 6.0.
    public var features: FeatureFlags = [
        .guestSpecifiedSignalParameters, .channelInterruptRedirection, .modifyConnection, .clientID, .pauseResume,
    ]
    /// How a refused post is tried again.
    public var retry = RetrySchedule(attempts: 100, firstDelay: 1, longestDelay: 1 << 21)
    /// Whether a version response with another connection state than 0 is a failure.
    public var examinesConnectionState = true
    /// The oldest version at which the guest says goodbye.
    public var unloadSince = ProtocolVersion.windows8_1
    /// Whether it waits for the answer to its goodbye.
    public var awaitsUnloadComplete = true
    /// What it does when it crashes.
    public var crashPath = CrashPath.poll(interval: 10_000, limit: 100_000_000)
    /// Which open id it sends.
    public var openID = OpenID.relid
    /// Which event flags it chooses.
    public var eventFlags = EventFlags.relid
    /// The first handle of a page list; counted up from there.
    public var firstPageListHandle = GuestConnection.firstPageListHandle
    /// Whether it signals monitored channels through the monitor page.
    public var usesMonitorPages = true
    /// Whether pages whose return the host could not be asked for are given up; else they are used again.
    public var leaksPages = true
    /// Whether it can hibernate: offers are matched by instance, and the new numbers adopted.
    public var canHibernate = true
    /// Microseconds after which a guest that resumed names the devices that did not come back.
    public var resumeLimit: UInt64 = 10_000_000
    /// Whether a rescind ends all waiting at once; else each answer is waited for, and page lists can still be taken back.
    public var rescindEndsWaiting = true
    /// Whether a channel's number is kept until every answer about it has come.
    public var releaseAwaitsAnswers = true
    /// How hv_sock connections are asked for.
    public var socketForm = SocketForm.asWished
    /// Whether a refused hv_sock connection is heard of; else only the time limit ends the wait.
    public var hearsSocketRefusal = true
    /// Microseconds until an hv_sock connection counts as failed; nil for no limit.
    public var socketLimit: UInt64?
    /// Whether it wakes a sender as soon as what that one waits for just fits, and not only when there is more (reference §4.8).
    /// The engine has no rings; whoever gives the guest its rings reads it.
    public var wakesWhenItJustFits = false
    /// Whether an interrupt that comes before the answer to an open is remembered. The engine has no interrupts; whoever gives
    /// the guest its interrupts reads it.
    public var remembersEarlyInterrupts = true
    /// Whether it signals the host with every packet, needed or not. Read like `wakesWhenItJustFits`.
    public var signalsNeedlessly = false
    /// Whether it wakes a sender that waits for space at all. Read like `wakesWhenItJustFits`.
    public var wakesForSpace = true
    /// How a device's channels find their processors.
    public var spread = ChannelSpread.Policy.given

    /// A guest that speaks every version and is as careful as the protocol allows.
    public init() {}

    /// The profiles that have a name, `default` first.
    public static let all: [GuestProfile] = [GuestProfile(), .linux, .freebsd, .openvmm]

    /// Guests as they once were, each with the number of a fault that was found in it.
    public static let faulty: [GuestProfile] = [.openvmm1829, .linux1939, .linuxEager]

    /// The profile of a name: `default`, `linux`, `freebsd` or `openvmm`.
    public static func named(_ name: some StringProtocol) -> GuestProfile? { all.first { $0.name == name } }

    /// Linux 6.12 (reference §2.2, §2.5, §2.7, §8.2).
    public static let linux: GuestProfile = {
        var profile = GuestProfile()
        profile.name = "linux"
        profile.versions = [
            .iron, .redstone5, .redstone4, .redstone3MultiClient, .redstone3, .windows10, .windows8_1, .windows8,
        ]
        profile.features = []
        profile.examinesConnectionState = false
        profile.leaksPages = false
        profile.releaseAwaitsAnswers = false
        profile.socketForm = .short
        profile.hearsSocketRefusal = false
        profile.socketLimit = 2_000_000
        profile.spread = .roundRobin
        return profile
    }()

    /// OpenVMM's client as it was: an interrupt that came before the open result was lost (anchors D.2, 18).
    public static let openvmm1829: GuestProfile = {
        var profile = openvmm
        profile.name = "openvmm-1829"
        profile.remembersEarlyInterrupts = false
        return profile
    }()

    /// A Linux that signals with every packet: hosts slow such a guest down (anchors D.5, 50).
    public static let linuxEager: GuestProfile = {
        var profile = linux
        profile.name = "linux-eager"
        profile.signalsNeedlessly = true
        return profile
    }()

    /// A Linux from before senders were woken: a host that waits for space waits for ever (ecosystem §6.3).
    public static let linux1939: GuestProfile = {
        var profile = linux
        profile.name = "linux-1939"
        profile.wakesForSpace = false
        return profile
    }()

    /// FreeBSD: 0.13 to 4.0, no answer to its goodbye expected, pages leaked on purpose (reference §2.2, §10).
    public static let freebsd: GuestProfile = {
        var profile = GuestProfile()
        profile.name = "freebsd"
        profile.versions = [.windows10, .windows8_1, .windows8, .windows7, .windows2008]
        profile.features = []
        profile.retry = RetrySchedule(attempts: 20, firstDelay: 1_000, longestDelay: 2_048_000)
        profile.examinesConnectionState = false
        profile.unloadSince = .windows2008
        profile.awaitsUnloadComplete = false
        profile.crashPath = .silent
        profile.canHibernate = false
        profile.releaseAwaitsAnswers = false
        profile.socketForm = .short
        return profile
    }()

    /// OpenVMM's client: 6.0 and 5.3 only; every answer is waited for (reference §2.2, §8.3).
    public static let openvmm: GuestProfile = {
        var profile = GuestProfile()
        profile.name = "openvmm"
        profile.versions = [.copper, .iron]
        profile.retry = RetrySchedule(attempts: 1, firstDelay: 0, longestDelay: 0)
        profile.crashPath = .silent
        profile.openID = .zero
        profile.eventFlags = .lowestFree
        profile.firstPageListHandle = 1
        profile.usesMonitorPages = false
        profile.canHibernate = false
        profile.rescindEndsWaiting = false
        profile.wakesWhenItJustFits = true
        profile.socketForm = .long
        return profile
    }()
}
