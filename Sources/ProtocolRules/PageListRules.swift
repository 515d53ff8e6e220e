import BusModel
import VMBusWire

/// The rules of page lists: 9 and 10.
struct PageListRules: RuleFold {}
