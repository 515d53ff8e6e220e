// The first file of Inspector comes with its first type.
