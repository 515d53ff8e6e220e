/// What a ring's control page and memory say, decoded without changing anything.
public struct RingListing: Hashable, Sendable {
    /// The control words, unchecked.
    public var control: RingControl
    /// Bytes in the data area.
    public var dataSize: UInt32
    /// Bytes from read to write index; nil where an index is impossible.
    public var usedBytes: UInt32?
    /// The packets from read to write index that are whole, oldest first.
    public var packets: [ReceivedPacket]
    /// What is wrong; the packets before it are listed.
    public var damage: RingDamage?

    /// Bytes a sender can fill but for the 8 that always stay free: data size − used; nil where an index is impossible.
    public var freeBytes: UInt32? { usedBytes.map { dataSize - $0 } }

    /// Decodes a ring of any memory. Only loads are done; of a ring in use use an image, as it moves on meanwhile.
    /// - Parameter limit: the most packets that are listed.
    /// - Throws: the memory's failure.
    public init<Memory: RingMemory>(of memory: Memory, limit: Int = .max) throws(Memory.Failure) {
        control = try memory.control()
        dataSize = memory.dataSize
        packets = []
        do throws(RingDamage) {
            usedBytes = try control.usedBytes(dataSize: dataSize)
        } catch {
            damage = error
            return
        }
        var receiver = RingReceiver(position: control.readIndex, knownWriteIndex: control.writeIndex)
        while packets.count < limit, receiver.position != control.writeIndex {
            do throws(RingError<Memory.Failure>) {
                guard let packet = try receiver.next(in: memory) else { return }
                packets.append(packet)
            } catch {
                switch error {
                case .memory(let failure): throw failure
                case .damage(let found): damage = found
                case .refused: break
                }
                return
            }
        }
    }
}
