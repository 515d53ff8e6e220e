import Configuration
public import VMBusDevices

/// How a balloon is made, at both ends.
public struct BalloonConfiguration: Sendable, Hashable {
    /// The host's end.
    public var host = BalloonProvider.Configuration()
    /// The guest's end.
    public var guest = BalloonConsumer.Configuration()

    /// Reads what a scenario says of it.
    init(_ table: ConfigurationTable) throws(ConfigurationError) {
        let versions = Balloon.Version.newestFirst
        let newest = try table.choiceIfPresent("version", versions.map { $0.meaning ?? "" }) ?? 0
        host.maximumVersion = versions[newest]
        host.maximumPages = try table.pagesIfPresent("maximum_mib") ?? 0
        guest.pageCount = try table.pagesIfPresent("account_mib") ?? guest.pageCount
        guest.floor = try table.pagesIfPresent("floor_mib") ?? guest.floor
        guest.committed = try table.pagesIfPresent("committed_mib") ?? guest.committed
        guest.rangePages = UInt64(try table.integerIfPresent("range_pages", in: 1...65_536) ?? 512)
        guest.delay = try table.durationIfPresent("report_delay") ?? guest.delay
        guest.interval = try table.durationIfPresent("report_interval") ?? guest.interval
    }
}

extension ConfigurationTable {
    /// Memory in MiB, as pages.
    fileprivate func pagesIfPresent(_ key: String) throws(ConfigurationError) -> UInt64? {
        try integerIfPresent(key, in: 1...1_048_576).map { UInt64($0) * 256 }
    }
}
