/// One cell of the screen: what is in it, and what it means. How it looks is the theme's business.
struct Cell: Hashable, Sendable {
    /// The character as a Unicode scalar; a space in the right half of a double-width character.
    var scalar: UInt32
    /// A combining mark on top of the character, or 0.
    var mark: UInt32
    /// What the character means.
    var role: Role
    /// What the cell lies on, such as the cursor's row; gives the background where the role has none of its own.
    var surface: Role
    /// Where on the role's gradient, 0 to 100; of no effect for roles without one.
    var shade: UInt8
    /// 1, or 2 for a double-width character, or 0 for the cell that its right half covers.
    var width: UInt8

    init(
        scalar: UInt32 = 0x20, mark: UInt32 = 0, role: Role = .text, surface: Role = .text, shade: UInt8 = 0,
        width: UInt8 = 1
    ) {
        self.scalar = scalar
        self.mark = mark
        self.role = role
        self.surface = surface
        self.shade = shade
        self.width = width
    }

    static let blank = Cell()

    /// The cell's text, empty for the covered half of a double-width character.
    var text: String {
        guard width > 0, let scalar = Unicode.Scalar(scalar) else { return "" }
        var text = String(Character(scalar))
        if mark != 0, let mark = Unicode.Scalar(mark) { text.unicodeScalars.append(mark) }
        return text
    }
}
