#!/usr/bin/env python3
"""balloon.py (--quick | --full) LAB PROGRAM: Linux's hv_balloon in front of `vmbusscope host`.

The guest gives 256 MiB and gets them back, which its own account of free memory shows; it reports each second; it refuses to
give what it needs; with --full memory is added to a guest that was booted with less than its machine has, and an older version
of the protocol is spoken.

Exit codes: 0 all agree, 1 something differs or failed, 64 wrong usage.
"""
import os
import re
import sys
import tempfile

from host import Failed, Guest, Host, Lab, run_steps, text
from utilities import SCENARIO, Utilities, device, note

PAGES = 65536
# A kernel that could hibernate gives no pages ("Ignore balloon-up request!"), and this machine could.
AWAKE = ["--", "-global", "PIIX4_PM.disable_s4=1"]


def is_report(record):
    return record["name"] == "DM.STATUS" and record["direction"] == "guest_to_host"


class Balloon(Lab):
    def start(self, name, lines, *options):
        folder = self.place(name)
        scenario = f"{folder}/scenario.toml"
        with open(scenario, "w") as file:
            file.write(SCENARIO + device("heartbeat") + device("balloon", *lines))
        host = Host(self.program, f"{folder}/host", scenario)
        return host, Guest(self.lab, folder, f"{folder}/host", *options, *AWAKE)

    @staticmethod
    def memory(guest):
        """The guest's own account, in pages: in all, free, available, and what the driver says that it gave."""
        said = guest.run("grep -E 'MemTotal|MemFree|MemAvailable' /proc/meminfo; "
                         "cat /sys/kernel/debug/hv-balloon 2>/dev/null || true")
        found = {name: int(kib) // 4 for name, kib in re.findall(r"(Mem\w+):\s+(\d+) kB", said)}
        given = re.search(r"pages_ballooned\s*:\s*(\d+)", said)
        state = re.search(r"state\s*:\s*(.+)", said)
        return (found["MemTotal"], found["MemFree"], found["MemAvailable"], int(given.group(1)) if given else None,
                state.group(1).strip() if state else "")

    def ask(self, host, command, words):
        seen = len(host.records)
        host.command(f"balloon {command}")
        behind = host.expect(note(words), f"the answer to '{command}'", seen)
        return text(host.records[behind - 1])

    def session(self, version):
        """Pages up and down."""
        host, guest = self.start(f"memory-{version}", [f'version = "{version}"', "maximum_mib = 4096"])
        try:
            guest.run("mp hv_vmbus; mp hv_balloon pressure_report_delay=1; sleep 2; "
                      f"dmesg | grep 'Dynamic Memory protocol version {version}'")
            seen = host.expect(is_report, "three reports", 0, 3)
            before = self.memory(guest)
            self.ask(host, f"up {PAGES}", f"the guest gave {PAGES} of {PAGES} pages")
            during = self.memory(guest)
            host.expect(is_report, "a report while pages are held", len(host.records), 2)
            told = self.ask(host, "status", f"{PAGES} pages are held")
            self.ask(host, f"down {PAGES // 4}", f"has {PAGES // 4} pages back")
            between = self.memory(guest)
            self.ask(host, "down all", "0 are held")
            after = self.memory(guest)
            for name, place, least, most in (
                    ("given", during, PAGES - 4096, PAGES + 8192),
                    ("partly back", between, PAGES * 3 // 4 - 4096, PAGES * 3 // 4 + 8192), ("back", after, -4096, 8192)):
                for column in (1, 2):
                    gone = before[column] - place[column]
                    if not least <= gone <= most:
                        raise Failed(f"{name}: {gone} pages less are free than before: {before}, {place}")
            accounts = [place[3] for place in (before, during, between, after)]
            if accounts[1] is not None and accounts != [0, PAGES, PAGES * 3 // 4, 0]:
                raise Failed(f"the driver's account of pages: {accounts}")
            # More than it can spare.
            partly = self.ask(host, "up 1048576", "of 1048576 pages")
            guest.run("dmesg | grep 'partially fulfilled'")
            self.ask(host, "down all", "0 are held")
            # What was freed just now each processor keeps at hand for a while, and the kernel does not call that free.
            last = self.memory(guest)
            if last[1] < before[1] - 32768 or last[3] not in (0, None):
                raise Failed(f"not all came back: {before}, {last}")
            reports = sum(1 for record in host.records if is_report(record))
            Utilities.calm(guest)
            self.without_faults(host)
            guest.kill()
            host.end()
            return (f"MemFree {before[1]}, {during[1]}, {between[1]}, {after[1]} pages, MemAvailable {before[2]}, {during[2]}, "
                    f"{between[2]}, {after[2]}; debugfs {accounts}; {reports} reports; {told}; of all: {partly}")
        finally:
            guest.kill()
            host.kill()

    def added(self):
        """The machine has 1024 MiB and the kernel knows of 768: 128 more are added."""
        host, guest = self.start("added", [], "--append", "mem=768M")
        try:
            guest.run("mp hv_vmbus; echo online > /sys/devices/system/memory/auto_online_blocks; mp hv_balloon; sleep 2")
            host.expect(lambda r: r["name"] == "DM.CAPABILITIES_RESPONSE", "the end of the negotiation")
            before = self.memory(guest)
            said = self.ask(host, "hot-add 0x30000 32768", "added pages")
            guest.run("sleep 3")
            after = self.memory(guest)
            log = guest.run("dmesg | grep -iE 'hv_balloon|hot.add|memory' | tail -4")
            if after[0] - before[0] < 30000:
                raise Failed(f"the guest's memory is {before[0]}, then {after[0]} pages; {said}; {log}")
            self.without_faults(host)
            guest.kill()
            host.end()
            return f"{said}; MemTotal {before[0]}, then {after[0]} pages"
        finally:
            guest.kill()
            host.kill()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-balloon-", dir="/tmp") as folder:
        home = Balloon(lab, program, folder)
        steps = [("memory up and down, 2.0", lambda: home.session("2.0"))]
        if sys.argv[1] == "--full":
            steps += [("memory up and down, 0.3", lambda: home.session("0.3")), ("memory that is added", home.added)]
        return run_steps("balloon", steps)


if __name__ == "__main__":
    sys.exit(main())
