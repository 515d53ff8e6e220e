import VMBusWire

/// What disks answer with (SPC-4, SBC-3, MMC-6), as tables of fields.
enum AnswerLayouts {
    /// Sense data in fixed format.
    static let fixedSense = SCSILayout(
        "SENSE\nresponse_code 1x 0x70 this command, 0x71 an earlier one; bit 7 the block is valid\n- 1\n"
            + "sense_key 1x which kind of trouble; above it marks of tapes\ninformation 4 the block that it is about\n"
            + "additional_length 1 bytes behind this\ncommand_information 4x what the command adds\n"
            + "additional_sense 2x what exactly is the trouble\nfield_replaceable_unit 1 which part is broken\n"
            + "sense_key_specific 3x which field or how far")

    /// Sense data as descriptors.
    static let descriptorSense = SCSILayout(
        "SENSE\nresponse_code 1x 0x72 this command, 0x73 an earlier one\nsense_key 1x which kind of trouble\n"
            + "additional_sense 2x what exactly is the trouble\n- 3\nadditional_length 1 bytes of descriptors")

    private static let inquiry = SCSILayout(
        "INQUIRY_DATA\nperipheral 1x low five bits the kind: 0 disk, 5 CD; 0x7f nothing is connected here\n"
            + "removable 1x bit 7 the medium can be taken out\nversion 1 of the standard; 6 is SPC-4\n"
            + "response_format 1x 2, and what the disk can do\nadditional_length 1 bytes behind this\nflags 3x abilities\n"
            + "vendor_identification 8 who made it\nproduct_identification 16 what it is\n"
            + "revision_identification 4 which version of it")
    private static let page = SCSILayout(
        "VITAL_PRODUCT_DATA\nperipheral 1x low five bits the kind: 0 disk, 5 CD\npage_code 1x which page\n"
            + "page_length 2 bytes behind this")
    private static let capacity10 = SCSILayout(
        "CAPACITY\nlast_logical_block 4 number of the last block\nblock_length 4 bytes of a block")
    private static let capacity16 = SCSILayout(
        "CAPACITY\nlast_logical_block 8 number of the last block\nblock_length 4 bytes of a block\n"
            + "protection 1x protection of blocks\nexponent 1x how many blocks are one physical block\n"
            + "provisioning 2x bit 15 blocks can be discarded, bit 14 they read as zeros then")
    private static let units = SCSILayout("UNITS\nlist_length 4 bytes of the list\n- 4")
    private static let mode6 = SCSILayout(
        "MODE\nmode_data_length 1 bytes behind this\nmedium_type 1x 0\n"
            + "device_specific 1x bit 7 nobody may write\nblock_descriptor_length 1 bytes")
    private static let mode10 = SCSILayout(
        "MODE\nmode_data_length 2 bytes behind this\nmedium_type 1x 0\n"
            + "device_specific 1x bit 7 nobody may write\n- 2\nblock_descriptor_length 2 bytes")
    private static let contents = SCSILayout(
        "CONTENTS\ndata_length 2 bytes behind this\nfirst_track 1 number\nlast_track 1 number")
    private static let unmapList = SCSILayout(
        "UNMAP_LIST\nunmap_data_length 2 bytes behind this\ndescriptor_length 2 bytes of the list of blocks\n- 4\n"
            + "first_block 8 of the first range\nblock_count 4 of the first range\n- 4")

    /// The layout of the data of a request; nil for blocks, and what is not known.
    ///
    /// - Parameters:
    ///   - opcode: which command it is.
    ///   - option: the second byte of its block.
    static func layout(opcode: UInt8, option: UInt8) -> SCSILayout? {
        switch SCSI.Opcode(rawValue: opcode) {
        case .inquiry: option & 1 != 0 ? page : inquiry
        case .requestSense: option & 1 != 0 ? descriptorSense : fixedSense
        case .readCapacity10: capacity10
        case .serviceActionIn16: capacity16
        case .reportLUNs: units
        case .modeSense6: mode6
        case .modeSense10: mode10
        case .readTOC: contents
        case .unmap: unmapList
        default: nil
        }
    }
}
