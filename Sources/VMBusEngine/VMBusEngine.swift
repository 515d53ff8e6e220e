// The first file of VMBusEngine comes with its first type.
