import Glibc
import Platform

/// Reads the attributes of one directory, one by one, and remembers what went wrong with each.
struct AttributeReader {
    private let files: any FileLayer
    private let path: String
    /// The directory kept open, or why it cannot be.
    private var directory: Result<any FileDirectory, SystemError>
    private let place: ReadingPlace?
    /// What went wrong so far.
    private(set) var log = AttributeLog()

    /// A reader that cannot read yet.
    init(closed directory: String, files: any FileLayer) {
        self.files = files
        path = directory
        place = nil
        self.directory = .failure(SystemError(call: "open", code: EBADF, path: directory))
    }

    /// A reader of a directory whose place was found before.
    init(files: any FileLayer, directory: String, home: any DirectoryPlace, place: ReadingPlace) {
        self.files = files
        path = directory
        self.place = place
        do throws(ErrorNumber) {
            self.directory = .success(try home.open())
        } catch {
            self.directory = .failure(SystemError(call: "open", code: error.code, path: directory))
        }
    }

    init(files: any FileLayer, directory: String, place: ReadingPlace? = nil) {
        self.files = files
        path = directory
        self.place = place
        do {
            self.directory = .success(try files.directory(directory))
        } catch {
            self.directory = .failure(error)
        }
    }

    /// The value in file `name`; one that older kernels or other states do not have is `optional`, and then missing.
    mutating func read<Value>(
        _ name: String, optional: Bool = false, limit: Int = 256,
        as parse: ([UInt8]) throws(FormatError) -> Value
    ) -> Readout<Value> {
        let bytes: [UInt8]
        place?.set(name)
        do {
            bytes = try directory.get().read(name, limit: limit)
        } catch {
            return fail(name, error.code, optional: optional)
        }
        do {
            return .known(try parse(bytes))
        } catch .empty {
            log.foundEmpty = true
            return note(name, .empty)
        } catch {
            return note(name, .malformed(error))
        }
    }

    /// The last component of what the link `name` points to; missing if there is no such link.
    mutating func linkName(_ name: String) -> Readout<String> {
        place?.set(name)
        do {
            let target = try files.linkTarget(of: path + "/" + name)
            guard let last = target.split(separator: "/").last else { return note(name, .empty) }
            return .known(String(last))
        } catch {
            return fail(name, error.code, optional: true)
        }
    }

    /// Adds a problem that was found otherwise, and gives the reading that stands for it.
    @discardableResult
    mutating func note<Value>(_ name: String, _ failure: ReadFailure) -> Readout<Value> {
        log.problems.append(ScanProblem(path: name, failure: failure))
        return .failed(failure)
    }

    /// Lets the directory go; what was read stays.
    mutating func close() { directory = .failure(SystemError(call: "open", code: EBADF, path: path)) }

    /// Begins another list of problems; what was gone stays gone.
    mutating func forgetProblems() { log.problems.removeAll() }

    private mutating func fail<Value>(_ name: String, _ code: Int32, optional: Bool) -> Readout<Value> {
        if optional, code == ENOENT { return .missing }
        if code == ENOENT || code == ENODEV { log.foundGone = true }
        return note(name, .refused(code))
    }
}

/// What went wrong while the attributes of one directory were read.
struct AttributeLog {
    /// Every failure.
    var problems: [ScanProblem] = []
    /// Whether a file was empty, which stands for a refused read in a copied tree.
    var foundEmpty = false
    /// Whether something was gone that a living device always has.
    var foundGone = false
}
