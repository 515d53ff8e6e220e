import BusModel

/// The JSON document that every benchmark prints: its schema and its results.
enum BenchmarkDocument {
    static func json<Result>(
        _ schema: String, _ results: [Result], _ write: (Result, inout JSONWriter) -> Void
    ) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", schema)
            writer.memberArray("results") { writer in
                for result in results { write(result, &writer) }
            }
        }
        writer.endLine()
        return writer.text
    }
}
