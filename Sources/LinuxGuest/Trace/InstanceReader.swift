public import Platform

/// Reads the buffers of a tracing instance, a page at a time, without ever waiting.
public struct InstanceReader: Sendable {
    /// A class, as a descriptor has one owner and an array copies.
    private final class Pipe: Sendable {
        let processor: Int
        let descriptor: OwnedDescriptor

        init(_ processor: Int, _ descriptor: consuming OwnedDescriptor) {
            self.processor = processor
            self.descriptor = descriptor
        }
    }

    // Looked up only, never walked.
    private let formats: [UInt16: TraceFormat]
    private let pipes: [Pipe]
    private var order = FiredOrder()
    private let pageSize: Int

    /// What one look has found.
    public struct Look: Sendable {
        /// What fired, oldest first.
        public var fired: [FiredTracepoint] = []
        /// What was lost, by processor; nil for an unknown number.
        public var losses: [(processor: Int, count: UInt64?)] = []
        /// Pages that could not be read to their end.
        public var damagedPages = 0
    }

    /// The most pages of one processor that one look takes, so that a flood cannot hold the program.
    private static let mostPages = 512

    /// Opens an instance's buffers.
    public init(_ instance: TraceInstance, processors: [Int], pageSize: Int = 4096) throws(SystemError) {
        formats = Dictionary(instance.formats.map { ($0.id, $0) }) { first, _ in first }
        self.pageSize = pageSize
        DescriptorLimit.makeRoom(for: processors.count + 64)
        var pipes: [Pipe] = []
        for processor in processors {
            let path = "\(instance.directory.path)/per_cpu/cpu\(processor)/trace_pipe_raw"
            pipes.append(Pipe(processor, try OwnedDescriptor(streaming: path)))
        }
        self.pipes = pipes
    }

    /// Everything that fired up to a moment.
    public mutating func look(upTo moment: UInt64) throws(SystemError) -> Look {
        var look = Look()
        for pipe in pipes {
            let processor = pipe.processor
            for _ in 0..<Self.mostPages {
                guard let bytes = try pipe.descriptor.read(atMost: pageSize), !bytes.isEmpty else { break }
                let page = RawTracePage(bytes)
                switch page.loss {
                case .counted(let count): look.losses.append((processor, count))
                case .some: look.losses.append((processor, nil))
                case nil: break
                }
                if page.isDamaged { look.damagedPages += 1 }
                for event in page.events {
                    guard let id = TraceFormat.id(of: event.bytes), let format = formats[id] else { continue }
                    let record = format.decode(event.bytes, cpu: UInt16(truncatingIfNeeded: processor))
                    order.add(FiredTracepoint(time: event.time, record: record))
                }
            }
        }
        look.fired = order.take(upTo: moment)
        return look
    }
}
