import BusModel
import VMBusWire

/// The rules of page lists: 9 and 10.
struct PageListRules: RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {
        guard let message = record.message, let index = bus.index(record.header.partition),
            bus.guests[index].isConnected
        else { return }
        switch message {
        case .gpadlHeader(let header): self.header(header, bus.guests[index], record, &report)
        case .gpadlBody(let body): self.body(body, bus.guests[index], record, &report)
        case .gpadlCreated(let created): self.created(created, bus.guests[index], record, &report)
        case .gpadlTeardown(let teardown): self.teardown(teardown, bus.guests[index], record, &report)
        case .gpadlTorndown(let torndown):
            report.check(
                .gpadlLifecycle, bus.guests[index].list(torndown.gpadl)?.state == .tearingDown, by: .host, record,
                place: "GPADL_TORNDOWN.gpadl", value: Hexadecimal.prefixed(torndown.gpadl),
                "no teardown of the list waits for an answer")
        default: break
        }
    }

    private func header(
        _ header: GPADLHeader, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        let holder = guest.list(header.gpadl)
        report.check(
            .gpadlLifecycle, header.gpadl != 0 && !(holder?.isLive ?? false), by: .guest, record,
            place: "GPADL_HEADER.gpadl", value: Hexadecimal.prefixed(header.gpadl),
            header.gpadl == 0 ? "a handle is not zero" : "the handle is in use")
        complete(RulePageList(header), guest, record, &report)
    }

    private func body(_ body: GPADLBody, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport) {
        guard var list = guest.list(body.gpadl) else {
            // Parts of a list whose channel's number was given back meanwhile name no channel.
            report.check(
                .gpadlComplete, false, by: .guest, record, place: "GPADL_BODY.gpadl",
                value: Hexadecimal.prefixed(body.gpadl), "no such list is under way")
            return
        }
        guard list.isLive else { return }
        guard
            report.check(
                .gpadlComplete, list.state == .creating && !list.parts.isComplete, by: .guest, record,
                place: "GPADL_BODY.gpadl", value: Hexadecimal.prefixed(body.gpadl), "the list is complete already")
        else { return }
        list.parts.append(body.words)
        complete(list, guest, record, &report)
    }

    /// What is said of a list with its last part.
    private func complete(
        _ list: RulePageList, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        let problem = list.parts.problem
        guard list.parts.isComplete || problem != nil else { return }
        report.check(
            .gpadlComplete, problem == nil, by: .guest, record,
            place: "page list \(Hexadecimal.prefixed(list.handle))", value: problem ?? "",
            "ranges and pages are those that the header declares")
        guard problem == nil, list.parts.isComplete else { return }
        for other in guest.lists where other.handle != list.handle && other.isLive && other.relid != 0 {
            // A rescind ends a list without TORNDOWN (reference §8.2).
            guard guest.channel(other.relid)?.isRescinded == false,
                let page = other.parts.sharedPage(with: list.parts)
            else { continue }
            report.broken(
                .gpadlLifecycle, by: .guest, record, place: "page list \(Hexadecimal.prefixed(list.handle))",
                value: "page \(Hexadecimal.prefixed(page))",
                "list \(Hexadecimal.prefixed(other.handle)) has the page until its TORNDOWN")
            return
        }
    }

    private func created(
        _ created: GPADLCreated, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        let list = guest.list(created.gpadl)
        let place = "GPADL_CREATED.gpadl"
        guard
            report.check(
                .gpadlLifecycle, list?.state == .creating && list?.relid == created.relid, by: .host, record,
                place: place, value: Hexadecimal.prefixed(created.gpadl), "no such page list waits for an answer"),
            let list, created.status.isSuccess
        else { return }
        report.check(
            .gpadlComplete, list.parts.isComplete, by: .host, record, place: place,
            value: "\(list.parts.words) of \(list.parts.declaredWords) words", "the list has not come as a whole")
    }

    private func teardown(
        _ teardown: GPADLTeardown, _ guest: GuestBus, _ record: RuleRecord, _ report: inout RuleReport
    ) {
        // A host answers what its device was asked before it takes a channel back: the guest may not know yet.
        if guest.channel(teardown.relid)?.isRescinded == true { return }
        let list = guest.list(teardown.gpadl)
        report.check(
            .gpadlLifecycle, list?.state == .created && list?.relid == teardown.relid && list?.isOrphan == false,
            by: .guest, record, place: "GPADL_TEARDOWN.gpadl", value: Hexadecimal.prefixed(teardown.gpadl),
            "only a created list of the channel is torn down, and once")
    }
}
