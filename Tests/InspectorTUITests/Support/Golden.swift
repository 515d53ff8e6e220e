import Glibc
import Testing

@testable import InspectorTUI

/// Frames kept as text files beside the tests. With `UPDATE_GOLDENS=1` in the environment they are written anew; whoever does
/// that looks at the difference before it is kept.
enum Golden {
    private static let folder: String =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        + "/Goldens"

    private static var isUpdating: Bool { getenv("UPDATE_GOLDENS") != nil }

    /// Compares a screen with the one that is kept under a name.
    static func expect(
        _ driver: ScreenDriver, _ name: String, roles: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let grid = driver.grid
        expect(
            roles ? TextSnapshot.roles(of: grid) : TextSnapshot.text(of: grid), name, sourceLocation: sourceLocation)
    }

    static func expect(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let path = "\(folder)/\(name).txt"
        if isUpdating {
            guard let file = fopen(path, "w") else {
                Issue.record("\(path) cannot be written", sourceLocation: sourceLocation)
                return
            }
            fputs(text, file)
            fclose(file)
            return
        }
        guard let kept = read(path) else {
            Issue.record("\(path) is missing; run with UPDATE_GOLDENS=1 and look at it", sourceLocation: sourceLocation)
            return
        }
        if kept == text { return }
        Issue.record("\(name) differs:\n\(difference(kept, text))", sourceLocation: sourceLocation)
    }

    private static func difference(_ kept: String, _ now: String) -> String {
        let before = kept.split(separator: "\n", omittingEmptySubsequences: false)
        let after = now.split(separator: "\n", omittingEmptySubsequences: false)
        var text = ""
        for index in 0..<max(before.count, after.count) {
            let old = index < before.count ? before[index] : nil
            let new = index < after.count ? after[index] : nil
            if old == new { continue }
            if let old { text += "\(index + 1) kept: \(old)\n" }
            if let new { text += "\(index + 1)  now: \(new)\n" }
        }
        return text
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }
}
