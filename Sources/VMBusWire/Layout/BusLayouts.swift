extension LayoutExplorer {
    /// The channel message, the headers of ring packets and the input of HvSignalEvent, under short names.
    public mutating func exploreBus() {
        add(explore(ChannelMessageEnvelope.self), as: "message")
        add(explore(PacketDescriptor.self), as: "descriptor")
        add(explore(GPADirectHeader.self), as: "gpa_direct")
        add(explore(TransferPageHeader.self), as: "transfer_pages")
        add(explore(TransferPageSetHeader.self), as: "transfer_page_set")
        add(explore(EstablishGPADLHeader.self), as: "establish_gpadl")
        add(explore(GPADLReferenceHeader.self), as: "gpadl_reference")
        add(explore(AdditionalDataHeader.self), as: "additional_data")
        add(explore(SignalEventInput.self), as: "signal")
    }
}
