import Glibc

/// How much longer than usual the seeded tests go on: VMBUSSCOPE_SOAK, 1 unless it is set.
public enum Soak {
    /// At least 1.
    public static let factor: Int = {
        guard let value = getenv("VMBUSSCOPE_SOAK"), let factor = Int(String(cString: value)) else { return 1 }
        return min(max(factor, 1), 100_000)
    }()
}
