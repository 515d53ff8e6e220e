public import VMBusWire

/// A field that decoding a record gives, as far as the declarations of the structures tell.
public struct QueryDecodedName: Sendable, Hashable {
    /// The field's name, without those around it.
    public let name: String
    /// What it is, in plain words.
    public let help: String
}

extension QuerySchema {
    /// The schema with the fields of more structures among its decoded names.
    public func adding(_ structures: [any WireStructure.Type]) -> QuerySchema {
        // Only looked up, never walked.
        var known = Set(fields.map(\.name) + decodedNames.map(\.name))
        var names = decodedNames
        for structure in structures {
            for field in structure.schema {
                let name = field.path.split(separator: ".").last.map(String.init) ?? field.path
                if known.insert(name).inserted { names.append(QueryDecodedName(name: name, help: field.help)) }
            }
        }
        return QuerySchema(name: name, fields: fields, hasDecodedFields: hasDecodedFields, decodedNames: names)
    }

    /// The structures of the bus itself: channel messages and packet headers.
    static let busStructures: [any WireStructure.Type] = [
        OfferChannel.self, ChannelReference.self, OpenChannel.self, OpenChannelResult.self, GPADLHeader.self,
        GPADLBody.self, GPADLCreated.self, GPADLTeardown.self, GPADLTorndown.self, InitiateContact.self,
        VersionResponse.self, OpenReservedChannel.self, CloseReservedChannel.self, TLConnectRequest.self,
        TLConnectResult.self, ModifyChannel.self, ModifyChannelResponse.self, ModifyConnection.self,
        ModifyConnectionResponse.self, PacketDescriptor.self, GPADirectHeader.self, TransferPageHeader.self,
        PipeHeader.self, SignalEventInput.self,
    ]
}
