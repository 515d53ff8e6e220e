import VMBusWire

extension IntegrationComponent {
    /// What tells the six services apart as far as framing and negotiation go: a name and two tables of versions.
    public struct Service: Sendable, Hashable {
        /// What people call it.
        public let name: String
        /// The type of its messages.
        public let type: MessageType
        /// Framework versions, newest first.
        public var frameworks: [Version]
        /// Versions of its messages, newest first.
        public var messages: [Version]

        private init(
            _ name: String, _ type: MessageType, frameworks: [Version] = [Version(3, 0), Version(1, 0)],
            _ messages: [Version]
        ) {
            self.name = name
            self.type = type
            self.frameworks = frameworks
            self.messages = messages
        }

        /// Whether the guest lives (reference §6.4).
        public static let heartbeat = Service("heartbeat", .heartbeat, [Version(3, 0), Version(1, 0)])
        /// Ends the guest (reference §6.4).
        public static let shutdown = Service(
            "shutdown", .shutdown, [Version(3, 2), Version(3, 1), Version(3, 0), Version(1, 0)])
        /// Sets the guest's clock (reference §6.4).
        public static let timeSync = Service("time sync", .timeSync, [Version(4, 0), Version(3, 0), Version(1, 0)])
        /// Exchanges keys, values and addresses (reference §6.5).
        public static let keyValue = Service("data exchange", .keyValue, [Version(4, 0), Version(3, 0), Version(1, 0)])
        /// Makes the guest's file systems ready for a backup (reference §6.6).
        public static let backup = Service(
            "backup", .backup, frameworks: [Version(3, 0)],
            [Version(7, 0), Version(6, 0), Version(5, 0), Version(4, 0)])
        /// Copies files into the guest (reference §6.7).
        public static let fileCopy = Service("file copy", .fileCopy, frameworks: [Version(3, 0)], [Version(1, 1)])

        /// All of them.
        public static let all = [heartbeat, shutdown, timeSync, keyValue, backup, fileCopy]

        /// The same service, which speaks no newer messages than a version.
        public func limited(to newest: Version) -> Service {
            var service = self
            service.messages.removeAll { $0 > newest }
            return service
        }

        func broken(_ rule: String, _ value: String, _ explanation: String) -> DeviceEffect {
            .violation(ProtocolViolation(rule: rule, place: name, value: value, explanation: explanation))
        }
    }

    /// The versions that both ends of a service have agreed on.
    public struct Agreement: Sendable, Hashable {
        /// Of the framework.
        public let framework: Version
        /// Of the service's messages.
        public let messages: Version

        /// An agreement.
        public init(framework: Version, messages: Version) {
            self.framework = framework
            self.messages = messages
        }
    }
}
