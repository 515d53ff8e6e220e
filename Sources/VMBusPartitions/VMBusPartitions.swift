// The first file of VMBusPartitions comes with its first type.
