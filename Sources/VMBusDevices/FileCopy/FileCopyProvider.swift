/// The host's end of a file copy: one file at a time, one part after another (reference §6.7).
public struct FileCopyProvider: IntegrationProvider {
    private struct Transfer: Sendable, Hashable {
        var order: FileCopyOrder
        var contents: [UInt8]
        var offset = 0
        var isCancelled = false
    }

    public var link: IntegrationHost
    private var transfer: Transfer?

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .fileCopy) { link = IntegrationHost(service) }

    /// Bytes of the file that is on its way which the guest has taken; nil when there is none.
    public var progress: Int? { transfer?.offset }

    public mutating func began(time: UInt64) -> [DeviceEffect] { [] }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .fileCopy(let command) = command else { return nil }
        guard case .copy(let order) = command else {
            guard transfer != nil else { return [.note("file copy: no file is on its way")] }
            transfer?.isCancelled = true
            return []
        }
        guard link.isAgreed else {
            return [.note("file copy: the guest has not agreed on a version, so it gets no file")]
        }
        guard transfer == nil else { return [.note("file copy: another file is on its way")] }
        guard let contents = order.contents else {
            return [.note("file copy: nobody here reads '\(order.source)'; 'pattern:BYTES' is made up")]
        }
        transfer = Transfer(order: order, contents: contents)
        return send(
            .start,
            .start(
                FileCopyMessage.Start(
                    name: order.name, path: order.path, flags: order.flags, size: UInt64(contents.count))))
    }

    private mutating func send(_ operation: FileCopyOperation, _ body: FileCopyMessage.Body = .nothing)
        -> [DeviceEffect]
    {
        link.send(.fileCopy(FileCopyMessage(operation, body)))
    }

    public mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect] {
        guard case .fileCopy(let question) = asked, case .fileCopy(let message) = answer.body else { return [] }
        guard message.operation == question.operation else {
            return [
                link.service.broken(
                    "fcopy-answer", message.operation.meaning ?? "\(message.operation.rawValue)",
                    "an answer repeats the step of its question")
            ]
        }
        if question.operation == .cancel { return [] }
        guard var transfer else { return [] }
        let name = "\(transfer.order.path == "/" ? "" : transfer.order.path)/\(transfer.order.name)"
        guard answer.status == .success else {
            self.transfer = nil
            let isStarted = question.operation != .start
            return (isStarted ? send(.cancel) : [])
                + [.note("file copy: the guest refuses \(name) at byte \(transfer.offset): \(answer.status.words)")]
        }
        if question.operation == .complete {
            self.transfer = nil
            return [.note("file copy: \(name) is whole, \(transfer.contents.count) bytes")]
        }
        if case .write(let chunk) = question.body { transfer.offset += chunk.count }
        self.transfer = transfer
        if transfer.isCancelled {
            self.transfer = nil
            return send(.cancel) + [.note("file copy: \(name) is given up at byte \(transfer.offset)")]
        }
        let part = transfer.contents[transfer.offset...].prefix(FileCopyMessage.chunkSize)
        guard !part.isEmpty else { return send(.complete) }
        return send(.write, .write(FileCopyMessage.Chunk(offset: UInt64(transfer.offset), part)))
    }

    public mutating func ended() { transfer = nil }
}
