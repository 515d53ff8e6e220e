/// What is asked of a mouse from outside the bus.
public enum MouseCommand: Sendable, Hashable {
    /// The pointer goes to a place, 0 to 32767 each.
    case move(x: UInt16, y: UInt16)
    /// Buttons go down.
    case press(MouseButtons)
    /// Buttons come up.
    case release(MouseButtons)
    /// Buttons go down and come up.
    case click(MouseButtons)
    /// The wheel turns so many steps; up is positive.
    case wheel(Int16)

    static let forms = [
        "move X Y with 0 to 32767 each", "click [left|right|middle]", "press BUTTON", "release BUTTON", "wheel STEPS",
    ]

    init(_ words: [String]) throws(DeviceCommandError) {
        let buttons: MouseButtons? =
            switch words.count == 2 ? words[1] : "left" {
            case "left": .left
            case "right": .right
            case "middle": .middle
            default: nil
            }
        switch (words.first, words.count) {
        case ("move", 3):
            if let x = UInt16(words[1]), let y = UInt16(words[2]), max(x, y) <= PointerReport.greatest {
                self = .move(x: x, y: y)
                return
            }
        case ("wheel", 2):
            if let steps = Int16(words[1]), steps > Int16.min {
                self = .wheel(steps)
                return
            }
        case ("click", 1...2), ("press", 2), ("release", 2):
            if let buttons {
                self = words[0] == "click" ? .click(buttons) : words[0] == "press" ? .press(buttons) : .release(buttons)
                return
            }
        default: break
        }
        throw DeviceCommandError(words, for: "mouse", known: Self.forms)
    }
}
