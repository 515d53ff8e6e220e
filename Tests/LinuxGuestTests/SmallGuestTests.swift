import LinuxGuest
import Testing

/// A whole small guest against texts that were checked by eye.
@Suite struct `A small guest` {
    @Test func `lists as lsvmbus does`() throws {
        let scan = SampleGuest.scan(try TextTree.files(try OwnFixture.text("small-guest.txt")))
        #expect(LsvmbusListing.text(scan, detail: .full) == (try OwnFixture.text("small-guest.lsvmbus-vv.txt")))
    }

    @Test func `lists as JSON`() throws {
        let scan = SampleGuest.scan(try TextTree.files(try OwnFixture.text("small-guest.txt")))
        let document = String(decoding: ListingJSON.document(scan, source: .tree), as: UTF8.self)
        #expect(document == (try OwnFixture.text("small-guest.json")))
    }
}
