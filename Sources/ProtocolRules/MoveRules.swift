import BusModel
import VMBusWire

/// The rules of moves and of their interrupts: 15 and 30.
struct MoveRules: RuleFold {}
