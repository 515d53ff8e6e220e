import Glibc
import Platform
public import VMBusDevices

/// The guest's end of a file copy that keeps what comes: the host's answer to each step says whether it could be kept.
///
/// It writes when a file is whole, within the step itself, since an answer that has gone cannot be taken back.
public struct FileCopyReceiver: IntegrationConsumer {
    private var consumer: FileCopyConsumer
    private var sink: FileCopySink

    /// Waits for its channel.
    public init(into sink: FileCopySink) {
        consumer = FileCopyConsumer(maximumSize: sink.maximumSize)
        self.sink = sink
    }

    public var link: IntegrationGuest {
        get { consumer.link }
        set { consumer.link = newValue }
    }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        let before = consumer
        var answer = consumer.answer(request, agreement, time: time)
        do throws(SystemError) {
            answer.effects = try keep(answer.effects)
        } catch {
            // A step that cannot be kept has not happened; the host gives the file up.
            consumer = before
            answer.status = Self.status(of: error)
            answer.effects = [.note("refused: \(error)")]
        }
        return answer
    }

    private mutating func keep(_ effects: [DeviceEffect]) throws(SystemError) -> [DeviceEffect] {
        var others: [DeviceEffect] = []
        for effect in effects {
            guard case .utility(.file(let step)) = effect else {
                others.append(effect)
                continue
            }
            if let stored = try sink.take(step) {
                others.append(.note("\(stored.path) is whole, \(stored.byteCount) bytes"))
            } else if step == .cancel {
                others.append(.note("the host has given the file up; nothing of it is kept"))
            }
        }
        return others
    }

    private static func status(of error: SystemError) -> IntegrationComponent.Status {
        switch error.code {
        case EEXIST: .alreadyExists
        case EFBIG, ENOSPC, EDQUOT: .diskFull
        case EINVAL, ENAMETOOLONG: .invalidArgument
        default: .failure
        }
    }

    public mutating func ended() -> [DeviceEffect] {
        (try? keep(consumer.ended())) ?? []
    }
}
