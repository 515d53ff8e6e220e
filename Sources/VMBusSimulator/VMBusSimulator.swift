// The first file of VMBusSimulator comes with its first type.
