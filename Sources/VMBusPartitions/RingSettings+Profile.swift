import VMBusEngine
import VMBusRing

extension GuestConfiguration {
    /// How a guest with these habits treats its rings.
    var ringSettings: RingSettings {
        var settings = RingSettings(wakesWhenItJustFits: profile.wakesWhenItJustFits)
        #if Mutations
            settings.mutation = mutation
        #endif
        return settings
    }
}

extension HostConfiguration {
    /// How a host with these habits treats its rings.
    var ringSettings: RingSettings {
        var settings = RingSettings(wakesWhenItJustFits: profile.wakesWhenItJustFits)
        #if Mutations
            settings.mutation = mutation
        #endif
        return settings
    }
}

extension RingSettings {
    fileprivate init(wakesWhenItJustFits: Bool) { self.init(wakeRule: wakesWhenItJustFits ? .atLeast : .strictlyMore) }
}
