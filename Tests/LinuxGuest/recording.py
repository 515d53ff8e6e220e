#!/usr/bin/env python3
"""recording.py (--quick | --full) LAB PROGRAM: what `vmbusscope host --record` keeps of a real Linux kernel.

One guest gets an address, pings, loses its heartbeat and has it again, and reboots its bus. The recording has to be what the host
said, record for record; run again it has to answer as recorded and come to the same state, in the middle and at its end; and
what is cut from it by default is the payload alone.

Exit codes: 0 all agree, 1 something differs or failed, 64 wrong usage.
"""
import json
import os
import subprocess
import sys
import tempfile

from lab import Failed, Guest, Host, run_steps, text

HERE = os.path.dirname(os.path.abspath(__file__))
RESPONDER = "10.0.0.254"


class Recording:
    def __init__(self, lab, program, folder):
        self.lab, self.program, self.folder = lab, program, folder
        self.archive = f"{folder}/in.tar"
        subprocess.run([f"{lab}/pack", self.archive, program, f"{HERE}/udhcpc.script:/usr/share/udhcpc/default.script"],
                       check=True, capture_output=True)

    def run(self, *words):
        done = subprocess.run([self.program, *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{words} ended with status {done.returncode}: {done.stderr[-300:]} {done.stdout[-600:]}")
        return done.stdout

    def life(self, name, *options):
        """A guest's life, recorded; the host's lines, and how many there were while the guest was busy."""
        path, bus = f"{self.folder}/{name}.pcapng", f"{self.folder}/{name}.bus"
        host = Host(self.program, bus, f"{HERE}/network.toml", "--record", path, *options)
        guest = None
        try:
            guest = Guest(self.lab, self.folder, bus, "--in", self.archive)
            guest.run("mp hv_vmbus; mp hv_utils; mp hv_netvsc; "
                      "for i in $(seq 60); do [ -e /sys/class/net/eth0 ] && break; sleep 0.2; done; ifconfig eth0 up; "
                      "udhcpc -i eth0 -s /usr/share/udhcpc/default.script -n -q -f -t 10 -T 2 2>&1")
            guest.run(f"ping -A -q -c 20 -s 1000 {RESPONDER}")
            busy = len(host.records)
            seen = host.heartbeats(1, busy)
            host.command("rescind heartbeat")
            seen = host.message("RELID_RELEASED", "guest_to_host", seen)
            host.command("offer heartbeat")
            host.heartbeats(1, seen)
            guest.run("rmmod hv_netvsc; rmmod hv_utils; rmmod hv_vmbus; mp hv_vmbus; mp hv_utils; sleep 2")
            host.end()
        finally:
            if guest:
                guest.kill()
            host.kill()
        return path, host.records, busy

    def whole(self):
        path, records, busy = self.life("whole", "--payload")
        opened = [json.loads(line) for line in self.run("open", path, "--json").splitlines()]
        if opened != records:
            first = next((i for i, pair in enumerate(zip(opened, records)) if pair[0] != pair[1]), min(len(opened), len(records)))
            raise Failed(f"{len(opened)} records in the file, {len(records)} of the host; the first that differs is {first}")
        answers = []
        for count in (busy, len(records)):
            report = json.loads(self.run("check", path, "--json", "--steps", str(count)))
            replay = report["replay"]
            if replay["differences"] or replay["state_differences"] or replay["requests"] < 20:
                raise Failed(f"run again up to record {count}: {replay}")
            answers.append(replay["answers"])
        return f"{len(records)} records are the host's; run again {answers[1]} answers and the state are as recorded, {answers[0]} when busy"

    def cut(self):
        path, records, _ = self.life("cut")
        opened = [json.loads(line) for line in self.run("open", path, "--json").splitlines()]
        if [r["name"] for r in opened if r["kind"] != "packet"] != [r["name"] for r in records if r["kind"] != "packet"]:
            raise Failed("what is no packet was cut")
        ours, whole = os.path.getsize(path), sum(r["length"] for r in records)
        with open(path, "rb") as file:
            if bytes(range(0x40, 0x60)) * 4 in file.read():
                raise Failed("a payload is in the file")
        return f"{ours} bytes for {whole} bytes of records"


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-recording-", dir="/tmp") as folder:
        home = Recording(lab, program, folder)
        steps = [("run again", home.whole)]
        if sys.argv[1] == "--full":
            steps.append(("payload off", home.cut))
        return run_steps("recording", steps)


if __name__ == "__main__":
    sys.exit(main())
