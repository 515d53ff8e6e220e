import VMBusWire

extension NetworkProvider {
    /// The objects that queries are answered for, and those that can be set, in numerical order.
    private static let objects: [UInt32] =
        Array(0x0001_0101...0x0001_010F) + [0x0001_0110, 0x0001_0111] + Array(0x0001_0113...0x0001_0116)
        + [0x0001_0203, 0x0001_0204, 0x0001_0206, 0x0001_0207, 0x0001_021B] + Array(0x0002_0101...0x0002_0105)
        + [0x0002_0216] + Array(0x0101_0101...0x0101_0104) + [0x0101_010A] + Array(0x0102_0101...0x0102_0103)
        + [0xFC01_020B, 0xFC01_020C, 0xFC01_020D]

    /// The objects that a guest may set.
    private static let settable: [RNDIS.ObjectIdentifier] = [
        .packetFilter, .receiveScaleParameters, .offloadParameters, .configurationParameter, .multicastList,
        .offloadEncapsulation,
    ]

    /// The most groups that a guest may list.
    static let maximumMulticast = 64

    /// What an object is; nil for one that is not there, or can only be set.
    func value(of request: RNDIS.Request) -> RNDIS.Information? {
        let frame = UInt32(configuration.mtu + EthernetFrame.headerSize)
        switch request.object {
        case .supportedList:
            return .objects(Self.objects.map { RNDIS.Information.SupportedObject(.init(rawValue: $0)) })
        case .maximumFrameSize: return .number(UInt32(configuration.mtu))
        case .linkSpeed: return .linkSpeed(RNDIS.LinkSpeed(rawValue: linkSpeed))
        case .maximumLinkSpeed: return .linkSpeeds(RNDIS.LinkSpeeds(hundreds: configuration.linkSpeed))
        case .linkState:
            return .linkState(
                RNDIS.LinkState(
                    isConnected ? .connected : .disconnected, speeds: RNDIS.LinkSpeeds(hundreds: linkSpeed)))
        case .packetFilter: return .packetFilter(packetFilter)
        case .mediaConnectStatus: return .mediaState(isConnected ? .connected : .disconnected)
        case .receiveScaleCapabilities where (version ?? .version1) >= .version5:
            return .receiveScaleCapabilities(
                RNDIS.ReceiveScaleCapabilities(queueCount: UInt32(configuration.maximumChannels), tableEntries: 128))
        case .friendlyName: return .text(Array(UTF16Text.bytes(configuration.friendlyName).prefix(512)))
        case .vendorDescription: return .label(Array("VMBusScope virtual switch".utf8))
        case .permanentAddress: return .address(configuration.address)
        case .currentAddress: return .address(currentAddress)
        case .multicastList: return .addresses(multicastList.map { RNDIS.HardwareAddress($0) })
        case .offloadHardwareCapabilities, .offloadCurrentConfiguration:
            return .offloadCapabilities(offloadCapabilities(for: request))
        default: break
        }
        return request.object.isNumber ? number(request.object, frame: frame).map { .number($0) } : nil
    }

    private func number(_ object: RNDIS.ObjectIdentifier, frame: UInt32) -> UInt32? {
        switch object.rawValue {
        // Ready, 802.3, in use, no collisions, no errors.
        case 0x0001_0102...0x0001_0104, 0x0002_0103, 0x0002_0104, 0x0102_0101...0x0102_0103: 0
        case 0x0001_0105, 0x0001_010F: UInt32(configuration.mtu)
        case 0x0001_0108: UInt32(sendSections * configuration.sendSectionSize)
        case 0x0001_0109: UInt32(slots.count * subAllocation)
        case 0x0001_010A, 0x0001_010B, 0x0001_0111: frame
        // The first half of the addresses that Hyper-V gives.
        case 0x0001_010C: 0x005D_1500
        case 0x0001_0110: 0x0600
        // No loopback by the adapter, and tags beside the frame.
        case 0x0001_0113: 0x48
        case 0x0001_0115: UInt32(configuration.maximumPacketsPerMessage)
        case 0x0001_0116: 0x0001_0000
        case 0x0002_0101: UInt32(truncatingIfNeeded: counters.framesFromGuest)
        case 0x0002_0102: UInt32(truncatingIfNeeded: counters.framesToGuest)
        case 0x0002_0105: UInt32(truncatingIfNeeded: counters.noBuffer)
        case 0x0101_0104: UInt32(Self.maximumMulticast)
        default: nil
        }
    }

    /// In the revision of the guest's version, or of its request where that is older.
    private func offloadCapabilities(for request: RNDIS.Request) -> RNDIS.OffloadCapabilities {
        let version = version ?? .version1
        var revision: UInt8 = version >= .version5 ? 3 : version >= .version4 ? 2 : 1
        if case .offloadCapabilities(let asked) = request.information {
            revision = min(revision, max(1, asked.header.revision))
        }
        return configuration.offersOffloads ? .all(revision: revision) : .init(revision: revision)
    }

    /// Sets an object: how it went, and what follows.
    mutating func set(_ request: RNDIS.Request) -> (RNDIS.Status, [DeviceEffect]) {
        switch request.information {
        case .packetFilter(let filter):
            let wasOff = packetFilter.isEmpty
            packetFilter = filter
            guard wasOff, !filter.isEmpty else { return (.success, []) }
            return (.success, [.ready] + (virtualFunction == nil ? [] : tellVirtualFunction()))
        case .receiveScaleParameters(let parameters): return (spread(parameters), [])
        case .offloadParameters(let parameters):
            guard configuration.offersOffloads else { return (.notSupported, []) }
            offloads.set(parameters)
            return (.success, [])
        case .offloadEncapsulation: return (configuration.offersOffloads ? .success : .notSupported, [])
        case .addresses(let list):
            guard list.count <= Self.maximumMulticast else { return (.invalidData, []) }
            multicastList = list.map { $0.bytes }
            return (.success, [])
        case .configurationParameter(let parameter): return (configure(parameter), [])
        case .bytes where Self.settable.contains(request.object): return (.bufferTooShort, [])
        default: return (.notSupported, [])
        }
    }

    /// The only parameter that means something here is the address; others are taken, as hosts do.
    private mutating func configure(_ parameter: RNDIS.ConfigurationParameter) -> RNDIS.Status {
        guard UTF16Text.text(parameter.name) == "NetworkAddress" else { return .success }
        let digits = UTF16Text.text(parameter.value)
        guard parameter.type == .string, digits.utf8.count == 12, let value = UInt64(digits, radix: 16),
            value >> 40 & 1 == 0, value != 0
        else { return .invalidData }
        currentAddress = (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - $0 * 8)) }
        return .success
    }

    /// Spreads received frames over channels; what the guest leaves unchanged stays.
    private mutating func spread(_ parameters: RNDIS.ReceiveScaleParameters) -> RNDIS.Status {
        if parameters.flags.contains(.disable) {
            receiveScale = nil
            return .success
        }
        var next = parameters
        if let receiveScale {
            if next.flags.contains(.hashUnchanged) { next.hashInformation = receiveScale.hashInformation }
            if next.flags.contains(.tableUnchanged) { next.table = receiveScale.table }
            if next.flags.contains(.keyUnchanged) { next.key = receiveScale.key }
        }
        guard !next.table.isEmpty, next.table.count <= RNDIS.ReceiveScaleParameters.maximumEntries,
            next.key.count == RNDIS.ReceiveScaleParameters.keySize,
            next.table.allSatisfy({ $0.channel <= UInt32(grantedSubchannels) })
        else { return .invalidData }
        receiveScale = next
        return .success
    }
}
