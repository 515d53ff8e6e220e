import BusModel
import VMBusWire

/// The rule of the pending-send size: 26.
struct PendingSizeRule: RuleFold {}
