// The first file of Platform comes with its first type.
