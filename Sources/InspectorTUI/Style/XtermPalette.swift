/// The palette of xterm, which 256-colour terminals share from number 16 on.
enum XtermPalette {
    private static let cubeLevels: [UInt8] = [0, 95, 135, 175, 215, 255]

    private static let first16: [RGB] = [
        (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
        (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
        (255, 255, 255),
    ].map { RGB(red: $0.0, green: $0.1, blue: $0.2) }

    /// The colour of a number. Terminals have their own ideas of the first 16.
    static func color(_ index: UInt8) -> RGB {
        switch index {
        case 0..<16: return first16[Int(index)]
        case 16..<232:
            let cube = Int(index) - 16
            return RGB(
                red: cubeLevels[cube / 36], green: cubeLevels[cube / 6 % 6], blue: cubeLevels[cube % 6])
        default:
            let level = 8 + 10 * (index - 232)
            return RGB(red: level, green: level, blue: level)
        }
    }

    /// The number, 16 or above, whose colour looks most like `color`.
    static func nearest(to color: RGB) -> UInt8 {
        let wanted = color.perceived
        var best: (index: UInt8, distance: Double) = (16, .infinity)
        for (offset, candidate) in perceived.enumerated() {
            let distance = candidate.distance(to: wanted)
            if distance < best.distance { best = (UInt8(offset + 16), distance) }
        }
        return best.index
    }

    private static let perceived: [RGB.Perceived] = (16...255).map { color(UInt8($0)).perceived }

    /// The number below 16 whose hue is that of `color`; lightness decides between the normal and the bright form, and
    /// greys go by lightness alone.
    static func nearest16(to color: RGB) -> UInt8 {
        let wanted = color.perceived
        guard wanted.chroma > 0.035 else {
            switch wanted.lightness {
            case ..<0.3: return 0
            case ..<0.68: return 8
            case ..<0.92: return 7
            default: return 15
            }
        }
        var best: (index: UInt8, difference: Double) = (7, .infinity)
        for index in UInt8(1)...6 {
            var difference = abs(self.color(index).perceived.hue - wanted.hue)
            if difference > .pi { difference = 2 * .pi - difference }
            if difference < best.difference { best = (index, difference) }
        }
        return wanted.lightness > 0.72 ? best.index + 8 : best.index
    }
}
