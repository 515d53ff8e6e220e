import BusModel

/// The rules of requests and of the network device (20, 22, 27, 28, 31 to 34).
struct DeviceRules: RuleFold {}
