// The first file of VMBusRing comes with its first type.
