import BusModel
import VMBusWire

/// The ledger as a JSON document: fixed key order, null for what is not known.
enum LedgerJSON {
    static func document(_ state: InspectorState) -> String {
        let now = state.doctorTime
        return SnapshotJSON.document("vmbusscope.ledger/1", state, at: now) { writer in
            writer.member("control_plane_seen", state.ledger.hasSeenControlPlane)
            writer.member("unmatched_answers", state.ledger.unmatchedAnswers)
            writer.member("dropped", state.ledger.droppedCount)
            writer.memberArray("requests") { writer in
                for request in state.ledger.all { write(request, now, state, &writer) }
            }
            writer.memberArray("transactions") { writer in
                for transaction in state.transactions.oldest(1000) { write(transaction, now, &writer) }
            }
            writer.memberArray("waits") { writer in
                for edge in state.waitGraph.edges { write(edge, &writer) }
            }
            writer.memberArray("cycles") { writer in
                for cycle in state.waitGraph.cycles {
                    writer.array { writer in for edge in cycle { write(edge, &writer) } }
                }
            }
        }
    }

    private static func write(
        _ request: ControlRequest, _ now: UInt64, _ state: InspectorState, _ writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.member("id", request.id)
            writer.member("kind", request.kind.rawValue)
            writer.member("partition", state.snapshot.partition(request.partition)?.name)
            writer.member("channel", request.label.isEmpty ? nil : request.label)
            writer.member("device", request.channel?.device.description)
            writer.member("subchannel", request.channel?.subchannel)
            writer.member("relid", request.relid == 0 ? nil : request.relid)
            writer.member("sender", request.sender.rawValue)
            writer.member("must_act_next", request.owes?.rawValue)
            writer.member("state", request.state.rawValue)
            writer.member("sent_ns", request.sentAt)
            writer.member("answered_ns", request.answeredAt)
            writer.member("age_ns", request.age(at: now))
            writer.member("record", request.record)
            writer.member("answer_record", request.answerRecord)
            writer.member("status", request.status?.rawValue)
            writer.member("pages_expected", request.pagesExpected)
            writer.member("pages_received", request.pagesReceived)
            writer.member("detail", request.detail.isEmpty ? nil : request.detail)
        }
    }

    private static func write(_ transaction: OutstandingTransaction, _ now: UInt64, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("partition", transaction.channel.partition)
            writer.member("device", transaction.channel.device.description)
            writer.member("subchannel", transaction.channel.subchannel)
            writer.member("direction", transaction.direction == .guestToHost ? "guest_to_host" : "host_to_guest")
            writer.member("transaction_id", transaction.transactionID)
            writer.member("sent_ns", transaction.sentAt)
            writer.member("age_ns", now - min(now, transaction.sentAt))
            writer.member("record", transaction.record)
        }
    }

    private static func write(_ edge: WaitEdge, _ writer: inout JSONWriter) {
        writer.object { writer in
            for (name, node) in [("from", edge.from), ("to", edge.to)] {
                writer.memberObject(name) { writer in
                    writer.member("partition", node.partition)
                    writer.member("party", node.party.rawValue)
                    writer.member("device", node.channel?.device.description)
                    writer.member("subchannel", node.channel?.subchannel)
                }
            }
            writer.member("request", edge.request)
            writer.member("since_ns", edge.since)
            writer.member("reason", edge.reason)
        }
    }
}
