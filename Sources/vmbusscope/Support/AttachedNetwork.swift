import LinuxGuest
import Platform
import VMBusDevices

/// A network adapter that was taken over: brings it up, counts, and sends numbered datagrams where somebody asks for them.
enum AttachedNetwork {
    /// Datagrams that may be on their way at the same time, and those that are made at once.
    private static let (mostMissing, atOnce) = (48, 8)
    /// How often the peer is asked again, and how long nothing may come back before what is missing goes out once more.
    private static let patience: UInt64 = 2_000_000_000
    /// How often that is done before the rest counts as lost.
    private static let mostSilences = 5

    static func run(_ device: inout AttachedDevice) throws -> AttachedDevice.Ending {
        var settings = NetworkConsumer.Configuration()
        settings.channels = device.options.channels
        // Frames are copied into the send buffer, as a program does not know where its pages really are.
        settings.copyLimit = 4096
        settings.transmitQueue = 256
        var driver = try device.open(NetworkConsumer(configuration: settings))
        var datagrams: NumberedDatagrams?
        var (frames, bytes, last, silences, begin) = (0, 0, UInt64(0), 0, UInt64(0))
        var repeated = 0
        while true {
            if let ending = try device.ending() { return ending }
            for event in try driver.run(patience: .milliseconds(50)) {
                if case .frame(let frame) = event {
                    (frames, bytes) = (frames + 1, bytes + frame.count)
                    let before = datagrams?.whole
                    if let answer = datagrams?.take(frame) { driver.transmit(frame: answer) }
                    if datagrams?.whole != before { (last, silences) = (MonotonicClock.now(), 0) }
                } else if let ending = device.hear(event) {
                    return ending
                }
                if event == .ready, let options = device.datagrams, let hardware = driver.endpoint.address {
                    datagrams = NumberedDatagrams(
                        options.count, hardware: hardware, own: options.own, peer: options.peer)
                    begin = MonotonicClock.now()
                }
            }
            if datagrams != nil {
                send(&datagrams, &driver, &last, &silences, &repeated)
                if let datagrams, datagrams.isDone || silences > mostSilences {
                    device.keep(driver.takeRecords())
                    return conclude(datagrams, repeated, driver, begin, device)
                }
            }
            device.keep(driver.takeRecords())
            let counters = driver.endpoint.counters
            device.tell(
                "\(driver.channelCount) channels, \(counters.framesSent) frames sent, \(frames) received "
                    + "(\(bytes) bytes), \(counters.framesDropped) dropped, \(driver.sleeps) sleeps, \(driver.signals) signals"
            )
        }
    }

    private static func send(
        _ datagrams: inout NumberedDatagrams?, _ driver: inout UIODriver<NetworkConsumer>, _ last: inout UInt64,
        _ silences: inout Int, _ repeated: inout Int
    ) {
        guard var own = datagrams else { return }
        let now = MonotonicClock.now()
        if now &- last > patience {
            if last != 0 { silences += 1 }
            last = now
            if own.knowsPeer {
                let again = own.again(limit: mostMissing)
                repeated += again.count
                driver.transmit(frames: again)
            } else {
                driver.transmit(frame: own.question)
            }
        }
        while own.missing <= mostMissing - atOnce {
            var frames: [[UInt8]] = []
            while frames.count < atOnce, let frame = own.next() { frames.append(frame) }
            if frames.isEmpty { break }
            driver.transmit(frames: frames)
        }
        datagrams = own
    }

    private static func conclude(
        _ datagrams: NumberedDatagrams, _ repeated: Int, _ driver: borrowing UIODriver<NetworkConsumer>,
        _ begin: UInt64,
        _ device: AttachedDevice
    ) -> AttachedDevice.Ending {
        let tenths = (MonotonicClock.now() &- begin) / 100_000_000
        let text =
            "\(datagrams.sent) datagrams sent, \(datagrams.whole) back whole, \(datagrams.broken) broken, "
            + "\(datagrams.doubled) doubled, \(datagrams.missing) missing, \(repeated) sent again, through "
            + "\(driver.channelCount) channels in \(tenths / 10).\(tenths % 10) s, \(driver.sleeps) sleeps, "
            + "\(driver.signals) signals"
        guard datagrams.isDone, datagrams.broken == 0 else { return .failed(text) }
        device.say(text)
        return .done
    }
}

extension AttachedDevice {
    /// What is to be sent, if anything is.
    var datagrams: (count: Int, own: InternetAddress, peer: InternetAddress)? {
        guard let count = options.datagrams, let own = options.own, let peer = options.peer else { return nil }
        return (count, own.address, peer.address)
    }
}
