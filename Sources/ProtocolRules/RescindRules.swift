import BusModel
import VMBusWire

/// The rule of rescinds: 12.
struct RescindRules: RuleFold {}
