import BusModel

/// The rules of the ring (17 to 26): indices, space, wake-ups.
struct RingRules: RuleFold {}
