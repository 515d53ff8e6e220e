import VMBusEngine
import VMBusRing

extension RingSettings {
    /// How a guest with these habits treats its rings.
    init(_ profile: GuestProfile) { self.init(wakesWhenItJustFits: profile.wakesWhenItJustFits) }

    /// How a host with these habits treats its rings.
    init(_ profile: HostProfile) { self.init(wakesWhenItJustFits: profile.wakesWhenItJustFits) }

    private init(wakesWhenItJustFits: Bool) { self.init(wakeRule: wakesWhenItJustFits ? .atLeast : .strictlyMore) }
}
