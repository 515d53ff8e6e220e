extension ProtocolRule {
    /// All rules, in order of their numbers.
    static let table: [Facts] = [
        Facts(
            id: "contact-first",
            text: "Nothing but INITIATE_CONTACT is sent before a version was accepted.",
            source: "§2.5, §8.4", needs: .messages),
        Facts(
            id: "version-down",
            text: "A guest's proposals only go down, and the accepted version is the one that was proposed.",
            source: "§2.5, §2.6", needs: .messages),
        Facts(
            id: "offers-after-request",
            text: "Offers come after REQUEST_OFFERS, which is sent once per connection and answered by one "
                + "ALL_OFFERS_DELIVERED.",
            source: "§3.5", needs: .messages),
        Facts(
            id: "relid-unique",
            text: "The numbers of channels on offer are unique, not zero and below 2048.",
            source: "§1.3, §3.2", needs: .messages),
        Facts(
            id: "relid-released-before-reuse",
            text: "A channel's number is given to another channel only after RELID_RELEASED.",
            source: "§8.2, §8.5", needs: .messages),
        Facts(
            id: "open-preconditions",
            text:
                "Only a channel on offer that is closed is opened, on a created page list of the same channel and with a "
                + "downstream offset inside of it.",
            source: "§3.6", needs: .messages),
        Facts(
            id: "open-answered-once",
            text: "Each open has one result with the same relid and open id, or ends by a rescind or UNLOAD.",
            source: "§3.7", needs: .messages),
        Facts(
            id: "no-traffic-before-accept",
            text: "A guest writes packets and signals only between the accepted open and its CLOSE.",
            source: "§8.2", needs: [.messages, .packets, .signals]),
        Facts(
            id: "gpadl-complete",
            text:
                "A header and its bodies, in order of arrival, bring exactly the ranges and pages that the header declares.",
            source: "§3.9", needs: .messages),
        Facts(
            id: "gpadl-lifecycle",
            text:
                "A page list's handle is unique while it lives; it is created once and torn down once, and its pages have "
                + "no other use until TORNDOWN.",
            source: "§3.9, §8.6", needs: .messages),
        Facts(
            id: "close-before-teardown",
            text: "A channel is closed before the page list of its rings is torn down.",
            source: "§3.8", needs: .messages),
        Facts(
            id: "rescind-released-once",
            text: "A channel on offer is rescinded at most once, and its number is then released exactly once, "
                + "sub-channels before their primary; without a rescind only while it is closed.",
            source: "§8.2, §8.5", needs: .messages),
        Facts(
            id: "subchannel-family",
            text:
                "A sub-channel has the type and instance of its primary, which is on offer, and an index of its own from 1.",
            source: "§3.2", needs: .messages),
        Facts(
            id: "unload-last",
            text:
                "After UNLOAD a guest sends nothing but a new contact, and after UNLOAD_COMPLETE its host nothing either.",
            source: "§2.7", needs: .messages),
        Facts(
            id: "modify-needs-version",
            text:
                "MODIFY_CHANNEL needs version 4.1 and an open channel; from 5.3 each has one response, which comes before "
                + "the next move and before the number is released.",
            source: "§3.13, §8.7", needs: .messages),
        Facts(
            id: "synic-slot",
            text:
                "No message overwrites one that was not read, end-of-message is written when another is pending, and a "
                + "message has at most 240 bytes.",
            source: "§1.2", needs: [.messages, .slots]),
        Facts(
            id: "index-range",
            text: "Ring indices are smaller than the data area and multiples of 8.",
            source: "§4.1", needs: .rings),
        Facts(
            id: "one-byte-free",
            text: "A ring is never filled completely: at least 8 bytes stay free.",
            source: "§4.2", needs: .rings),
        Facts(
            id: "single-writer",
            text: "The write index is moved by the sender alone, the read index by the receiver alone.",
            source: "§4.1", needs: .rings),
        Facts(
            id: "descriptor-sane",
            text: "A packet has a known type, an offset from 16 to its length, and lies within what was published.",
            source: "§4.3", needs: .packets),
        Facts(
            id: "trailer-links",
            text: "A packet's trailer holds the offset at which the packet starts.",
            source: "§4.3", needs: .rings),
        Facts(
            id: "bytes-preserved",
            text: "The bytes that leave a ring are the bytes that went in, also across its end.",
            source: "§4.3", needs: [.packets, .rings]),
        Facts(
            id: "no-lost-wakeup-data",
            text: "When a receiver sleeps unmasked and bytes wait, a signal is on its way.",
            source: "§4.7", needs: .rings),
        Facts(
            id: "no-lost-wakeup-space",
            text: "When a sender sleeps with a pending-send size that is satisfied, a signal is on its way.",
            source: "§4.8", needs: .rings),
        Facts(
            id: "signal-economy",
            text:
                "A signal is sent only when an unmasked ring becomes non-empty, or when what a blocked sender waits for "
                + "becomes free. Hosts throttle a guest that signals more.",
            source: "§4.7, §4.8", needs: [.signals, .rings]),
        Facts(
            id: "pending-needs-feature",
            text: "A sender sets a pending-send size only where it announced feature bit 0.",
            source: "§4.1, §4.8", needs: .rings),
        Facts(
            id: "completion-matches",
            text: "A completion answers one outstanding request that asked for it, once, and not after the close.",
            source: "§4.3", needs: .packets),
        Facts(
            id: "ids-unique",
            text: "The ids of outstanding requests are unique.",
            source: "§4.3", needs: .packets),
        Facts(
            id: "monitor-owned",
            text: "A guest sets only monitor bits that its offers allocate, and they are cleared within bounded time.",
            source: "§1.8", needs: [.messages, .signals]),
        Facts(
            id: "irq-target",
            text:
                "Interrupts reach the processor of the channel's open; during a move the old or the new one, afterwards the "
                + "new one alone.",
            source: "§1.9, §3.13", needs: [.messages, .signals]),
        Facts(
            id: "send-section-exclusive",
            text: "A section of the network's send buffer is used by one packet until its completion.",
            source: "§6.1.4", needs: .packets),
        Facts(
            id: "recv-section-returned-once",
            text: "A section of the network's receive buffer is returned once before the host uses it again.",
            source: "§6.1.4", needs: .packets),
        Facts(
            id: "rndis-bounds",
            text: "An RNDIS packet's data lie inside its message, and the message inside its section.",
            source: "§6.1.5", needs: .packets),
        Facts(
            id: "netvsc-order",
            text: "Buffers are shared before data flow, and sub-channels stand before the receive table names them.",
            source: "§6.1.3", needs: .packets),
    ]
}
