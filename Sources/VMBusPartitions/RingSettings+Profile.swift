import VMBusEngine
import VMBusRing

#if Mutations
    import VMBusWire
#endif

/// What one end of a bus is made from, as far as its rings are concerned.
protocol RingHabits {
    /// Whether space that just fits wakes a sender that waits for it.
    var wakesWhenItJustFits: Bool { get }
    #if Mutations
        /// The planted bug of this end; nil for none.
        var mutation: Mutation? { get }
    #endif
}

extension RingHabits {
    /// How an end with these habits treats its rings.
    var ringSettings: RingSettings {
        var settings = RingSettings(wakeRule: wakesWhenItJustFits ? .atLeast : .strictlyMore)
        #if Mutations
            settings.mutation = mutation
        #endif
        return settings
    }
}

extension GuestConfiguration: RingHabits {
    var wakesWhenItJustFits: Bool { profile.wakesWhenItJustFits }
}

extension HostConfiguration: RingHabits {
    var wakesWhenItJustFits: Bool { profile.wakesWhenItJustFits }
}
