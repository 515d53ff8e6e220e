// The first file of InspectorTUI comes with its first type.
