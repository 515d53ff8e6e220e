import BusModel
import VMBusWire

/// The rules of offers: 3, 4, 5 and 13.
struct OfferRules: RuleFold {}
