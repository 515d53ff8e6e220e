/// The guest's end of a file copy: checks each step and hands it on; it keeps nothing of a file (reference §6.7).
public struct FileCopyConsumer: IntegrationConsumer {
    public var link: IntegrationGuest
    /// The most bytes of a file that is taken.
    public let maximumSize: UInt64
    /// The file that comes; nil when none does.
    public private(set) var file: FileCopyMessage.Start?
    /// Bytes of it that have come.
    public private(set) var received: UInt64 = 0
    /// Whether what comes of it cannot be kept.
    private var isLost = false

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .fileCopy, maximumSize: UInt64 = 1 << 30) {
        link = IntegrationGuest(service)
        self.maximumSize = maximumSize
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard command == .fileCopy(.cancel) else { return nil }
        isLost = file != nil
        return []
    }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        guard case .fileCopy(let message) = request else { return IntegrationAnswer(request, .failure) }
        if case .start(let start) = message.body { return begin(start, request) }
        guard let file else {
            return refused(request, "fcopy-order", message.operation.meaning ?? "", "a file is started first")
        }
        if isLost, message.operation != .cancel { return IntegrationAnswer(request, .diskFull) }
        switch message.body {
        case .write(let chunk):
            guard chunk.offset == received else {
                return refused(
                    request, "fcopy-offset", "offset \(chunk.offset)", "parts come in order; \(received) bytes are here"
                )
            }
            guard UInt64(chunk.count) <= file.size - received else {
                return refused(
                    request, "fcopy-size", "\(chunk.count) bytes at \(chunk.offset)",
                    "no more than the \(file.size) bytes of the file")
            }
            received += UInt64(chunk.count)
            return IntegrationAnswer(request, .success, [.utility(.file(.data(offset: chunk.offset, chunk.data)))])
        default:
            let isWhole = received == file.size
            let isComplete = message.operation == .complete
            guard isWhole || !isComplete else {
                return refused(
                    request, "fcopy-size", "\(received) bytes", "a file is complete with all its \(file.size) bytes")
            }
            end()
            return IntegrationAnswer(request, .success, [.utility(.file(isComplete ? .complete : .cancel))])
        }
    }

    private mutating func begin(
        _ start: FileCopyMessage.Start, _ request: IntegrationComponent.Message.Body
    ) -> IntegrationAnswer {
        guard file == nil else {
            return refused(request, "fcopy-order", "START", "one file is completed or cancelled before the next")
        }
        guard !start.name.isEmpty, !start.name.contains("/"), start.name != ".", start.name != ".." else {
            return refused(request, "fcopy-name", "'\(start.name)'", "a name without a path")
        }
        guard start.size <= maximumSize else { return IntegrationAnswer(request, .diskFull) }
        file = start
        received = 0
        return IntegrationAnswer(request, .success, [.utility(.file(.begin(start)))])
    }

    private mutating func end() {
        file = nil
        received = 0
        isLost = false
    }

    private func refused(
        _ request: IntegrationComponent.Message.Body, _ rule: String, _ value: String, _ explanation: String
    ) -> IntegrationAnswer {
        IntegrationAnswer(request, .invalidArgument, [link.service.broken(rule, value, explanation)])
    }

    public mutating func ended() -> [DeviceEffect] {
        defer { end() }
        return file == nil ? [] : [.utility(.file(.cancel))]
    }
}
