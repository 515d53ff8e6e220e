// The first file of Configuration comes with its first type.
