#!/usr/bin/env python3
"""tracing.py (--quick | --full) LAB PROGRAM: the program traces the bus inside a real guest, in front of `vmbusscope host`.

While `live --trace` runs in the guest a driver is loaded and unloaded, the host takes its device back and offers it again;
then the program is killed, and nothing of it may be left: no tracepoint that is on, no reference to hv_vmbus. With --full also
`trace` with an instance of its own: what it says, what it leaves when it is killed, alone and together with its child, and that
the next run removes that. VMBUSSCOPE_LAB_KEEP names a directory that gets what was said.

Exit codes: 0 all is well, 1 something failed, 64 wrong usage.
"""
import json
import os
import subprocess
import sys
import tempfile

from lab import Failed, Guest, Host, run_steps

TRACEFS = "/sys/kernel/tracing"
STATE = (f"cat /sys/module/hv_vmbus/refcnt; cat {TRACEFS}/events/hyperv/enable; "
         f"ls {TRACEFS}/instances | wc -l; cat {TRACEFS}/trace_clock; cat {TRACEFS}/tracing_on")
LOOKS = 90


def keep(name, text):
    place = os.environ.get("VMBUSSCOPE_LAB_KEEP")
    if place:
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/{name}", "w") as file:
            file.write(text)


def until(guest, condition, what):
    """Waits until a shell condition holds in the guest."""
    said = guest.run(f"n=0; until {condition}; do n=$((n+1)); [ $n -gt {LOOKS} ] && break; sleep 0.5; done; "
                     f"{condition} && echo reached || echo missed")
    if "reached" not in said:
        raise Failed(f"waited in vain for {what}")


def names(records, kind="trace"):
    return [record["name"] for record in records if record["kind"] == kind]


def in_order(seen, wanted):
    """Whether the wanted names come one after the other, others between them."""
    rest = iter(seen)
    return all(name in rest for name in wanted)


def control_plane(guest, host):
    """`live --trace`: the life of a channel, and nothing left after SIGKILL."""
    guest.run("mp hv_vmbus; sleep 1; true")
    before = guest.run(STATE)
    guest.start("/root/vmbusscope live --trace --headless --json --interval 0.5 >/root/live.json 2>/root/live.err & "
                "echo $! >/root/live.pid; wait")
    until(guest, "grep -q 'tracing begins' /root/live.json", "tracing to begin")
    during = guest.run(STATE)
    if int(during.split()[0]) <= int(before.split()[0]):
        raise Failed(f"tracepoints that are on hold hv_vmbus: {before!r} {during!r}")
    if during.split()[1:] != before.split()[1:]:
        raise Failed(f"perf changed a trace setting: {before!r} {during!r}")
    guest.run("mp hv_utils; sleep 1; true")
    beats = host.heartbeats(2)
    guest.run("rmmod hv_utils")
    closed = host.message("CLOSE_CHANNEL", "guest_to_host", beats)
    guest.run("mp hv_utils; true")
    opened = host.message("OPEN_CHANNEL_RESULT", "host_to_guest", closed)
    host.command("rescind heartbeat")
    gone = host.message("RELID_RELEASED", "guest_to_host", opened)
    host.command("offer heartbeat")
    host.heartbeats(1, host.message("OPEN_CHANNEL_RESULT", "host_to_guest", gone))
    until(guest, "[ $(grep -c TRACE.OPEN_CHANNEL_RESULT /root/live.json) -ge 3 ]", "the third opening in the trace")
    # The driver holds hv_vmbus as well, so it goes before it is looked at who does.
    guest.run("kill -9 $(cat /root/live.pid); rmmod hv_utils")
    until(guest, f"[ $(cat /sys/module/hv_vmbus/refcnt) = {before.split()[0]} ]", "hv_vmbus to be free")
    after = guest.run(STATE)
    text = guest.run("cat /root/live.json")
    keep("live-trace.json", text)
    keep("live-trace-state.txt", f"before: {before}\nduring: {during}\nafter SIGKILL: {after}\n")
    if after != before:
        raise Failed(f"something is left after SIGKILL: before {before!r}, after {after!r}")
    records = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    seen = names(records)
    opening = ["TRACE.GPADL_HEADER", "TRACE.OPEN_CHANNEL", "TRACE.CLOSE_CHANNEL", "TRACE.OPEN_CHANNEL",
               "TRACE.RESCIND_CHANNEL_OFFER", "TRACE.RELID_RELEASED", "TRACE.OFFER_CHANNEL", "TRACE.OPEN_CHANNEL"]
    if not in_order(seen, opening):
        raise Failed(f"the trace tells another life: {seen}")
    times = [record["time_ns"] for record in records]
    if times != sorted(times):
        raise Failed("the log is not in the order of time")
    nameless = [r for r in records if r["kind"] == "trace" and r["relid"] and not r["device"]]
    if nameless:
        raise Failed(f"trace records without a device: {nameless[:3]}")
    if names(records, "gap"):
        raise Failed("trace records were lost")
    return f"{len(seen)} trace records"


def instance(guest, host):
    """`trace`: an instance of its own that never stays."""
    guest.run("mp hv_utils; sleep 1; true")
    before = guest.run(STATE)
    plan = guest.run("/root/vmbusscope trace --dry-run")
    keep("trace-dry-run.txt", plan)
    if guest.run(STATE) != before:
        raise Failed("--dry-run has changed something")
    said = guest.run("/root/vmbusscope trace --events signals,control --duration 5 --json 2>/root/err; cat /root/err")
    keep("trace.json", said)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    events = [line for line in lines if line["kind"] == "event"]
    if not any(e["event"] == "hyperv:vmbus_chan_sched" and e["fields"]["relid"] and e["channel"] for e in events):
        raise Failed(f"no interrupt of a heartbeat in five seconds: {said[-600:]}")
    if lines[-1]["kind"] != "end" or lines[-1]["events"] != len(events):
        raise Failed(f"the end does not fit: {lines[-1]}")
    if guest.run(STATE) != before:
        raise Failed(f"something is left after the end: {guest.run(STATE)}")
    keep("trace.txt", guest.run("/root/vmbusscope trace --duration 3 2>&1"))
    for relid, isThere in ((events[-1]["fields"].get("relid") or 1, True), (4095, False)):
        one = guest.run(f"/root/vmbusscope trace --relid {relid} --duration 5 --json 2>/dev/null")
        if ("chan_sched" in one) != isThere:
            raise Failed(f"the kernel's filter let through the wrong channels for {relid}: {one[-300:]}")
    budget = guest.run("/root/vmbusscope trace --events signals,control --budget 1 --duration 20 2>&1; echo status $?")
    keep("trace-budget.txt", budget)
    if "more than 1 events" not in budget or "status 1" not in budget:
        raise Failed(f"the budget did not end it: {budget[-300:]}")

    def begin():
        guest.start("/root/vmbusscope trace >/root/trace.out 2>&1 & echo $! >/root/trace.pid; wait")
        until(guest, f"[ $(ls {TRACEFS}/instances | wc -l) = 1 ]", "the instance")
        until(guest, f"grep -q 1 {TRACEFS}/instances/*/events/hyperv/vmbus_chan_sched/enable", "its tracepoints")
    begin()
    guest.run("kill -9 $(cat /root/trace.pid)")
    until(guest, f"[ $(ls {TRACEFS}/instances | wc -l) = 0 ]", "the child to remove the instance")
    begin()
    child = "$(for p in $(pidof vmbusscope); do [ $p = $(cat /root/trace.pid) ] || echo $p; done)"
    guest.run(f"kill -9 {child}; kill -9 $(cat /root/trace.pid); sleep 1; true")
    if guest.run(f"ls {TRACEFS}/instances | wc -l").strip() != "1":
        raise Failed("nothing was left behind without the child")
    left = guest.run("/root/vmbusscope trace --dry-run | grep dead; true")
    keep("trace-sweep.txt", left)
    if left.count("left behind") != 2:
        raise Failed(f"the plan does not tell of what was left behind: {left!r}")
    guest.run("/root/vmbusscope trace --duration 1 >/dev/null 2>&1")
    if guest.run(STATE) != before:
        raise Failed(f"something is left after the sweep: {guest.run(STATE)}")
    return f"{len(events)} events"


def life(lab, program, parts):
    """A guest's life with what is traced in it, one part after the other."""
    with tempfile.TemporaryDirectory(prefix="vmbusscope-tracing-", dir="/tmp") as folder:
        subprocess.run([f"{lab}/pack", f"{folder}/in.tar", program], check=True, stdout=subprocess.DEVNULL)
        host = Host(program, f"{folder}/bus")
        guest = Guest(lab, folder, f"{folder}/bus", "--in", f"{folder}/in.tar")
        try:
            return "; ".join(f"{part.__name__}: {part(guest, host)}" for part in parts)
        except ValueError as failure:
            raise Failed(repr(failure)) from failure
        finally:
            guest.kill()
            host.kill()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    parts = [control_plane] + ([instance] if sys.argv[1] == "--full" else [])
    return run_steps("tracing", [("a guest from inside", lambda: life(lab, program, parts))])


if __name__ == "__main__":
    sys.exit(main())
