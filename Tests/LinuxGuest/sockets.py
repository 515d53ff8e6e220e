#!/usr/bin/env python3
"""sockets.py (--quick | --full) LAB PROGRAM: hv_sock of a real Linux kernel in front of `vmbusscope host`.

socat in the guest connects and is connected to; 16 MiB (--quick: 256 KiB) go each way with equal checksums, with either end closing
its half first; ports where nobody listens, or of which the host says nothing, end as the kernel ends them.

Exit codes: 0 all is well, 1 something failed, 64 wrong usage, 77 not tested as socat cannot be had.
"""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

os.environ.setdefault("VMBUSSCOPE_LAB_PATIENCE", "300")
from host import Failed, Guest, Host, Lab, run_steps, text  # noqa: E402

END = re.compile(r"host's hv_sock: sent (\d+) bytes \(CRC 0x([0-9a-f]+)\), got (\d+) bytes \(CRC 0x([0-9a-f]+)\)")


def service(port, **settings):
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(["[[guest.socket]]", f"port = {port}", *lines]) + "\n"


def made(count):
    """The bytes that an end of ours sends, from their places."""
    return bytes((place * 31 + (place >> 8) * 7 + (place >> 16)) & 0xFF for place in range(count))


class Sockets(Lab):
    def __init__(self, lab, program, folder, count):
        super().__init__(lab, program, folder)
        self.sent, self.made = random.Random(7).randbytes(count), made(count)
        with open(f"{folder}/random", "wb") as file:
            file.write(self.sent)
        self.archive = f"{folder}/in.tar"
        subprocess.run([f"{lab}/pack", self.archive, shutil.which("socat"), f"{folder}/random"], check=True)

    def start(self, name, services):
        folder = self.place(name)
        with open(f"{folder}/scenario.toml", "w") as file:
            file.write('name = "sockets"\n[[guest]]\nname = "guest"\nprocessors = 2\n[[guest.device]]\nkind = "heartbeat"\n')
            file.write(services)
        host = Host(self.program, f"{folder}/host", f"{folder}/scenario.toml")
        guest = Guest(self.lab, folder, f"{folder}/host", "--smp", "2", "--in", self.archive, limit=900)
        return host, guest

    def both_ways(self, first, is_from_host):
        """A connection whose ends send as much as each other, of which `first` closes its half first."""
        count = len(self.sent)
        settings = {"host_sends": count, "closes_first": f'"{first}"', "write_interval": '"1us"'}
        if is_from_host:
            settings.update(connects='"host"', at='"3s"', every='"15s"')
        host, guest = self.start(f"{first}-first", service(5000, **settings))
        try:
            peer = "VSOCK-LISTEN:5000" if is_from_host else "VSOCK-CONNECT:2:5000"
            # What socat reads ends, and with it its half, when all is sent, or has come as well.
            wait = f'; until [ "$(wc -c < /tmp/got)" = {count} ]; do sleep 0.2; done; sleep 1' if first == "host" else ""
            said = guest.run(
                "mp hv_vmbus; mp hv_utils; mp hv_sock; sleep 1; touch /tmp/got",
                f"(cat /root/random{wait}) | /root/socat -b 65536 -t 200 - {peer} > /tmp/got; echo status $?; "
                "sha256sum < /tmp/got")
            if "status 0" not in said or hashlib.sha256(self.made).hexdigest() not in said:
                raise Failed(f"socat in the guest: {said[-300:]}")
            place = host.expect(lambda r: END.search(text(r)), "the end of the stream")
            told = END.search(text(host.records[place - 1]))
            numbers = (int(told[1]), int(told[2], 16), int(told[3]), int(told[4], 16))
            wanted = (count, zlib.crc32(self.made), count, zlib.crc32(self.sent))
            if numbers != wanted:
                raise Failed(f"the host's end says {numbers}, not {wanted}")
            ends = [r["direction"] for r in host.records if r["name"] == "HVSOCK.END"]
            order = {"guest": ["guest_to_host", "host_to_guest"], "host": ["host_to_guest", "guest_to_host"]}[first]
            if ends[:2] != order:
                raise Failed(f"the halves were closed in the order {ends}")
            host.message("RELID_RELEASED", "guest_to_host", place)
            self.calm(host, guest)
            return f"{count} bytes each way are the same at both ends; the {first} closed its half first"
        finally:
            guest.kill()
            host.kill()

    def nobody(self):
        """Where the host refuses or is silent, Linux gives up by itself."""
        host, guest = self.start("nobody", service(5003, answer='"refuse"') + service(5004, answer='"silence"'))
        try:
            said = guest.run(
                "mp hv_vmbus; mp hv_utils; mp hv_sock; sleep 1; "
                "for port in 5003 5004 5005; do /root/socat -u VSOCK-CONNECT:2:$port - 2>&1; echo \"$port: $?\"; done")
            for port in (5003, 5004, 5005):
                if f"{port}: 1" not in said:
                    raise Failed(f"a connection to port {port} did not fail: {said[-300:]}")
            asked = sum(r["name"] == "VMBUS.TL_CONNECT_REQUEST" for r in host.records)
            refused = sum(r["name"] == "VMBUS.TL_CONNECT_RESULT" for r in host.records)
            if (asked, refused) != (3, 2):
                raise Failed(f"{asked} requests and {refused} refusals")
            self.calm(host, guest)
            how = sorted(set(re.findall(r"Connection \w+(?: \w+)*|timed out", said)))
            return f"two refused and one unanswered, all three end as {how}"
        finally:
            guest.kill()
            host.kill()

    @staticmethod
    def calm(host, guest):
        """Nobody broke a rule, and the kernel says nothing bad."""
        faults = [text(r) or r["name"] for r in host.records if r["kind"] == "fault"]
        bad = [line for line in guest.run("dmesg -r").splitlines()
               if re.match(r"<[0-4]>", line) and re.search(r"vmbus|hv_|vsock|BUG|WARN", line)]
        if faults or bad:
            raise Failed(f"faults {faults[:3]}, the kernel {bad[:3]}")
        host.end()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    if not shutil.which("socat"):
        if os.getuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "socat"], capture_output=True)
        if not shutil.which("socat"):
            print("sockets: NOT TESTED: install socat")
            return 77
    full = sys.argv[1] == "--full"
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-sockets-", dir="/tmp") as folder:
        home = Sockets(lab, program, folder, 16 << 20 if full else 256 << 10)
        steps = [("guest connects, guest closes first", lambda: home.both_ways("guest", False))]
        if full:
            steps += [
                ("guest connects, host closes first", lambda: home.both_ways("host", False)),
                ("host connects, guest closes first", lambda: home.both_ways("guest", True)),
                ("host connects, host closes first", lambda: home.both_ways("host", True)),
                ("nobody listens", home.nobody),
            ]
        return run_steps("sockets", steps)


if __name__ == "__main__":
    sys.exit(main())
