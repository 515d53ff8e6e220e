import VMBusEngine
import VMBusRing

extension RingSettings {
    /// How a guest with these habits treats its rings (reference §4.8).
    init(_ profile: GuestProfile) {
        self.init(wakeRule: profile.name == GuestProfile.openvmm.name ? .atLeast : .strictlyMore)
    }

    /// How a host with these habits treats its rings. Of Windows only the outcome is known, to which both rules come.
    init(_ profile: HostProfile) {
        self.init(wakeRule: profile.name == HostProfile.openvmm.name ? .atLeast : .strictlyMore)
    }
}
