import Platform
import Testing

struct SystemErrorTests {
    @Test func `say what failed, on what, why, and what to do`() {
        #expect(
            SystemError(call: "open", code: 13, path: "/sys/x").description
                == "open /sys/x: permission denied (EACCES); run as root or ask for read permission")
        #expect(SystemError(call: "read", code: 22).symbol == "EINVAL")
        #expect(SystemError(call: "read", code: 4_000).description == "read: E4000")
        #expect(!SystemError(call: "open", code: 2, path: "/a\u{1B}[2J\n").description.contains("\u{1B}"))
    }
}
