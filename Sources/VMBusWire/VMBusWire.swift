// The first file of VMBusWire comes with its first type.
