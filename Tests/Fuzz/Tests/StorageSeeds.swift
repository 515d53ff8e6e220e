import BusModel
import VMBusDevices
import VMBusSimulator
import VMBusWire

/// What guests and hosts say of disks in the shipped scenario, in the form that the storage targets read.
enum StorageSeeds {
    /// A request of a guest's driver with what the host answers.
    private struct Exchange {
        var request: VStor.Request
        var answer: [UInt8]
    }

    /// Exchanges in one input.
    private static let length = 8
    /// Inputs of one disk controller.
    private static let mostInputs = 6

    /// Both ends' inputs by the name of their target.
    ///
    /// Writes and the host's news of disks are left for the fuzzer to find.
    static func all() throws -> [String: [[UInt8]]] {
        let controllers = try controllers()
        return [
            "storage-provider": controllers.enumerated().flatMap { number, exchanges in
                exchanges.map { provider($0, controller: UInt8(number % 3)) }
            },
            "storage-consumer": controllers.flatMap { $0.map(consumer) },
        ]
    }

    /// Pieces of what each controller is asked, in the order of their first packets.
    private static func controllers() throws -> [[[Exchange]]] {
        guard let scenario = try Scenarios.named("storage") else { return [] }
        var source = SimulatorSource(scenario, seed: 1)
        let batch = source.advance(.time(1_000_000_000, limit: 3000))
        var asked: [ChannelKey: [UInt64: VStor.Request]] = [:]
        var devices: [GUID] = []
        var exchanges: [GUID: [Exchange]] = [:]
        for header in batch.headers where header.kind == .packet {
            let bytes = Array(batch.payload(of: header).dropLast(Int(header.attachmentLength)))
            guard let channel = header.channel, let packet = try? ChannelPacket.decode(bytes[...]) else { continue }
            if header.direction == .guestToHost {
                let said = try? VStor.Packet.decode(packet.payload, context: .newest(sender: .guestToHost))
                guard let said, said.operation == .executeSRB, said.request.direction != .write else { continue }
                asked[channel, default: [:]][packet.transactionID] = said.request
            } else if let request = asked[channel]?.removeValue(forKey: packet.transactionID) {
                if exchanges[header.device] == nil { devices.append(header.device) }
                exchanges[header.device, default: []].append(Exchange(request: request, answer: packet.payload))
            }
        }
        return devices.map { device in
            let all = exchanges[device] ?? []
            return stride(from: 0, to: min(all.count, length * mostInputs), by: length).map {
                Array(all[$0..<min($0 + length, all.count)])
            }
        }
    }

    /// The negotiation, then each request, and what a disk has where it is asked for blocks.
    private static func provider(_ exchanges: [Exchange], controller: UInt8) -> [UInt8] {
        var input: [UInt8] = [controller, 1, 0]
        var reads: UInt8 = 0
        for (number, exchange) in exchanges.enumerated() {
            let request = exchange.request
            let length = bytes(request.dataLength)
            input += [6, request.lun, request.direction.rawValue] + length + command(request) + length + [0, 0]
            input += (0..<18).map { UInt8($0) } + [UInt8(number + 1), 0]
            guard readCommands.contains(request.block.first ?? 0) else { continue }
            input += [2, reads, 5, 255] + [UInt8](repeating: 0x5A, count: 255)
            reads += 1
        }
        return input
    }

    /// READ of 6, 10, 12 and 16 bytes.
    private static let readCommands: Set<UInt8> = [0x08, 0x28, 0xA8, 0x88]

    /// The host agrees to all, then each request with its answer.
    private static func consumer(_ exchanges: [Exchange]) -> [UInt8] {
        exchanges.enumerated().reduce(into: [3, 3, 3, 3, 3]) { input, step in
            let (number, exchange) = step
            input += [0] + command(exchange.request) + bytes(exchange.request.dataLength) + [exchange.request.lun]
            input += [4, 0, UInt8(negotiated + number), UInt8(exchange.answer.count)] + exchange.answer + [0]
        }
    }

    /// Packets that the driver sent before its first request, and the number that is never one.
    private static let negotiated = 6

    private static func command(_ request: VStor.Request) -> [UInt8] {
        Array((request.block.prefix(16) + [UInt8](repeating: 0, count: 16)).prefix(16))
    }

    /// A length as the targets read it; no more than a driver's slot has.
    private static func bytes(_ length: UInt32) -> [UInt8] {
        let length = min(length, 8192)
        return [UInt8(truncatingIfNeeded: length), UInt8(truncatingIfNeeded: length >> 8)]
    }
}
