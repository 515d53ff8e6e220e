"""What the programs of this folder share: our host and its records, a virtual machine of the lab, and how they fail."""
import json
import os
import signal
import subprocess
import tempfile
import threading
import time

PATIENCE = float(os.environ.get("VMBUSSCOPE_LAB_PATIENCE", "90"))


class Failed(Exception):
    pass


class Again(Failed):
    """What says nothing of the program, and deserves a second try."""


def run_steps(title, steps):
    """Runs steps, a name and a function each; with VMBUSSCOPE_LAB_ONLY those whose names hold it. 0 when all are well."""
    only = os.environ.get("VMBUSSCOPE_LAB_ONLY")
    result = 0
    for name, step in steps:
        if only and only not in name:
            continue
        start = time.monotonic()
        try:
            try:
                outcome = step()
            except Again as reason:
                print(f"{title}: {name}: once more: {reason}", flush=True)
                outcome = step()
        except (Failed, subprocess.SubprocessError, OSError) as failure:
            outcome, result = f"FAILED: {failure}", 1
        print(f"{title}: {name}: {outcome} ({time.monotonic() - start:.0f} s)", flush=True)
    return result


class Host:
    """`vmbusscope host` and its records."""

    def __init__(self, program, path, *options):
        self.records, self.errors = [], tempfile.TemporaryFile()
        self.news = threading.Condition()
        self.process = subprocess.Popen(
            [program, "host", "--listen", path, "--json", "--control", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        threading.Thread(target=self.read, daemon=True).start()
        self.expect(lambda r: "listens at" in text(r), "the host to listen")

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.records.append(json.loads(line))
                self.news.notify_all()

    def expect(self, condition, what, after=0, count=1, patience=PATIENCE):
        """Waits until `count` records from number `after` on fit; the number behind the last of them."""
        end = time.monotonic() + patience
        with self.news:
            while True:
                found = [i for i in range(after, len(self.records)) if condition(self.records[i])]
                if len(found) >= count:
                    return found[count - 1] + 1
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(min(left, 1)) and self.process.poll() is not None:
                    self.process.poll()
                    self.errors.seek(0)
                    raise Failed(f"waited in vain for {what}; the host says: {self.errors.read().decode()!r}")

    def message(self, name, direction, after=0):
        def fits(record):
            return record["name"] == "VMBUS." + name and record["direction"] == direction
        return self.expect(fits, name, after)

    def heartbeats(self, count, after=0):
        """Waits for answered heartbeats."""
        def fits(record):
            return record["name"] == "HEARTBEAT.SEQUENCE" and record["direction"] == "guest_to_host"
        return self.expect(fits, f"{count} heartbeats", after, count)

    def command(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        """Ends the host by a command and holds its exit code."""
        if self.process.poll() is None:
            self.command("quit")
        status = self.process.wait(PATIENCE)
        if status != 0:
            self.errors.seek(0)
            raise Failed(f"the host ended with status {status}: {self.errors.read().decode()!r}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def field(record, name):
    return next((f["value"] for f in record["fields"] if f["name"] == name), None)


def text(record):
    return str(field(record, "text") or "")


class Guest:
    """A virtual machine of the lab."""

    def __init__(self, lab, folder, bus, *options, raw=False, limit=600):
        self.lab, self.shell, self.console = lab, f"{folder}/shell", f"{folder}/console"
        for path in (self.shell, self.console):
            if os.path.exists(path):
                os.unlink(path)
        self.process = subprocess.Popen(
            [f"{lab}/run", "--bridge", bus + (",raw" if raw else ""), "--shell", self.shell, "--log", self.console,
             "--timeout", str(limit), *options], stdin=subprocess.DEVNULL)

    def run(self, *commands):
        environment = dict(os.environ, WAIT=str(PATIENCE), TIMEOUT=str(PATIENCE))
        done = subprocess.run(
            [f"{self.lab}/guestsh", self.shell, *commands], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            with open(self.console, errors="replace") as console:
                end = console.read()[-600:]
            kind = Again if "qemu-system" in end and "Assertion" in end else Failed
            raise kind(f"the guest failed at {commands}: {done.stdout[-300:]} {done.stderr[-300:]}; console: {end}")
        return done.stdout.replace("\r", "")

    def start(self, command):
        """Runs what does not come back."""
        subprocess.run(
            [f"{self.lab}/guestsh", self.shell, f"({command}) & true"], capture_output=True, check=False,
            env=dict(os.environ, WAIT="30", TIMEOUT="30"))

    def wait(self):
        self.process.wait(PATIENCE)

    def kill(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
