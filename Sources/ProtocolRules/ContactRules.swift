import BusModel
import VMBusWire

/// The rules of the connection's beginning and end: 1, 2 and 14.
struct ContactRules: RuleFold {}
