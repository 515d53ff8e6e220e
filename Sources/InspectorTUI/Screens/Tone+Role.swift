import Inspector

extension Role {
    /// How a piece of text with a tone is shown.
    init(_ tone: Tone) {
        self =
            switch tone {
            case .plain: .text
            case .dim: .textDim
            case .good: .statusOk
            case .warn: .statusWarn
            case .bad: .statusError
            case .accent: .textStrong
            case .identifier: .statusInfo
            case .number: .text
            case .directionIn: .directionIn
            case .directionOut: .directionOut
            case .kindMessage: .protocolMessage
            case .kindPacket: .protocolPacket
            case .kindSignal: .protocolSignal
            case .kindInterrupt: .protocolInterrupt
            case .kindState: .protocolState
            case .kindSample: .protocolSample
            case .kindFault: .protocolFault
            case .kindGap: .protocolGap
            case .kindNote: .protocolNote
            }
    }
}

extension Key {
    /// The key's name in the action table.
    var actionName: String {
        switch code {
        case .pageUp: "PageUp"
        case .pageDown: "PageDown"
        default: description
        }
    }
}
