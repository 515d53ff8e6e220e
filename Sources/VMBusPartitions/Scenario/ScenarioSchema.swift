/// Every key of a scenario, with its type, its unit, what is meant where it is left out, and what it says. The reader takes the
/// names from here, so that nothing is read that is not documented.
public struct ScenarioSchema: Sendable {
    /// One table of the file.
    public struct Section: Sendable {
        /// The table as the file writes it.
        public let heading: String
        /// What it is about.
        public let about: String
        /// A line for each key: name, type, default and meaning, with bars between them. `!` is a key that must be there.
        let rows: String

        /// The names of its keys.
        var names: [String] { keys.map { $0[0] } }

        private var keys: [[String]] {
            rows.split(separator: "\n").map { row in
                row.split(separator: "|").map {
                    String(Substring($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
                }
            }
        }

        /// The section as a part of a commented TOML file.
        var text: String {
            let lines = keys.map { key -> String in
                let usual = key[2] == "!" ? "must be there" : key[2]
                return
                    "#   \(Section.padded(key[0], 19)) \(Section.padded(key[1], 15)) \(Section.padded(usual, 16)) \(key[3])\n"
            }
            return "# \(heading): \(about)\n\(lines.joined())\n"
        }

        private static func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
    }

    static let scenario = Section(
        heading: "top level", about: "the scenario",
        rows: """
            name | string | ! | its short name
            title | string | empty | one line on what it shows
            seed | integer | 1 | decides everything that is left to chance
            root | table | see below | the root partition
            switch | table | see below | the switch that joins the guests' network devices
            guest | array of tables | ! | the guests, at least one
            event | array of tables | none | what happens at given moments
            faults | array of tables | none | what goes wrong
            expect | table | none | for a scenario of the gallery: what it shows
            """)
    static let root = Section(
        heading: "[root]", about: "the root partition, the host of all guests",
        rows: """
            name | string | root | its name
            profile | string | openvmm | whose habits it has: openvmm, windows-host, windows-host-2012, and with a known fault: openvmm-1681, openvmm-1590
            version | string | the profile's | the newest protocol version that it accepts, such as "5.3"
            """)
    static let exchange = Section(
        heading: "[switch]", about: "the switch",
        rows: """
            responder | string | nobody | who answers inside it: an address with its network, such as "10.0.0.254/24", or "none"
            """)
    static let guest = Section(
        heading: "[[guest]]", about: "a guest partition",
        rows: """
            name | string | ! | its name
            profile | string | default | whose habits it has: default, linux, freebsd, openvmm, and with a known fault: openvmm-1829, linux-1939, linux-eager
            version | string | 5.3, or 6.0 | the newest protocol version that it speaks; 6.0 with a profile
            host_profile | string | the root's | whose habits this guest's host has
            host_version | string | the root's | the newest version that this guest's host accepts
            processors | integer | 1 | virtual processors, 1 to 2048
            memory_mib | integer | 64 | memory in MiB, 4 to 65536
            boot_at | time | 0 | when it boots
            device | array of tables | none | its devices
            socket | array of tables | none | its hv_sock connections
            """)
    static let device = Section(
        heading: "[[guest.device]]", about: "a device that the host offers",
        rows: """
            kind | string | ! | network, scsi, ide, fibre_channel, heartbeat, shutdown, timesync, kvp, vss, fcopy, keyboard, mouse, video, balloon, pci, or one without a driver
            instance | GUID | made up | which device it is
            """)
    static let network = Section(
        heading: "[[guest.device]] of kind network", about: "an adapter and the guest's work on it",
        rows: """
            channels | integer | 1 | channels with the primary, 1 to 64
            monitored | boolean | false | whether its channels signal through the monitor page
            mac | string | made up | hardware address such as "00:15:5d:00:00:01"
            address | string | 10.0.0.N | the guest's IPv4 address; N is the guest's place, from 1
            mtu | integer | 1500 | bytes, 576 to 9000
            receive_buffer_kib | integer | 256 | KiB, 64 to 31744
            send_buffer_kib | integer | 64 | KiB, 16 to 15360
            ring_kib | integer | 64 | KiB of each ring with its control page, 8 to 2048
            header_offset | integer | 0 | bytes of a page in front of a long frame's headers, 0 to 4088; from 4053 on they cross its end
            ping | array of strings | none | addresses that are pinged in turn: request and response
            ping_interval | time | 10ms | time between two pings
            ping_sizes | array of integers | 56 | bytes in a ping, in turn, 0 to 8972
            tcp_ports | integer | 0 | ports from which a closed port of the targets is knocked at, every second time
            bulk_frames | integer | 0 | datagrams sent together with each ping, 0 to 256; nobody answers them
            bulk_bytes | integer | 1472 | bytes in such a datagram, 0 to 8972
            """)
    static let integration = Section(
        heading: "[[guest.device]] of kinds heartbeat to fcopy", about: "an integration component",
        rows: """
            version | string | the newest | the newest version of its messages that the host offers, such as "3.0"
            wall_clock | integer | 1970 | timesync: what the host's clock shows at the start, in seconds since 1970
            guest_clock | integer | 1970 | timesync: what the guest's clock shows at its boot, in seconds since 1970
            sample_interval | time | 5s | timesync: time between two samples
            fails | array of strings | none | vss: steps that fail once, such as "freeze"
            hibernates | boolean | false | shutdown: whether the guest says that it can hibernate
            """)
    static let storage = Section(
        heading: "[[guest.device]] of kinds scsi, ide, fibre_channel",
        about: "a controller and the guest's work on its disks",
        rows: """
            channels | integer | 1 | channels with the primary, 1 to 64
            monitored | boolean | false | whether its channels signal through the monitor page
            target | integer | 0 | ide: the place on the controller, 0 to 3
            disk | array of tables | none | its disks
            work_interval | time | 20ms | time between two pieces of work
            work_kib | integer | 16 | KiB of one piece, 4 to 64
            work_depth | integer | 1 | pieces that are begun together, 1 to 64
            work_reads | integer | 0 | pieces of a hundred that only read; the others write, read back and compare
            """)
    static let disk = Section(
        heading: "[[guest.device.disk]]", about: "a disk",
        rows: """
            lun | integer | its place | unit number, 0 to 63
            path | string | in memory | a file; the simulator has none
            size | string | 64M | bytes, with K, M, G or T
            read_only | boolean | false | whether it refuses to be written
            cd | boolean | false | whether it is a disc
            """)
    static let balloon = Section(
        heading: "[[guest.device]] of kind balloon",
        about: "dynamic memory: what the host takes, and the guest's account of pages",
        rows: """
            version | string | 2.0 | the newest version that the host takes: 2.0, 1.0 or 0.3
            maximum_mib | integer | unsaid | the most memory that the host says the guest can have
            account_mib | integer | 256 | the guest's pages, in MiB, 1 to 1048576
            floor_mib | integer | 32 | what the guest never gives
            committed_mib | integer | 64 | what the guest needs for its own work
            range_pages | integer | 512 | the most pages side by side that it gives, 1 to 65536
            report_delay | time | 1s | until the guest's first report
            report_interval | time | 1s | time between two reports
            """)
    static let pci = Section(
        heading: "[[guest.device]] of kind pci", about: "a virtual PCI bus with one small function",
        rows: """
            version | string | 1.6 | the newest version that the host takes, 1.0 to 1.6
            vendor | integer | 0x1414 | the function's vendor
            device | integer | 0x5653 | which of its vendor's devices it is
            memory_kib | integer | none | KiB of its memory range, a power of two up to 65536
            """)
    static let video = Section(
        heading: "[[guest.device]] of kind video", about: "a display and what the guest draws on it",
        rows: """
            mmio_mib | integer | 8 | MiB of the frame buffer, which the offer asks for, 1 to 256
            resolution | string | 1024x768 | the usual size of the picture, in dots
            squares | integer | 0 | squares that the guest draws
            draw_interval | time | 50ms | time between two squares
            """)
    static let socket = Section(
        heading: "[[guest.socket]]", about: "an hv_sock service and its connections",
        rows: """
            port | integer | ! | AF_VSOCK port of the service
            connects | string | guest | who connects, guest or host; the other end listens
            answer | string | accept | what the listener does: accept, refuse or silence
            at | time | only listens | time from the guest's contact to the connection
            every | time | once | time between two connections
            guest_sends | integer | 0 | bytes that the guest's end sends
            host_sends | integer | 0 | bytes that the host's end sends
            echo | boolean | false | whether the host sends back what it gets, besides
            write_bytes | integer | 4088 | bytes in one frame, 1 to 16384
            write_interval | time | 20us | time between two frames
            guest_read_pause | time | 0ns | time that a slow guest rests after each packet
            host_read_pause | time | 0ns | time that a slow host rests after each packet
            closes_first | string | both | who closes its half before the other has: guest, host or both
            """)
    static let event = Section(
        heading: "[[event]]", about: "something that happens",
        rows: """
            at | time | ! | when
            guest | string | ! | the guest's name
            action | string | ! | \(ScenarioEvent.words)
            device | string | none | rescind, offer, command, move: a kind of device of that guest, or an instance
            command | string | none | command: what is asked of the device, such as "link down"
            subchannel | integer | 0 | move: the channel
            cpu | integer | none | move: the processor that takes the channel's interrupts from then on
            for | time | 100ms | hibernate, save: until the guest resumes, or its host is restored
            """)

    static let faults = Section(
        heading: "[[faults]]", about: "something that goes wrong",
        rows: """
            kind | string | ! | its name, such as "lost-signal"
            direction | string | the kind's | who commits it: host-to-guest or guest-to-host
            guest | string | all | a guest's name
            device | string | all | a kind of device, or an instance
            subchannel | integer | all | one of the device's channels
            message | string | any | the name of a channel message, such as "OPEN_CHANNEL_RESULT"
            at | time | from the start | not before; a kind that needs nothing to be done to comes then
            nth | integer | 1 | the first match that counts
            times | integer | 1 | how often; 0 for always
            odds | number | 1.0 | with which odds, above 0
            delay | time | the kind's | how long something takes
            value | integer | the kind's | the number that is put in the place of another
            offset, width | integer | the kind's | where the number lies, and its 1, 2, 4 or 8 bytes
            field | string | none | the field of a message that is changed
            """)
    static let expectation = Section(
        heading: "[expect]", about: "what a scenario of the gallery shows",
        rows: """
            problem | string | ! | where the problem was reported
            rule | string | none | the rule of the protocol that is broken, such as "no-lost-wakeup-data"
            note | string | none | a part of the note or fault that tells it
            within | integer | ! | steps until then, at most
            """)

    /// All tables, in the order in which a file has them.
    public static let sections = [
        scenario, root, exchange, guest, device, network, integration, storage, disk, balloon, pci, video, socket,
        event, faults,
        expectation,
    ]

    /// The whole schema, for people.
    public static var text: String {
        """
        # A scenario is a TOML file with these tables and keys. A time is a whole number with ns, us, ms or s, such as "5ms".
        # Columns: key, type, default, meaning.


        """ + sections.map(\.text).joined()
    }
}
