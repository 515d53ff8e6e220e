import CaptureFiles
import Testing

/// The examples of FIPS 180-4 and the lengths around the ends of blocks.
@Suite struct SHA256Tests {
    private func digest(_ message: [UInt8]) -> String {
        SHA256.digest(message).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `the published examples`() {
        #expect(digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(digest(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            digest(Array(repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// The digest of the digests of 0 to 129 zeros, as `sha256sum` and Python's hashlib have it.
    @Test func `every length around the end of a block`() {
        let digests = (0..<130).flatMap { SHA256.digest(Array(repeating: 0, count: $0)) }
        #expect(digest(digests) == "d26cf8eafa144521d64bdc66b8314175fd9e78310979a068c8b8b2ea18636450")
    }
}
