import Glibc

extension RGB {
    /// A colour in OKLab, where distance is what the eye sees (Ottosson 2020).
    struct Perceived {
        var lightness: Double
        var a: Double
        var b: Double

        func distance(to other: Perceived) -> Double {
            let (l, a, b) = (lightness - other.lightness, self.a - other.a, self.b - other.b)
            return (l * l + a * a + b * b).squareRoot()
        }

        var chroma: Double { (a * a + b * b).squareRoot() }
        /// -π to π.
        var hue: Double { atan2(b, a) }
    }

    /// The colour of `#rgb` or `#rrggbb`.
    init?(hexadecimal text: String) {
        let digits = text.utf8.dropFirst().compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
            default: nil
            }
        }
        guard text.hasPrefix("#"), digits.count == text.utf8.count - 1 else { return nil }
        switch digits.count {
        case 3: self.init(red: digits[0] * 17, green: digits[1] * 17, blue: digits[2] * 17)
        case 6:
            self.init(
                red: digits[0] << 4 | digits[1], green: digits[2] << 4 | digits[3], blue: digits[4] << 4 | digits[5])
        default: return nil
        }
    }

    private static func linear(_ value: UInt8) -> Double {
        let value = Double(value) / 255
        return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }

    private static func gamma(_ value: Double) -> UInt8 {
        let value = value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055
        return UInt8(min(255, max(0, (value * 255).rounded())))
    }

    /// As the eye sees it.
    var perceived: Perceived {
        let (red, green, blue) = (Self.linear(red), Self.linear(green), Self.linear(blue))
        let l = cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
        let m = cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
        let s = cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
        return Perceived(
            lightness: 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            a: 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            b: 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s)
    }

    /// The colour that the eye sees as this; the nearest that a screen can show.
    init(_ color: Perceived) {
        let l = color.lightness + 0.3963377774 * color.a + 0.2158037573 * color.b
        let m = color.lightness - 0.1055613458 * color.a - 0.0638541728 * color.b
        let s = color.lightness - 0.0894841775 * color.a - 1.2914855480 * color.b
        let (long, medium, short) = (l * l * l, m * m * m, s * s * s)
        self.init(
            red: Self.gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
            green: Self.gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
            blue: Self.gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short))
    }

    /// Between `start` (0) and `end` (1), as the eye sees it.
    static func mix(_ start: RGB, _ end: RGB, _ fraction: Double) -> RGB {
        let (from, to) = (start.perceived, end.perceived)
        return RGB(
            Perceived(
                lightness: from.lightness + (to.lightness - from.lightness) * fraction,
                a: from.a + (to.a - from.a) * fraction, b: from.b + (to.b - from.b) * fraction))
    }

    /// The relative luminance of WCAG 2, 0 to 1.
    var luminance: Double {
        0.2126 * Self.linear(red) + 0.7152 * Self.linear(green) + 0.0722 * Self.linear(blue)
    }

    /// The contrast ratio of WCAG 2, 1 to 21.
    func contrast(with other: RGB) -> Double {
        let (light, dark) = (max(luminance, other.luminance), min(luminance, other.luminance))
        return (light + 0.05) / (dark + 0.05)
    }
}
