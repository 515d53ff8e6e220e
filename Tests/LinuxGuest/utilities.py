#!/usr/bin/env python3
"""utilities.py (--quick | --full) LAB PROGRAM: Linux's own integration components in front of `vmbusscope host`.

A guest with a wrong clock gets the host's; the host learns the guest's system and gives it a value; a file system is frozen and
thawed; a file is copied by our own consumer over uio_hv_generic; a shutdown powers the guest off. --quick does only the clock.

Exit codes: 0 all agree, 1 something differs or failed, 64 wrong usage, 77 not tested as a package cannot be had.
"""
import glob
import hashlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from host import Failed, Guest, Host, Lab, run_steps, text

CLOCK_LIMIT = 0.050
SCENARIO = """
name = "lab"
[root]
version = "5.3"
[[guest]]
name = "guest"
processors = 4
"""
WRONG = 1_000_000_000
FILE_COPY = "34d14be3-dee4-41c8-9ae7-6b174977c192"


def device(kind, *lines):
    return "\n".join(["[[guest.device]]", f'kind = "{kind}"', *lines]) + "\n"


def note(words):
    return lambda record: words in text(record)


class Shell:
    """A conversation with the guest's shell on one connection, for what must not wait for a new process."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(20)
        self.rest = b""

    def ask(self, line, answer):
        self.socket.sendall(line + b"\n")
        while not (found := re.search(answer, self.rest)):
            self.rest += self.socket.recv(4096)
        self.rest = self.rest[found.end():]
        return found

    def close(self):
        self.socket.close()


def clock_error(shell, count=40):
    """The guest's clock minus the host's, as an interval in which it must lie: each question brackets it."""
    low, high = -1e18, 1e18
    for number in range(count):
        before = time.time()
        # Quotes keep the echo of the line from being taken for its answer.
        found = shell.ask(b'echo "T""%d=$EPOCHREALTIME="' % number, rb"T%d=(\d+\.\d+)=" % number)
        after = time.time()
        seen = float(found.group(1))
        low, high = max(low, seen - after), min(high, seen - before)
    if low > high:
        raise Failed(f"the guest's clock runs at another pace: {low * 1000:.1f} to {high * 1000:.1f} ms")
    return low, high


class Utilities(Lab):
    def start(self, name, devices, *options):
        folder = self.place(name)
        scenario = f"{folder}/scenario.toml"
        with open(scenario, "w") as file:
            file.write(SCENARIO + devices)
        host = Host(self.program, f"{folder}/host", scenario)
        return host, Guest(self.lab, folder, f"{folder}/host", "--smp", "4", *options)

    @staticmethod
    def calm(guest):
        """The kernel says nothing bad about hv drivers."""
        log = guest.run("dmesg -r")
        bad = [line for line in log.splitlines()
               if (level := re.match(r"<(\d+)>", line)) and int(level.group(1)) % 8 <= 4
               and re.search(r"hv_|hyperv|vmbus|uio", line, re.I)]
        if bad:
            raise Failed(f"the kernel's log: {bad[:5]}")

    def clock(self, version):
        """A wrong clock is set once the driver is loaded, and again when the host says so."""
        host, guest = self.start(
            f"clock-{version}", device("heartbeat") + device("timesync", f'version = "{version}"') + device("shutdown"))
        try:
            guest.run(f"date -s @{WRONG}; mp hv_vmbus; mp hv_utils; sleep 1; dmesg | grep 'TimeSync IC version {version}'")
            host.heartbeats(2)
            worst = 0
            for attempt in range(2):
                if attempt:
                    guest.run(f"date -s @{WRONG}")
                    seen = len(host.records)
                    host.command("timesync sync")
                    host.expect(
                        lambda r: r["name"] == "TIMESYNC.SYNC" and r["direction"] == "guest_to_host", "an answer", seen)
                    guest.run("sleep 1")
                shell = Shell(guest.shell)
                low, high = clock_error(shell)
                shell.close()
                worst = max(worst, abs(low), abs(high))
                if not -CLOCK_LIMIT <= low <= high <= CLOCK_LIMIT:
                    raise Failed(f"the guest's clock is off by {low * 1000:.1f} to {high * 1000:.1f} ms")
            self.calm(guest)
            self.without_faults(host)
            self.power_off(host, guest)
            host.end()
            return f"the clock was set twice and is right to within {worst * 1000:.1f} ms; the guest powered off when asked"
        finally:
            guest.kill()
            host.kill()

    @staticmethod
    def power_off(host, guest):
        guest.run("mkdir -p /sbin; printf '#!/bin/sh\\nexec poweroff -f\\n' > /sbin/poweroff; chmod +x /sbin/poweroff")
        seen = len(host.records)
        host.command("shutdown power-off")
        host.expect(note("the guest begins its power-off"), "the answer to a shutdown", seen)
        guest.wait()
        host.expect(note("the monitor has disconnected"), "the end of the guest", seen)

    def daemons(self):
        """Debian's daemons, as files for the guest."""
        folder = f"{self.folder}/package"
        os.makedirs(folder, exist_ok=True)
        if not glob.glob(f"{folder}/*.deb"):
            subprocess.run(["apt-get", "download", "-q", "hyperv-daemons"], cwd=folder, check=True, capture_output=True)
            subprocess.run(["dpkg", "-x", glob.glob(f"{folder}/*.deb")[0], folder], check=True)
        release = f"{folder}/os-release"
        with open(release, "w") as file:
            file.write('NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n')
        return [f"{folder}/usr/sbin/hv_kvp_daemon:/root/hv_kvp_daemon",
                f"{folder}/usr/sbin/hv_vss_daemon:/root/hv_vss_daemon", f"{release}:/etc/os-release"]

    def exchange(self):
        """Data exchange and backup with Debian's daemons, and a file copy where the program can take it."""
        contents = self.daemons() + [f"{self.program}:/root/vmbusscope"]
        packed = f"{self.folder}/in.tar"
        subprocess.run([f"{self.lab}/pack", packed, *contents], check=True)
        host, guest = self.start(
            "exchange", "".join(device(kind) for kind in ("heartbeat", "timesync", "kvp", "vss", "fcopy", "shutdown")),
            "--in", packed)
        try:
            guest.run("mp hv_vmbus; mp hv_utils; mkdir -p /var/lib/hyperv /mnt")
            guest.run("mke2fs -q /dev/vda 20000 >/dev/null 2>&1 || mke2fs /dev/vda 20000; mount /dev/vda /mnt; "
                      "grep -q ' /mnt ' /proc/mounts && /root/hv_kvp_daemon && /root/hv_vss_daemon")
            told = [self.key_values(host, guest), self.backup(host, guest), self.file_copy(host, guest)]
            self.calm(guest)
            self.without_faults(host)
            self.power_off(host, guest)
            host.end()
            return "; ".join(told)
        finally:
            guest.kill()
            host.kill()

    @staticmethod
    def key_values(host, guest):
        host.expect(note("data exchange: auto OSName = Debian GNU/Linux"), "the guest's system")
        host.expect(
            lambda r: r["name"] == "STATE.CHANGED" and "operating_system" in str(r["fields"]), "the system as evidence")
        seen = len(host.records)
        host.command("kvp set external Greeting hello from the host")
        seen = host.expect(note("data exchange: external Greeting"), "the answer to a value", seen)
        # The kernel does not hand the room for a value on, so that the daemon of 6.1 answers with an empty one.
        host.command("kvp get external Greeting")
        seen = host.expect(note("external Greeting = "), "the answer to a question", seen)
        if "Greetinghello from the host" not in guest.run("tr -d '\\000' < /var/lib/hyperv/.kvp_pool_0"):
            raise Failed("the guest has not the host's value")
        host.command("kvp enumerate external")
        seen = host.expect(note("data exchange: external Greeting = hello"), "the pool", seen)
        host.command("kvp delete external Greeting")
        host.expect(note("Greeting deleted"), "the end of the value", seen)
        if "Greeting" in guest.run("tr -d '\\000' < /var/lib/hyperv/.kvp_pool_0"):
            raise Failed("the guest still has the host's value")
        return "data exchange: the host sees Debian GNU/Linux, the guest the host's value"

    @staticmethod
    def backup(host, guest):
        seen = len(host.records)
        host.command("vss hot-backup")
        seen = host.expect(note("backup: hot-backup is done"), "the check", seen)
        host.command("vss freeze")
        seen = host.expect(note("backup: freeze is done"), "the freeze", seen)
        guest.start("echo late > /mnt/late; touch /tmp/written")
        if guest.run("sleep 2; ls /tmp | grep -c written || true").strip() != "0":
            raise Failed("a frozen file system was written to")
        host.command("vss thaw")
        seen = host.expect(note("backup: thaw is done"), "the thaw", seen)
        guest.run("for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /tmp/written ] && break; sleep 1; done; cat /mnt/late")
        for step in ("auto-recover", "backup-complete"):
            host.command(f"vss {step}")
            seen = host.expect(note(f"backup: {step} is done"), step, seen)
        return "backup: frozen, nothing written meanwhile, thawed"

    def file_copy(self, host, guest):
        """Our consumer takes files over uio_hv_generic, which a person has given the device to."""
        guest.run(f"mp uio_hv_generic; echo {FILE_COPY} > /sys/bus/vmbus/drivers/uio_hv_generic/new_id 2>/dev/null || true; "
                  "mkdir -p /root/in; for i in $(seq 40); do [ -e /dev/uio0 ] && break; sleep 1; done; "
                  f"grep -q {FILE_COPY} /sys/class/uio/uio0/device/class_id")
        guest.start("/root/vmbusscope attach /dev/uio0 --into /root/in > /root/attach 2>&1")
        guest.run("for i in $(seq 40); do grep 'from now on' /root/attach && break; sleep 1; done; cat /root/attach; "
                  "grep -q 'from now on' /root/attach")
        seen = len(host.records)
        for name, size in (("copy", 100_003), ("empty", 0)):
            contents = os.urandom(size)
            with open(f"{self.folder}/{name}", "wb") as file:
                file.write(contents)
            host.command(f"fcopy {self.folder}/{name} /tmp/{name} create-path")
            seen = host.expect(note(f"file copy: /tmp/{name} is whole, {size} bytes"), f"the file {name}", seen)
            if hashlib.sha256(contents).hexdigest() not in guest.run(f"sha256sum /root/in/tmp/{name}"):
                raise Failed(f"the file {name} differs in the guest")
        for place, words in (("/tmp/copy", "exists"), ("/../up", "invalid argument")):
            host.command(f"fcopy {self.folder}/copy {place} overwrite create-path")
            seen = host.expect(
                lambda r: f"the guest refuses {place} at byte 0" in text(r) and words in text(r), f"{place} refused", seen)
        left = guest.run("kill $(pidof vmbusscope); for i in $(seq 20); do pidof vmbusscope >/dev/null || break; sleep 1; done; "
                         "cd /root/in; find . -type f | sort | tr '\\n' ' '; cat /sys/class/uio/uio0/device/state").split()
        if left != ["./tmp/copy", "./tmp/empty", "2"]:
            raise Failed(f"files that are left, and the state of the channel: {left}")
        return "file copy: two files whole, two refused"


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-utilities-", dir="/tmp") as folder:
        home = Utilities(lab, program, folder)
        steps = [("time sync 4.0", lambda: home.clock("4.0"))]
        if sys.argv[1] == "--full":
            steps += [("time sync 3.0", lambda: home.clock("3.0")), ("daemons and files", home.exchange)]
        return run_steps("utilities", steps)


if __name__ == "__main__":
    sys.exit(main())
