extension LogicalUnit {
    // MARK: INQUIRY

    private var deviceType: UInt8 { medium == .disk ? 0 : 5 }

    mutating func inquire(_ command: SCSI.Command, maximumTransfer: Int) -> Outcome {
        guard command.bytes[1] & 1 != 0 else {
            return command.bytes[2] == 0 ? .done(standardInquiry) : .failed(.invalidField)
        }
        guard let page = vitalProductData(command.bytes[2], maximumTransfer: maximumTransfer) else {
            return .failed(.invalidField)
        }
        return .done([deviceType, command.bytes[2]] + bigEndian(UInt16(page.count)) + page)
    }

    /// SPC-4 §6.6.2: version 6, response format 2, command queueing.
    private var standardInquiry: [UInt8] {
        let product = medium == .disk ? "Virtual Disk    " : "Virtual CD-ROM  "
        return [deviceType, medium == .disk ? 0 : 0x80, 6, 0x12, 31, 0, 0, 2] + Array("VMBScope".utf8)
            + Array(product.utf8) + Array("1.0 ".utf8)
    }

    private func vitalProductData(_ page: UInt8, maximumTransfer: Int) -> [UInt8]? {
        let serial = Array(String(identity, radix: 16, uppercase: false).utf8)
        switch page {
        case 0x00: return medium == .disk ? [0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2] : [0x00, 0x80, 0x83]
        case 0x80: return serial
        case 0x83:
            // One name: binary, of this unit, assigned locally (SPC-4 §7.8.6.6).
            return [0x01, 0x03, 0, 8] + bigEndian(0x3 << 60 | identity & (1 << 60 - 1))
        case 0xB0 where medium == .disk:
            var limits = [UInt8](repeating: 0, count: 60)
            func put(_ number: UInt32, at place: Int) {
                limits.replaceSubrange(place - 4..<place, with: bigEndian(number))
            }
            put(UInt32(maximumTransfer / blockSize), at: 8)
            if !isReadOnly {
                put(UInt32.max, at: 20)
                put(UInt32(Self.maximumUnmapDescriptors), at: 24)
                put(UInt32(max(1, 4096 / blockSize)), at: 28)
                put(UInt32(Self.maximumSame), at: 40)
            }
            return limits
        case 0xB1 where medium == .disk: return [0, 1] + [UInt8](repeating: 0, count: 58)
        case 0xB2 where medium == .disk:
            // Both UNMAP and WRITE SAME discard, and zeros are read afterwards; thin.
            return isReadOnly ? [0, 0, 0, 0] : [0, 0xE4, 2, 0]
        default: return nil
        }
    }

    // MARK: MODE SENSE

    /// The pages that a disk or drive has, by number, as current and default values (SPC-4 §7.5, MMC-6 §7).
    private var modePages: [(code: UInt8, bytes: [UInt8])] {
        var pages: [(UInt8, [UInt8])] = [
            (0x01, [0x01, 10] + [UInt8](repeating: 0, count: 10))
        ]
        if medium == .disk {
            pages.append((0x08, [0x08, 18, isReadOnly ? 0 : 4] + [UInt8](repeating: 0, count: 17)))
            pages.append((0x0A, [0x0A, 10] + [UInt8](repeating: 0, count: 10)))
        }
        pages.append((0x1C, [0x1C, 10] + [UInt8](repeating: 0, count: 10)))
        if medium == .compactDisc {
            // Reads sectors of both modes; locks, ejects, has a tray.
            pages.append((0x2A, [0x2A, 18, 0x03, 0x00, 0x70, 0x00, 0x29, 0x00] + [UInt8](repeating: 0, count: 12)))
        }
        return pages
    }

    mutating func modeSense(_ command: SCSI.Command) -> Outcome {
        let (page, values) = (command.bytes[2] & 0x3F, command.bytes[2] >> 6)
        guard values != 3, command.bytes[3] == 0 || command.bytes[3] == 0xFF else { return .failed(.invalidField) }
        var pages: [UInt8] = []
        for (code, bytes) in modePages where page == 0x3F || page == code {
            // Nothing can be changed.
            pages += values == 1 ? bytes.prefix(2) + [UInt8](repeating: 0, count: bytes.count - 2) : bytes
        }
        guard !pages.isEmpty || page == 0 else { return .failed(.invalidField) }
        let parameter: UInt8 = isReadOnly && medium == .disk ? 0x80 : 0
        let isShort = command.opcode == .modeSense6
        let wantsDescriptor = command.bytes[1] & 0x08 == 0 && medium == .disk
        let descriptor =
            wantsDescriptor ? bigEndian(UInt32(clamping: blockCount)) + bigEndian(UInt32(blockSize)) : []
        let body = descriptor + pages
        if isShort {
            return .done([UInt8(clamping: body.count + 3), 0, parameter, UInt8(descriptor.count)] + body)
        }
        return .done(
            bigEndian(UInt16(clamping: body.count + 6)) + [0, parameter, 0, 0] + bigEndian(UInt16(descriptor.count))
                + body)
    }

    // MARK: Which commands there are

    /// The commands that a disk or drive knows.
    private var commands: [SCSI.Opcode] {
        let common: [SCSI.Opcode] = [
            .testUnitReady, .requestSense, .read6, .inquiry, .modeSense6, .startStopUnit, .preventAllowRemoval,
            .readCapacity10, .read10, .verify10, .synchronizeCache10, .modeSense10, .read16, .verify16,
            .synchronizeCache16, .serviceActionIn16, .reportLUNs, .maintenanceIn, .read12,
        ]
        let more: [SCSI.Opcode] =
            medium == .compactDisc
            ? [
                .readTOC, .getConfiguration, .getEventStatus, .readDiscInformation, .readTrackInformation, .setCDSpeed,
                .readCD,
            ]
            : isReadOnly
                ? [] : [.write6, .write10, .writeSame10, .unmap, .write16, .writeSame16, .write12]
        return common + more
    }

    /// REPORT SUPPORTED OPERATION CODES about one command (SPC-4 §6.35); about all of them nobody asks.
    mutating func supportedCommands(_ command: SCSI.Command) -> Outcome {
        guard command.bytes[1] & 0x1F == 0x0C, (1...3).contains(command.bytes[2] & 7) else {
            return .failed(.invalidField)
        }
        let asked = SCSI.Command([command.bytes[3]])
        guard commands.contains(asked.opcode) else { return .done([0, 1, 0, 0]) }
        var usage = [UInt8](repeating: 0xFF, count: Int(asked.length))
        usage[0] = asked.bytes[0]
        return .done([0, 3] + bigEndian(UInt16(usage.count)) + usage)
    }

    // MARK: Discs

    mutating func eventStatus(_ command: SCSI.Command) -> Outcome {
        // Nobody is told later of what happens.
        guard command.bytes[1] & 1 != 0 else { return .failed(.invalidField) }
        guard command.bytes[4] & 0x10 != 0 else { return .done([0, 2, 0x80, 0x10]) }
        return .done([0, 6, 0x04, 0x10, 0, hasMedium ? 0x02 : 0x00, 0, 0])
    }

    /// Profile CD-ROM with the features that every drive has (MMC-6 §5.3).
    mutating func configuration(_ command: SCSI.Command) -> Outcome {
        let isCurrent: UInt8 = hasMedium ? 1 : 0
        let profile: [UInt8] = [0x00, 0x08, isCurrent, 0]
        let features: [(UInt16, [UInt8])] = [
            (0x0000, [0x03, 4] + profile),
            (0x0001, [0x0B, 8, 0, 0, 0, 1, 0, 0, 0, 0]),
            (0x0003, [0x03, 4, 0x29, 0, 0, 0]),
            (0x0010, [isCurrent, 8] + bigEndian(UInt32(blockSize)) + [0, 1, 0, 0]),
            (0x001E, [0x08 | isCurrent, 4, 0, 0, 0, 0]),
        ]
        let (kind, first) = (command.bytes[1] & 3, UInt16(command.bytes[2...3].number))
        guard kind != 3 else { return .failed(.invalidField) }
        var body: [UInt8] = []
        for (number, bytes) in features where kind == 2 ? number == first : number >= first {
            if kind == 1, bytes[0] & 1 == 0 { continue }
            body += bigEndian(number) + bytes
        }
        return .done(bigEndian(UInt32(body.count + 4)) + [0, 0, 0, hasMedium ? 8 : 0] + body)
    }

    mutating func disc(_ command: SCSI.Command) -> Outcome {
        switch command.opcode {
        case .setCDSpeed: return .done([])
        case .readTOC: return tableOfContents(command)
        case .readDiscInformation:
            guard command.bytes[1] & 7 == 0 else { return .failed(.invalidField) }
            // One closed session with one track.
            return .done([0, 32, 0x0E, 1, 1, 1, 1, 0x20] + [UInt8](repeating: 0, count: 26))
        case .readTrackInformation:
            var information: [UInt8] = [0, 34, 1, 1, 0, 4, 1, 0] + [UInt8](repeating: 0, count: 28)
            information.replaceSubrange(24..<28, with: bigEndian(UInt32(clamping: blockCount)))
            return .done(information)
        default:
            let (block, count) = (command.block, command.count)
            // The user's data of sectors of mode 1 is all that an image has.
            guard command.bytes[9] & 0xF8 == 0x10 || count == 0, [0, 2].contains(command.bytes[1] >> 2 & 7) else {
                return .failed(.wrongTrackMode)
            }
            guard block <= blockCount, count <= blockCount - block else { return .failed(.outOfRange) }
            return count == 0 ? .done([]) : .disk(.read(BlockRange(block: block, count: UInt32(count))))
        }
    }

    /// One data track, then the lead-out (MMC-6 §6.26).
    private func tableOfContents(_ command: SCSI.Command) -> Outcome {
        // Older guests say the format in the control byte.
        let format = command.bytes[2] & 0xF != 0 ? command.bytes[2] & 0xF : command.bytes[9] >> 6
        func address(_ block: UInt64) -> [UInt8] {
            guard command.bytes[1] & 2 != 0 else { return bigEndian(UInt32(clamping: block)) }
            // A disc turns 75 sectors a second, and begins after two seconds.
            let frames = min(block, 449_849) + 150
            return [0, UInt8(frames / 4500), UInt8(frames / 75 % 60), UInt8(frames % 75)]
        }
        switch format {
        case 0:
            let track: [UInt8] = [0, 0x14, 1, 0] + address(0)
            let end: [UInt8] = [0, 0x14, 0xAA, 0] + address(blockCount)
            let wanted = command.bytes[6] <= 1 ? track + end : command.bytes[6] == 0xAA ? end : []
            guard !wanted.isEmpty else { return .failed(.invalidField) }
            return .done(bigEndian(UInt16(wanted.count + 2)) + [1, 1] + wanted)
        case 1: return .done([0, 10, 1, 1, 0, 0x14, 1, 0] + address(0))
        default: return .failed(.invalidField)
        }
    }
}
