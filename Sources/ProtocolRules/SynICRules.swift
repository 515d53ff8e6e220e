import BusModel
import VMBusWire

/// The rules of what the hypervisor keeps: 16 and 29.
struct SynICRules: RuleFold {}
