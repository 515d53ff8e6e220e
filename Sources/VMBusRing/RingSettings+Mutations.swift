#if Mutations
    import VMBusWire

    /// What planted bugs do to a ring.
    extension RingSettings {
        /// Bytes that a sender takes for free and that are not.
        @usableFromInline var mutatedFree: UInt32 { mutation == .ringFilledUp ? 8 : 0 }

        /// Spoils what was published, and says whether the sender signals.
        @usableFromInline
        func mutated<Memory: RingMemory>(
            _ batch: SendBatch, _ signal: Bool, in memory: inout Memory
        ) throws(RingError<Memory.Failure>) -> Bool {
            let size = memory.dataSize
            let trailer = ringOffset(batch.position, advancedBy: size - 8, dataSize: size)
            switch mutation {
            case .writeIndexUnaligned: try memory.set(.writeIndex, to: batch.position + 4)
            case .readIndexBySender: try memory.set(.readIndex, to: batch.position)
            case .descriptorOffsetShort:
                let word = try memory.dataWord64(batch.start)
                try memory.setData(word & ~0xFFFF_0000 | 1 << 16, at: batch.start)
            case .trailerOfNextPacket: try memory.setData(UInt64(batch.position) << 32, at: trailer)
            case .byteLostAtWrap where batch.position > 0 && batch.position < batch.start:
                let last = ringOffset(trailer, advancedBy: size - 8, dataSize: size)
                try memory.setData(~(try memory.dataWord64(last)), at: last)
            case .signalEveryPacket: return true
            case .dataSignalForgotten: return false
            default: break
            }
            return signal
        }
    }
#endif
