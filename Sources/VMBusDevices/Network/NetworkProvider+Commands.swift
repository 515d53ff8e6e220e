import VMBusWire

extension NetworkProvider {
    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .network(let command) = command else { return nil }
        switch command {
        case .link(let connected): return setLink(connected: connected, memory: &memory)
        case .speed(let hundreds): return setSpeed(hundreds, memory: &memory)
        case .networkChange: return indicate(RNDIS.IndicateStatus(.networkChange), memory: &memory)
        case .virtualFunction(let serial): return setVirtualFunction(serial)
        }
    }

    /// The link goes up or down; a guest that runs is told.
    public mutating func setLink<Memory: DeviceMemory>(connected: Bool, memory: inout Memory) -> [DeviceEffect] {
        guard connected != isConnected else { return [] }
        isConnected = connected
        return indicate(RNDIS.IndicateStatus(connected ? .mediaConnect : .mediaDisconnect), memory: &memory)
    }

    /// The link has another speed, in units of 100 bit/s; a guest that can hear of it is told.
    public mutating func setSpeed<Memory: DeviceMemory>(_ hundreds: UInt32, memory: inout Memory) -> [DeviceEffect] {
        guard hundreds != linkSpeed else { return [] }
        linkSpeed = hundreds
        guard guestConfiguration?.capabilities.contains(.teaming) == true else { return [] }
        return indicate(RNDIS.IndicateStatus(speed: RNDIS.LinkSpeed(rawValue: hundreds)), memory: &memory)
    }

    /// The guest gets a virtual function of that number beside the adapter, or loses the one that it has.
    public mutating func setVirtualFunction(_ serial: UInt32?) -> [DeviceEffect] {
        guard serial != virtualFunction else { return [] }
        virtualFunction = serial
        if serial == nil { dataPath = .synthetic }
        return packetFilter.isEmpty && serial != nil ? [] : tellVirtualFunction()
    }

    /// Says which virtual function there is, to a guest that knows of such.
    mutating func tellVirtualFunction() -> [DeviceEffect] {
        guard let version, version >= .version4, isInitialized,
            guestConfiguration?.capabilities.contains(.virtualFunction) == true
        else { return [] }
        let message = NVSP.Message(
            .sendVFAssociation, .sendVFAssociation(NVSP.VFAssociation(serial: virtualFunction)))
        return outbound.send(
            ChannelPacket(payload: message.encoded(version: version, sender: .hostToGuest)), subchannel: 0)
    }

    private mutating func indicate<Memory: DeviceMemory>(
        _ status: RNDIS.IndicateStatus, memory: inout Memory
    ) -> [DeviceEffect] {
        isInitialized ? say(RNDIS.Message(.indicateStatus, .indicateStatus(status)), memory: &memory) : []
    }
}
