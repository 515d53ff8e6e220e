#!/usr/bin/env python3
"""faults.py [--quick|--full] LAB PROGRAM [CASE…]: faults of all three classes against the drivers of a real Linux kernel, through
`vmbusscope host --fault`.

Prints KTAP: a line for each case of faults.toml (with --quick for some), or for those that are named, with what was done and what
the kernel said. A case fails when the kernel complains (WARN, BUG, KASAN, hung task, panic), when its shell does not answer, or
when something does not work afterwards that the case says it needs. A guest that does not stand a case is started again.

What Linux is known not to stand faults.toml says with 'expect', parts of what stands behind the case's name, and 'because'.
That is told as such, and fails nothing; what was not expected does.

VMBUSSCOPE_FAULT_SEED is the seed (1), VMBUSSCOPE_FAULT_KERNEL a folder with another kernel (see the lab's run --kernel).
Exit codes: 0 the kernel behaves as is known, 1 the cases cannot be tried, 5 it does not, 64 wrong usage.
"""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

import lab as shared
from lab import Failed, Guest

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = os.environ.get("VMBUSSCOPE_FAULT_SEED", "1")
KERNEL = os.environ.get("VMBUSSCOPE_FAULT_KERNEL")
# Of each class; the last one Linux is known not to stand, and would have to boot after it.
QUICK = ("late-interrupts", "refused-move", "double-disk-completions", "unknown-messages")
# What a kernel says when all is well, and what only belongs to a complaint, which the host tells.
ORDINARY = re.compile(
    r"registering driver|Register|drop_caches|Vmbus version|IC version|storvsc_host_t|^LAB|ACPI BIOS|\[sd[a-z]\]|Direct-Access"
    r"|SCSI subsystem|rx_vport|^audit|random: crng|clocksource|^IPv6: ADDRCONF"
    r"|^.?(RIP|[RE][A-Z0-9]{1,2}|CR2|CS|FS|Code|CPU|Call Trace|Modules|Hardware|Workqueue|Tainted|PKRU|DR\d|PGD|#PF)\b"
    r"|\+0x|cut here|end trace|</?TASK>|</?IRQ>|qemu-system|^\[|hung_task|Not tainted|^task:|Kernel Offset|Rebooting|WARNING:|blocked for")
# A kernel that waits for an answer which never comes says so early.
PREPARE = (". /root/faults.sh; echo 20 >/proc/sys/kernel/hung_task_timeout_secs;"
           " echo 5 >/proc/sys/kernel/hung_task_check_interval_secs; dmesg -n 7")


class FaultHost:
    """`vmbusscope host --fault --ktap`, driven case by case."""

    def __init__(self, program, path, console):
        self.lines, self.news = [], threading.Condition()
        self.process = subprocess.Popen(
            [program, "host", "--listen", path, "--fault", f"{HERE}/faults.toml", "--seed", SEED, "--ktap", "--control",
             "--console", console, f"{HERE}/faults-guest.toml"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith(("KTAP", "1..")):
                continue
            print(line, end="", flush=True)
            with self.news:
                self.lines.append(line)
                self.news.notify_all()

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Failed(f"the host has ended with status {self.process.wait()}") from error

    def verdict(self, reason, guest):
        """Ends a case; the line that says whether the guest stood it."""
        with self.news:
            before = len(self.lines)
        self.ask("end" if reason is None else f"end {reason}")
        # A guest that has gone wild keeps its host busy: it is stopped when the verdict is not there in time.
        end = time.monotonic() + 60
        with self.news:
            while True:
                for line in self.lines[before:]:
                    if line.startswith(("ok ", "not ok ")):
                        return line.strip()
                if self.process.poll() is not None or time.monotonic() > end + 60:
                    raise Failed("the host gives no verdict")
                if time.monotonic() > end:
                    guest.kill()
                self.news.wait(1)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Trial:
    def __init__(self, lab, program, folder, archive):
        self.lab, self.folder, self.archive = lab, folder, archive
        self.socket = f"{folder}/bus"
        self.host = FaultHost(program, self.socket, f"{folder}/console")
        self.guest = None
        self.boots = 0
        self.seen = 0

    def boot(self, *commands):
        """Starts the guest again; `commands` follow."""
        if self.guest:
            self.guest.kill()
        options = ["--kernel", KERNEL] if KERNEL else []
        shared.PATIENCE = 180
        self.guest = Guest(self.lab, self.folder, self.socket, "--smp", "2", "--in", self.archive, *options, limit=3000)
        self.boots += 1
        self.seen = 0
        self.guest.run(PREPARE, *commands)
        # Longer than anything that a case lets it do.
        shared.PATIENCE = 45

    def ready(self):
        """A guest on which everything works."""
        if self.guest is None or self.guest.process.poll() is not None:
            self.boot("up")

    def restore(self):
        """Makes everything work again, by a reconnect or a boot."""
        try:
            self.host.ask("offer network")
            self.guest.run("attempt 20 down", "attempt 20 up", "check >/tmp/state; ! grep not /tmp/state")
        except Failed:
            self.boot("up")

    def attempt(self, case):
        """Tries a case; what is wrong afterwards, or None."""
        name, action = case["name"], case["do"]
        try:
            if action == "connect":
                if self.guest.run("attempt 20 down; echo down $?").strip().split()[-1] != "0":
                    self.boot()
                self.host.ask(f"case {name} contact")
                time.sleep(0.3)
                said = self.guest.run("attempt 30 up; echo done $?")
            else:
                self.host.ask(f"case {name}")
                time.sleep(0.3)
                said = self.guest.run(f"attempt 30 '{action}'; echo done $?")
            if said.strip().endswith("124"):
                print(f"# {name}: '{action}' did not come back in 30 s", flush=True)
            state = self.guest.run("check")
        except Failed as failure:
            ended = self.guest.process.poll() is not None
            return "the guest is gone" if ended else f"the guest does not answer: {str(failure)[:60]!r}", True
        for line in state.strip().splitlines():
            print(f"# {name}: afterwards the {line}", flush=True)
        missing = [word for word in case.get("needs", "").split() if f"{word} works" not in state]
        return (f"{' and '.join(missing)} must work and does not" if missing else None), "not" in state

    def run(self, cases):
        print(f"KTAP version 1\n1..{len(cases)}", flush=True)
        begin, known, news, skipped = time.monotonic(), 0, 0, 0
        for case in cases:
            name = case["name"]
            self.ready()
            start, self.seen = time.monotonic(), len(self.log())
            reason, is_broken = self.attempt(case)
            verdict = self.host.verdict(reason, self.guest)
            for line in self.said():
                print(f"# {name}: kernel: {line}", flush=True)
            is_lost = verdict.startswith("not ")
            expected = case.get("expect", [])
            if is_lost and any(part in verdict for part in expected):
                known += 1
                print(f"# {name}: known: {case['because']}", flush=True)
            elif is_lost:
                news += 1
                print(f"# {name}: NOT KNOWN", flush=True)
            elif expected:
                print(f"# {name}: stood, though {' or '.join(expected)} is known", flush=True)
            skipped += "# SKIP" in verdict
            print(f"# {name}: {time.monotonic() - start:.0f} s", flush=True)
            if case is cases[-1]:
                continue
            if is_lost:
                # Some warnings come once per boot only.
                self.boot("up")
            elif is_broken or any("version" in fault["kind"] for fault in case["faults"]):
                # A connection of an old version has not all that later cases need.
                self.restore()
        print(f"# faults: {len(cases)} cases, {len(cases) - known - news - skipped} stood, {known} not, as is known, {news} not,"
              f" {skipped} skipped; {self.boots} boots, seed {SEED} ({time.monotonic() - begin:.0f} s)", flush=True)
        return 5 if news else 0

    def log(self):
        with open(f"{self.folder}/console", "rb") as console:
            return console.read()

    def said(self):
        """What the kernel said in this case that is not ordinary, each thing once."""
        lines = self.log()[self.seen:].decode(errors="replace").splitlines()
        lines = [re.sub(r"^\[ *[0-9.]+\] ", "", line.strip())[:150] for line in lines]
        telling = [line for line in dict.fromkeys(lines) if line and not ORDINARY.search(line)]
        return telling[:12]

    def close(self):
        if self.guest:
            self.guest.kill()
        self.host.end()


def main():
    words = [word for word in sys.argv[1:] if word not in ("--quick", "--full")]
    with open(f"{HERE}/faults.toml", "rb") as file:
        cases = tomllib.load(file)["case"]
    wanted = words[2:] or (QUICK if "--quick" in sys.argv else [case["name"] for case in cases])
    unknown = set(wanted) - {case["name"] for case in cases}
    if len(words) < 2 or unknown:
        print(f"there is no case {', '.join(sorted(unknown))}" if unknown else __doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in words[:2])
    cases = [case for case in cases if case["name"] in wanted]
    with tempfile.TemporaryDirectory(prefix="vmbusscope-faults-", dir="/tmp") as folder:
        archive = f"{folder}/in.tar"
        subprocess.run([f"{lab}/pack", archive, f"{HERE}/faults.sh:/root/faults.sh"], check=True)
        trial = Trial(lab, program, folder, archive)
        try:
            return trial.run(cases)
        except (Failed, subprocess.SubprocessError, OSError) as failure:
            print(f"Bail out! {failure}", flush=True)
            return 1
        finally:
            trial.close()


if __name__ == "__main__":
    sys.exit(main())
