// The first file of BusModel comes with its first type.
