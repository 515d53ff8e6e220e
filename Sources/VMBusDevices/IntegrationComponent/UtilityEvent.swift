/// What an integration component wants of the machine that it is in, or has learned of the guest.
public enum UtilityEvent: Sendable, Hashable {
    /// Guest: the machine ends. The answer has been sent.
    case end(GuestEnding)
    /// Guest: its clock was set to this moment.
    case clock(WindowsTime)
    /// Guest: its file systems are frozen, or not any more.
    case frozen(Bool)
    /// Guest: a step of a file that comes.
    case file(FileCopyStep)
    /// Host: the guest told a fact about itself, such as `OSName`.
    case fact(name: String, value: String)
    /// Host: pages that the guest has given, and pages that were added to it.
    case memory(given: UInt64, added: UInt64)
    /// Guest: a key of its keyboard goes down or comes up.
    case key(Keystroke)
    /// Guest: its pointer is here, with these buttons down.
    case pointer(PointerReport)
}
