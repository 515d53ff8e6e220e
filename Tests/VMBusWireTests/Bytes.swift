/// Bytes written as the reference's dumps are: two digits each, blanks and line breaks between, offsets left out.
func bytes(_ text: String) -> [UInt8] {
    text.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
}
