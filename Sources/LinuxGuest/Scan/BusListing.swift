import Platform

/// Which devices the bus has, and what people call them.
struct BusListing: Sendable {
    /// The names of their directories, or why there are none.
    let names: Result<[String], SystemError>
    /// The names by which people know devices; nil where those from before are good enough.
    let finder: KernelNameFinder?

    /// Lists them.
    ///
    /// - Parameters:
    ///   - named: Devices whose names need not be found again; nil to find all.
    ///   - place: Learns which directory is being listed.
    init(_ files: any FileLayer, named: Set<String>?, place: ReadingPlace) {
        place.set(SysfsSampler.bus + "/devices")
        do {
            let found = try files.names(in: SysfsSampler.bus + "/devices")
            names = .success(found)
            let isKnown = named.map { named in found.allSatisfy(named.contains) } ?? false
            finder = isKnown ? nil : KernelNameFinder(files: files, devices: Set(found), place: place)
        } catch {
            names = .failure(error)
            finder = nil
        }
    }
}
