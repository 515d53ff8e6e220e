// The first file of Query comes with its first type.
