/// Conversations of dynamic memory and of a virtual PCI bus, in the form that their targets read: deliveries to both ends by
/// turns, with a command in between.
enum MemorySeeds {
    /// Everything that is on its way arrives, a few times to and fro.
    private static func settle(_ rounds: Int) -> [UInt8] {
        (0..<rounds).flatMap { _ in [UInt8](repeating: 0, count: 3) + [UInt8](repeating: 4, count: 3) }
    }

    private static func command(_ index: UInt8, _ rounds: Int) -> [UInt8] { [8, index] + settle(rounds) }

    static var balloon: [[UInt8]] {
        (UInt8(0)..<3).map { form in
            [form] + settle(4) + command(0, 12) + command(2, 4) + command(3, 8) + command(4, 4) + command(6, 1)
                + [10, 3] + settle(2)
        }
    }

    static var vpci: [[UInt8]] {
        (UInt8(0)..<7).map { version in
            [version, version & 1] + settle(10) + command(2, 1) + command(0, 6) + command(1, 8) + command(2, 1)
                + command(3, 2) + [10, 1] + command(4, 1) + [251] + settle(10)
        }
    }
}
