/// Columns of numbers as text, aligned on the right.
struct BenchmarkTable {
    /// Characters in each column.
    let widths: [Int]

    /// One line of the table.
    func line(_ cells: [String]) -> String {
        zip(cells, widths).map { String(repeating: " ", count: max(0, $1 - $0.count)) + $0 }.joined(separator: " ")
            + "\n"
    }

    /// A time or ratio with so many digits behind the point, of which there are one or two.
    func decimal(_ number: Double, _ digits: Int) -> String {
        let scale = digits == 1 ? 10.0 : 100.0
        guard let scaled = Int(exactly: (number * scale).rounded()) else { return "-" }
        let fraction = String(scaled % Int(scale))
        return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension Double {
    /// The number with two digits behind the point, which is all that a clock of nanoseconds gives.
    var inHundredths: Double { (self * 100).rounded() / 100 }
}
