#!/usr/bin/env python3
"""host.py (--quick | --full) LAB PROGRAM: real Linux kernels in front of `vmbusscope host`.

Each session boots a kernel, lets it open a heartbeat, moves its channel to another processor, takes the device back, offers
it again and lets the kernel crash; then the host's log is held against the guest's own hyperv tracepoints.

Exit codes: 0 all agree, 1 something differs or failed, 64 wrong usage.
"""
import hashlib
import os
import re
import sys
import tempfile
import uuid
from collections import Counter

from lab import Again, Failed, Guest, Host, field, run_steps, text
from monitor_tap import Tap

VERSIONS = ["5.3", "5.2", "5.1", "5.0", "4.1", "4.0", "3.0", "2.4"]


class TracedLate(Again):
    """The guest had not begun to trace when the host's first message came."""


def at_least(version, other):
    return [int(n) for n in version.split(".")] >= [int(n) for n in other.split(".")]


# ---------------------------------------------------------------- the guest's tracepoints against the host's log

EVENTS = {
    "vmbus_negotiate_version": (14, []), "vmbus_request_offers": (3, []),
    "vmbus_open": (5, ["child_relid", "openid", "gpadlhandle"]), "vmbus_close_internal": (7, ["child_relid"]),
    "vmbus_establish_gpadl_header": (8, ["child_relid", "gpadl"]), "vmbus_establish_gpadl_body": (9, ["gpadl"]),
    "vmbus_teardown_gpadl": (11, ["child_relid", "gpadl"]), "vmbus_release_relid": (13, ["child_relid"]),
    "vmbus_send_modifychannel": (22, ["child_relid"]), "vmbus_send_tl_connect_request": (21, []),
}
FIELDS = {"child_relid": "relid", "gpadl": "gpadl", "openid": "open_id", "gpadlhandle": "ring_gpadl"}
CONTACT, UNLOAD = 14, 16


def number(value):
    return int(value, 0) if isinstance(value, str) else value


def traced(trace):
    """What the guest saw: the host's types in order, and its own messages as a multiset."""
    types, sent = [], Counter()
    for line in trace.splitlines():
        found = re.search(r": (vmbus_\w+): (.*)$", line)
        if not found or line.startswith("#"):
            continue
        name, rest = found.groups()
        if name == "vmbus_on_msg_dpc":
            types.append(int(re.search(r"msgtype=(\d+)", rest).group(1)))
        elif name in EVENTS and re.search(r"\bret 0\b", rest):
            kind, keys = EVENTS[name]
            values = tuple(int(re.search(rf"\b{key} (0x[0-9a-f]+|\d+)", rest).group(1), 0) for key in keys)
            sent[(kind, *values)] += 1
    return types, sent


def logged(records):
    """The same from the host's log."""
    types, sent = [], Counter()
    names = {kind: [FIELDS[key] for key in keys] for kind, keys in EVENTS.values()}
    for record in records:
        if record["kind"] != "message":
            continue
        kind = field(record, "type")
        if record["direction"] == "host_to_guest":
            types.append(kind)
        elif kind != UNLOAD:
            sent[(kind, *(number(field(record, name)) for name in names.get(kind, [])))] += 1
    return types, sent


def compare(trace, records):
    guest_types, guest_sent = traced(trace)
    host_types, host_sent = logged(records)
    if guest_types != host_types:
        late = guest_types == host_types[len(host_types) - len(guest_types):]
        raise (TracedLate if late else Failed)(f"host to guest: the guest saw {guest_types}, the host's log says {host_types}")
    # The module connects as soon as its tracepoints are there, so the first contact is a race that tracing loses.
    untraced = host_sent[(CONTACT,)] - guest_sent[(CONTACT,)]
    if untraced == 1:
        guest_sent[(CONTACT,)] = host_sent[(CONTACT,)]
    if guest_sent != host_sent:
        raise Failed(f"guest to host: only traced {guest_sent - host_sent}, only in the log {host_sent - guest_sent}")
    return (f"{len(host_types)} types host to guest in order, {sum(host_sent.values())} messages guest to host"
            + (f", {untraced} of them the contact that was not traced" if untraced > 0 else ""))


# ---------------------------------------------------------------- sessions

EARLY = ("T=/sys/kernel/tracing; evon 60 $T/events/hyperv/vmbus_send_tl_connect_request/enable $T/events/hyperv/enable & "
         "usleep 300000")
TRACE = "echo 0 > /sys/kernel/tracing/tracing_on; cat /sys/kernel/tracing/trace"


class Lab:
    def __init__(self, lab, program, folder):
        self.lab, self.program, self.folder = lab, program, folder
        self.count = 0

    def place(self, name):
        self.count += 1
        folder = f"{self.folder}/{self.count}-{name}"
        os.makedirs(folder)
        return folder

    def session(self, version, raw=False):
        """One kernel from its first contact to its crash."""
        folder = self.place(f"v{version}{'-raw' if raw else ''}")
        options = (["--max-version", version] if version != "5.3" else []) + (["--raw"] if raw else [])
        host = Host(self.program, f"{folder}/host", *options)
        tap = Tap(f"{folder}/bus", f"{folder}/host", first_message_after=2)
        guest = Guest(self.lab, folder, f"{folder}/bus", raw=raw)
        try:
            log = guest.run(EARLY, "mp hv_vmbus; mp hv_utils; sleep 1; dmesg")
            if f"Vmbus version:{version}" not in log:
                raise Failed(f"the guest did not agree on {version}: {re.findall('.*[Vv]mbus.*', log)}")
            beats = host.heartbeats(2)
            self.move(host, guest, version, beats)
            before = len(host.records)
            host.command("rescind heartbeat")
            gone = host.message("RELID_RELEASED", "guest_to_host", before)
            if guest.run("ls /sys/bus/vmbus/devices | wc -l").strip() != "0":
                raise Failed("the rescinded device is still there")
            host.command("offer heartbeat")
            host.heartbeats(2, host.message("OPEN_CHANNEL_RESULT", "host_to_guest", gone))
            seen = len(host.records)
            agreement = compare(guest.run(TRACE), host.records)
            guest.start("sleep 0.3; echo c > /proc/sysrq-trigger")
            host.expect(lambda r: "the guest crashed" in text(r), "the crash parameters", seen)
            if at_least(version, "3.0"):
                host.message("UNLOAD_COMPLETE", "host_to_guest", host.message("UNLOAD", "guest_to_host", seen))
            guest.wait()
            host.expect(lambda r: "the monitor has disconnected" in text(r), "the end of the guest", seen)
            if not at_least(version, "3.0") and any(r["name"] == "VMBUS.UNLOAD" for r in host.records):
                raise Failed("there was an UNLOAD below 3.0")
            self.without_faults(host)
            host.end()
            self.keep(tap, host)
            return agreement
        finally:
            guest.kill()
            host.kill()

    @staticmethod
    def move(host, guest, version, after):
        """Moves the channel to processor 1."""
        cpu = "/sys/bus/vmbus/devices/*/channels/*/cpu"
        said = guest.run(f"for c in {cpu}; do echo 1 > $c; cat $c; done || true").split()
        if not at_least(version, "4.1"):
            if said[-1] == "1":
                raise Failed("a channel was moved below 4.1")
            return
        moved = host.message("MODIFY_CHANNEL", "guest_to_host", after)
        if at_least(version, "5.3"):
            moved = host.message("MODIFY_CHANNEL_RESPONSE", "host_to_guest", moved)
        elif any(r["name"] == "VMBUS.MODIFY_CHANNEL_RESPONSE" for r in host.records):
            raise Failed("MODIFY_CHANNEL was answered below 5.3")
        host.expect(
            lambda r: r["name"] == "SYNIC.EVENT_FLAG" and field(r, "vp") == 1, "an interrupt of processor 1", moved)
        host.heartbeats(1, moved)

    @staticmethod
    def without_faults(host):
        faults = [text(r) for r in host.records if r["kind"] == "fault"]
        if faults:
            raise Failed(f"the host saw broken rules: {faults[:5]}")

    def reboots(self, count, raw=False):
        """One emulator that starts again and again under one host."""
        folder = self.place("reboots")
        host = Host(self.program, f"{folder}/host", *(["--raw"] if raw else []))
        guest = Guest(self.lab, folder, f"{folder}/host", "--reboot", raw=raw)
        try:
            seen = 0
            for _ in range(count + 1):
                guest.run("mp hv_vmbus; mp hv_utils")
                seen = host.heartbeats(2, seen)
                guest.start("sleep 0.3; reboot -f")
                seen = host.expect(lambda r: "the machine was reset" in text(r), "the reset", seen)
            guest.kill()
            self.without_faults(host)
            host.end()
            return f"{count} reboots, each with a heartbeat"
        finally:
            guest.kill()
            host.kill()

    def fresh_boots(self, count, raw=False):
        """Emulators that come one after another to one host; each is torn away in the middle."""
        folder = self.place("boots")
        host = Host(self.program, f"{folder}/host", *(["--raw"] if raw else []))
        try:
            seen = 0
            for _ in range(count):
                guest = Guest(self.lab, folder, f"{folder}/host", raw=raw)
                try:
                    guest.run("mp hv_vmbus; mp hv_utils")
                    seen = host.heartbeats(2, seen)
                finally:
                    guest.kill()
                seen = host.expect(lambda r: "the monitor has disconnected" in text(r), "the end of a guest", seen)
            self.without_faults(host)
            host.end()
            return f"{count} boots, each with a heartbeat"
        finally:
            host.kill()

    def network(self, raw=False):
        """A network adapter with four channels comes up."""
        folder = self.place("network")
        host = Host(self.program, f"{folder}/host", "network", *(["--raw"] if raw else []))
        tap = Tap(f"{folder}/bus", f"{folder}/host", first_message_after=3)
        guest = Guest(self.lab, folder, f"{folder}/bus", "--smp", "4", raw=raw)
        try:
            guest.run(EARLY, "mp hv_vmbus; mp hv_utils; mp hv_netvsc; sleep 4")
            said = guest.run(
                "ifconfig eth0 10.0.0.1 up; sleep 1; ping -c 2 -W 1 10.0.0.2; ifconfig eth0; "
                "ls /sys/class/net/eth0/device/channels | wc -l; cat /sys/class/net/eth0/carrier")
            channels, carrier = said.split()[-2:]
            host.expect(lambda r: r["name"].startswith("RNDIS.PACKET"), "a frame of the guest")
            host.heartbeats(2)
            agreement = compare(guest.run(TRACE), host.records)
            if (channels, carrier) != ("4", "1"):
                raise Failed(f"eth0 has {channels} channels and carrier {carrier}")
            self.without_faults(host)
            guest.kill()
            host.end()
            self.keep(tap, host)
            return f"eth0 with {channels} channels and a link; {agreement}"
        finally:
            guest.kill()
            host.kill()

    @staticmethod
    def keep(tap, host):
        """Keeps what went over the bus as small files where VMBUSSCOPE_SEEDS names a folder."""
        folder = os.environ.get("VMBUSSCOPE_SEEDS")
        if not folder:
            return
        found = [("messages", f"{side}-{data[0]:02d}", data) for _, side, data in tap.messages if data]
        for record in host.records:
            if record["kind"] in ("message", "packet"):
                side = record["direction"].split("_")[0]
                name = record["name"].lower().replace(".", "-") if record["kind"] == "packet" else f"{field(record, 'type'):02d}"
                found.append((record["kind"] + "s", f"{side}-{name}", raw_bytes(record)))
        for kind, name, data in found:
            os.makedirs(f"{folder}/{kind}", exist_ok=True)
            with open(f"{folder}/{kind}/{name}-{hashlib.sha256(data).hexdigest()[:12]}.bin", "wb") as file:
                file.write(data)


def raw_bytes(record):
    """A record's bytes from its fields, which cover them all."""
    data = bytearray(record["length"])

    def fill(fields):
        for part in fields:
            if part.get("fields"):
                fill(part["fields"])
                continue
            value, size = part["value"], part["size"]
            if isinstance(value, int):
                piece = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
            elif isinstance(value, str) and value.startswith("0x"):
                piece = int(value, 16).to_bytes(size, "little")
            elif isinstance(value, str) and size == 16 and value.count("-") == 4:
                piece = uuid.UUID(value).bytes_le
            elif isinstance(value, str) and len(value) == 2 * size:
                piece = bytes.fromhex(value)
            else:
                piece = str(value or "").encode()[:size]
            data[part["offset"]:part["offset"] + len(piece)] = piece

    fill(record["fields"])
    return bytes(data)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-host-", dir="/tmp") as folder:
        home = Lab(lab, program, folder)
        steps = [("5.3, the monitor's pages", lambda: home.session("5.3"))]
        if sys.argv[1] == "--full":
            steps += [(f"{v}, the monitor's pages", lambda v=v: home.session(v)) for v in VERSIONS[1:]]
            steps += [(f"{v}, our own pages", lambda v=v: home.session(v, raw=True)) for v in VERSIONS]
            steps += [
                ("network", home.network), ("network, our own pages", lambda: home.network(raw=True)),
                ("ten reboots", lambda: home.reboots(10)), ("ten boots", lambda: home.fresh_boots(10)),
                ("two reboots, our own pages", lambda: home.reboots(2, raw=True)),
                ("two boots, our own pages", lambda: home.fresh_boots(2, raw=True)),
            ]
        return run_steps("host", steps)


if __name__ == "__main__":
    sys.exit(main())
