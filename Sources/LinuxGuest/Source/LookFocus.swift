public import BusModel
import Synchronization

/// What the reader of the log looks at, so that the source looks there first.
public struct LookFocus: Hashable, Sendable {
    /// The channels that are on the screen, in its order.
    public var visible: [ChannelKey]
    /// The chosen one, whose fills are looked at many times.
    public var chosen: ChannelKey?
    /// The one whose rings are shown byte by byte.
    public var rings: ChannelKey?

    /// A focus; nothing if nothing is given.
    public init(visible: [ChannelKey] = [], chosen: ChannelKey? = nil, rings: ChannelKey? = nil) {
        self.visible = visible
        self.chosen = chosen
        self.rings = rings
    }
}

/// Takes the focus from the screen to the thread that looks.
public final class FocusBoard: Sendable {
    private let focus = Mutex(LookFocus())

    /// Nothing is in focus.
    public init() {}

    /// The focus now.
    public var now: LookFocus { focus.withLock { $0 } }

    /// Changes the focus; true if it is another one now.
    @discardableResult
    public func change(_ change: (inout LookFocus) -> Void) -> Bool {
        focus.withLock { focus in
            let before = focus
            change(&focus)
            return focus != before
        }
    }
}
