import VMBusWire

/// A SCSI command that a guest sends to a disk.
public struct StorageRequest: Sendable, Hashable {
    /// Repeated by the result.
    public var token: UInt64
    /// Which bus.
    public var path: UInt8 = 0
    /// Which target on it.
    public var target: UInt8 = 0
    /// Which unit of it.
    public var lun: UInt8
    /// What to do.
    public var command: SCSI.Command
    /// The bytes for the disk.
    public var data: [UInt8]
    /// Bytes of room for the answer.
    public var room: Int

    /// A command with bytes for the disk, or room for its answer.
    public init(token: UInt64, lun: UInt8, _ command: SCSI.Command, data: [UInt8] = [], room: Int = 0) {
        self.token = token
        self.lun = lun
        self.command = command
        self.data = data
        self.room = room
    }
}

/// How a guest's SCSI command ended.
public struct StorageResult: Sendable, Hashable {
    /// The request's.
    public var token: UInt64
    /// How the request ended.
    public var status: VStor.RequestStatus
    /// What the disk says.
    public var scsiStatus: SCSI.Status
    /// Why not, where the disk says it.
    public var sense: SCSI.Sense?
    /// The bytes of the answer.
    public var data: [UInt8]

    /// Whether the disk did what it was asked.
    public var isSuccess: Bool { status.code == .success && scsiStatus == .good }
}
