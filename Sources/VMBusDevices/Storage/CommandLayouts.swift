/// The command blocks that guests send (SPC-4, SBC-3, MMC-6), as tables of their fields.
enum CommandLayouts {
    /// The layout for a first byte; nil where none is known.
    static func layout(_ opcode: UInt8) -> SCSILayout? {
        let position = positions[Int(opcode)]
        return position < 0 ? nil : layouts[position].layout
    }

    /// Where the two numbers of a command lie that every request asks for, without all that is said about them.
    struct Numbers: Sendable {
        var block = 0..<0
        var count = 0..<0
        /// Whether the count is the room for an answer, in bytes.
        var countsRoom = false

        /// The big-endian number at a place.
        static func read(_ bytes: [UInt8], _ place: Range<Int>) -> UInt64 {
            var number: UInt64 = 0
            for index in place.clamped(to: bytes.indices) { number = number << 8 | UInt64(bytes[index]) }
            return number
        }
    }

    /// Where they lie for a first byte; nowhere where it is not known.
    static func numbers(_ opcode: UInt8) -> Numbers { numbers[Int(opcode)] }

    private static let numbers: [Numbers] = (0..<256).map { opcode in
        guard let layout = layout(UInt8(opcode)) else { return Numbers() }
        func place(_ field: SCSILayout.Field?) -> Range<Int> {
            field.map { $0.offset..<$0.offset + $0.width } ?? 0..<0
        }
        return Numbers(
            block: place(layout.block), count: place(layout.count),
            countsRoom: layout.count?.name == "allocation_length")
    }

    private static let layouts: [(opcode: UInt8, layout: SCSILayout)] = tables.map { ($0, SCSILayout($1)) }

    private static let positions: [Int] = {
        var positions = [Int](repeating: -1, count: 256)
        for (position, entry) in layouts.enumerated() { positions[Int(entry.opcode)] = position }
        return positions
    }()

    private static let control = "control 1x how the command is treated in its queue; 0"
    private static let code = "operation_code 1x which command it is"
    private static let allocation = "room for the answer, in bytes"

    private static func six(_ name: String) -> String {
        "\(name)\n\(code)\nlogical_block_address 3 first block, 21 bits\ntransfer_length 1 blocks; 0 stands for 256\n\(control)"
    }

    private static func ten(_ name: String, _ options: String) -> String {
        "\(name)\n\(code)\noptions 1x \(options)\nlogical_block_address 4 first block\n"
            + "group_number 1 0 for no group\ntransfer_length 2 blocks\n\(control)"
    }

    private static func twelve(_ name: String, _ options: String) -> String {
        "\(name)\n\(code)\noptions 1x \(options)\nlogical_block_address 4 first block\n"
            + "transfer_length 4 blocks\ngroup_number 1 0 for no group\n\(control)"
    }

    private static func sixteen(_ name: String, _ options: String) -> String {
        "\(name)\n\(code)\noptions 1x \(options)\nlogical_block_address 8 first block\n"
            + "transfer_length 4 blocks\ngroup_number 1 0 for no group\n\(control)"
    }

    private static func disc(_ name: String, _ options: String, _ page: String) -> String {
        "\(name)\n\(code)\noptions 1x \(options)\n\(page)\n- 3\nstarting_track 1 or session\nallocation_length 2 \(allocation)\n\(control)"
    }

    private static let protection = "bits 5-7 protection, bit 4 no cache wanted, bit 3 write through the cache"
    private static let same = "bit 4 anchor, bit 3 the blocks need no longer be kept (unmap), bit 0 no data comes along"

    private static var tables: [(UInt8, String)] {
        [
            (0x00, "TEST UNIT READY\n\(code)\n- 4\n\(control)"),
            (
                0x03,
                "REQUEST SENSE\n\(code)\noptions 1x bit 0 answer in descriptor format\n- 2\n"
                    + "allocation_length 1 \(allocation)\n\(control)"
            ),
            (0x08, six("READ(6)")), (0x0A, six("WRITE(6)")),
            (
                0x12,
                "INQUIRY\n\(code)\noptions 1x bit 0 a page of vital product data is wanted\npage_code 1x which page\n"
                    + "allocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x1A,
                "MODE SENSE(6)\n\(code)\noptions 1x bit 3 no block descriptors\n"
                    + "page_code 1x low six bits which page, above them which values: current, changeable, default, saved\n"
                    + "subpage_code 1x which part of the page\nallocation_length 1 \(allocation)\n\(control)"
            ),
            (
                0x1B,
                "START STOP UNIT\n\(code)\nimmediate 1x bit 0 answer before it is done\n- 2\n"
                    + "action 1x bit 1 eject or load, bit 0 start, above them a power state\n\(control)"
            ),
            (0x1E, "PREVENT ALLOW MEDIUM REMOVAL\n\(code)\n- 3\nprevent 1x bit 0 the medium must stay\n\(control)"),
            (
                0x25,
                "READ CAPACITY(10)\n\(code)\n- 1\nlogical_block_address 4 0\n- 2\npartial 1x 0\n\(control)"
            ),
            (0x28, ten("READ(10)", protection)), (0x2A, ten("WRITE(10)", protection)),
            (0x2F, ten("VERIFY(10)", "bits 1-2 what is compared")),
            (0x35, ten("SYNCHRONIZE CACHE(10)", "bit 1 answer before it is done")),
            (0x41, ten("WRITE SAME(10)", same)),
            (
                0x42,
                "UNMAP\n\(code)\noptions 1x bit 0 anchor\n- 4\ngroup_number 1 0 for no group\n"
                    + "parameter_list_length 2 bytes of the list of blocks\n\(control)"
            ),
            (0x43, disc("READ TOC", "bit 1 times instead of blocks", "format 1x which table")),
            (
                0x46,
                "GET CONFIGURATION\n\(code)\noptions 1x bits 0-1 all features, current ones, or one\n"
                    + "feature 2x the first feature that is wanted\n- 3\nallocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x4A,
                "GET EVENT STATUS NOTIFICATION\n\(code)\noptions 1x bit 0 answer at once\n- 2\n"
                    + "classes 1x which kinds of events\n- 2\nallocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x51,
                "READ DISC INFORMATION\n\(code)\noptions 1x bits 0-2 which information\n- 5\n"
                    + "allocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x52,
                "READ TRACK INFORMATION\n\(code)\noptions 1x bits 0-1 what the address is: block, track or session\n"
                    + "logical_block_address 4 block, track or session\n- 1\nallocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x5A,
                "MODE SENSE(10)\n\(code)\noptions 1x bit 4 long block addresses, bit 3 no block descriptors\n"
                    + "page_code 1x low six bits which page, above them which values: current, changeable, default, saved\n"
                    + "subpage_code 1x which part of the page\n- 3\nallocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x5E,
                "PERSISTENT RESERVE IN\n\(code)\nservice_action 1x what is asked\n- 5\n"
                    + "allocation_length 2 \(allocation)\n\(control)"
            ),
            (
                0x5F,
                "PERSISTENT RESERVE OUT\n\(code)\nservice_action 1x what is to be done\nscope_type 1x of which kind\n- 2\n"
                    + "parameter_list_length 4 bytes of the parameters\n\(control)"
            ),
            (0x88, sixteen("READ(16)", protection)), (0x8A, sixteen("WRITE(16)", protection)),
            (0x8F, sixteen("VERIFY(16)", "bits 1-2 what is compared")),
            (0x91, sixteen("SYNCHRONIZE CACHE(16)", "bit 1 answer before it is done")),
            (0x93, sixteen("WRITE SAME(16)", same)),
            (
                0x9E,
                "SERVICE ACTION IN(16)\n\(code)\nservice_action 1x 0x10 is READ CAPACITY(16)\nlogical_block_address 8 0\n"
                    + "allocation_length 4 \(allocation)\n- 1\n\(control)"
            ),
            (
                0xA0,
                "REPORT LUNS\n\(code)\n- 1\nselect_report 1x which kinds of units\n- 3\n"
                    + "allocation_length 4 \(allocation)\n- 1\n\(control)"
            ),
            (
                0xA3,
                "MAINTENANCE IN\n\(code)\nservice_action 1x 0x0c asks which commands are known\n"
                    + "reporting_options 1x bits 0-2 all commands, or one\nrequested_operation_code 1x which command\n"
                    + "requested_service_action 2x which action of it\nallocation_length 4 \(allocation)\n- 1\n\(control)"
            ),
            (0xA8, twelve("READ(12)", protection)), (0xAA, twelve("WRITE(12)", protection)),
            (
                0xBB,
                "SET CD SPEED\n\(code)\noptions 1x bits 0-1 how the disc turns\nread_speed 2 kilobytes per second\n"
                    + "write_speed 2 kilobytes per second\n- 5\n\(control)"
            ),
            (
                0xBE,
                "READ CD\n\(code)\nsector_type 1x bits 2-4 which kind of sector is expected; 0 any\n"
                    + "logical_block_address 4 first sector\ntransfer_length 3 sectors\n"
                    + "selection 1x which parts of a sector; 0x10 its data\nsub_channel 1x 0\n\(control)"
            ),
        ]
    }
}
