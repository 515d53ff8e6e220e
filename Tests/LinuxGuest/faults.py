#!/usr/bin/env python3
"""faults.py LAB PROGRAM [CASE…]: faults of all three classes against the drivers of a real Linux kernel, through `vmbusscope host --fault`.

Prints KTAP: a line for each case of faults.toml, or for those that are named, with what was done and what the kernel said.
A case fails when the kernel complains (WARN, BUG, KASAN, hung task, panic), when its shell does not answer, or when something
does not work afterwards that the case says it needs. A guest that does not stand a case is started again.

VMBUSSCOPE_FAULT_SEED is the seed (1), VMBUSSCOPE_FAULT_KERNEL a folder with another kernel (see the lab's run --kernel).
Exit codes: 0 the kernel stands all cases, 1 the cases cannot be tried, 5 it does not stand all, 64 wrong usage.
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

    def verdict(self, reason):
        """Ends a case; whether the guest stood it."""
        with self.news:
            before = len(self.lines)
        self.ask("end" if reason is None else f"end {reason}")
        end = time.monotonic() + 60
        with self.news:
            while True:
                for line in self.lines[before:]:
                    if line.startswith(("ok ", "not ok ")):
                        return line.startswith("ok ")
                if time.monotonic() > end or self.process.poll() is not None:
                    raise Failed("the host gives no verdict")
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

    def boot(self, *commands):
        """Starts the guest again; `commands` follow."""
        if self.guest:
            self.guest.kill()
        options = ["--kernel", KERNEL] if KERNEL else []
        shared.PATIENCE = 180
        self.guest = Guest(self.lab, self.folder, self.socket, "--in", self.archive, *options, limit=3000)
        self.boots += 1
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
        failures = 0
        for case in cases:
            self.ready()
            start = time.monotonic()
            reason, is_broken = self.attempt(case)
            if not self.host.verdict(reason):
                failures += 1
                is_broken = True
                self.show(case["name"])
            print(f"# {case['name']}: {time.monotonic() - start:.0f} s", flush=True)
            # A connection of an old version has not all that later cases need.
            is_broken |= any("version" in fault["kind"] for fault in case["faults"])
            if is_broken and case is not cases[-1]:
                if reason is None or "answer" not in reason and "gone" not in reason:
                    self.restore()
                else:
                    self.boot("up")
        print(f"# {len(cases)} cases, {failures} not stood, {self.boots} boots, seed {SEED}", flush=True)
        return 5 if failures else 0

    def show(self, name):
        """The last different lines of the kernel's log."""
        with open(f"{self.folder}/console", errors="replace") as console:
            console.seek(max(0, os.path.getsize(console.name) - 200_000))
            lines = [re.sub(r"^\[ *[0-9.]+\] ", "", line.strip())[:150] for line in console.read().splitlines()]
        for line in list(dict.fromkeys(line for line in reversed(lines) if line))[:24][::-1]:
            print(f"#   {name}| {line}", flush=True)

    def close(self):
        if self.guest:
            self.guest.kill()
        self.host.end()


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[1:3])
    with open(f"{HERE}/faults.toml", "rb") as file:
        cases = tomllib.load(file)["case"]
    wanted = sys.argv[3:]
    cases = [case for case in cases if not wanted or case["name"] in wanted]
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
