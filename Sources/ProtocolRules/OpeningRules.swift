import BusModel
import VMBusWire

/// The rules of an open channel: 6, 7, 8 and 11.
struct OpeningRules: RuleFold {}
