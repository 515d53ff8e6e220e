#!/usr/bin/env python3
"""attach.py (--quick | --full) LAB PROGRAM: `vmbusscope attach` and `vmbusscope move` inside real Linux kernels.

A heartbeat is taken over and given back twenty times, every other time by the child of a program that was killed; a channel is
moved to another processor and back, by hand, after a while and after a kill; and an adapter with four channels sends and gets
numbered datagrams through uio_hv_generic. --quick does three turns and 2,000 datagrams. VMBUSSCOPE_LAB_DATAGRAMS is another
number of them.

Exit codes: 0 all is well, 1 something failed, 64 wrong usage.
"""
import os
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("VMBUSSCOPE_LAB_PATIENCE", "240")
from host import Failed, Guest, Host, Lab, run_steps, text  # noqa: E402
from utilities import SCENARIO, Utilities, device  # noqa: E402

HEARTBEAT = "57164f39-9115-4e78-ab55-382f3bd5422d"
NETWORK = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
BUS = "/sys/bus/vmbus/devices"


def until(condition, seconds=60):
    """A command of the guest that waits; it fails where the condition never holds."""
    return f"for i in $(seq {seconds * 5}); do {condition} && break; sleep 0.2; done; {condition}"


class Attach(Lab):
    def boot(self, name, devices, *options, quiet=False):
        folder = self.place(name)
        scenario, packed = f"{folder}/scenario.toml", f"{self.folder}/in.tar"
        with open(scenario, "w") as file:
            file.write(SCENARIO + devices)
        if not os.path.exists(packed):
            subprocess.run([f"{self.lab}/pack", packed, f"{self.program}:/root/vmbusscope"], check=True)
        if quiet:
            host = subprocess.Popen(
                [self.program, "host", "--listen", f"{folder}/host", "--record", "-", "--records", "1", scenario],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            while not os.path.exists(f"{folder}/host"):
                if host.poll() is not None:
                    raise Failed(f"the host ended with {host.returncode}")
        else:
            host = Host(self.program, f"{folder}/host", scenario)
        return host, Guest(self.lab, folder, f"{folder}/host", "--smp", "4", "--in", packed, *options, limit=1800)

    @staticmethod
    def instance(guest, class_id):
        return guest.run(f"basename $(dirname $(grep -l {class_id} {BUS}/*/class_id))").split()[-1]

    @staticmethod
    def driver(guest, name):
        return guest.run(f"basename $(readlink {BUS}/{name}/driver || echo none)").split()[-1]

    def turns(self, count):
        """The old driver always returns, whether the program ends or is killed."""
        host, guest = self.boot("heartbeat", device("heartbeat") + device("shutdown"))
        try:
            guest.run("mp hv_vmbus; mp hv_utils; mp uio_hv_generic")
            host.heartbeats(1)
            name = self.instance(guest, HEARTBEAT)
            old = self.driver(guest, name)
            attach = f"/root/vmbusscope attach {name[:8]} --accept-host-action"
            refused = guest.run(f"/root/vmbusscope attach {name[:8]} --confirm {name[:8]} 2>&1 || echo status $?")
            if "--accept-host-action" not in refused or "status 1" not in refused:
                raise Failed(f"a heartbeat is taken without a word: {refused}")
            said = guest.run(f"{attach} --dry-run")
            if self.driver(guest, name) != old:
                raise Failed("a dry run has changed the driver")
            flow = guest.run(
                f"{attach} --confirm {name[:8]} --record - --duration 10 2>/root/err | /root/vmbusscope open - --json >/root/flow; "
                "grep -c guest_to_host.*HEARTBEAT.SEQUENCE /root/flow; grep -c host_to_guest.*HEARTBEAT.SEQUENCE /root/flow; "
                f"grep 'is back with {old}' /root/err")
            if min(int(n) for n in flow.split()[:2]) < 1:
                raise Failed(f"no beats are recorded: {flow}; {guest.run('tail -n 3 /root/flow; cat /root/err')}")
            for turn in range(count):
                signal = ("KILL", "TERM")[turn % 2]
                guest.start(f"sh -c 'echo $$ > /root/pid; exec {attach} --confirm {name[:8]}' > /root/out 2>&1")
                guest.run(until("grep -q 'answered beat' /root/out"))
                if self.driver(guest, name) != "uio_hv_generic":
                    raise Failed(f"turn {turn}: the driver is {self.driver(guest, name)}")
                guest.run(f"kill -{signal} $(cat /root/pid)", until(f"grep -q 'is back with {old}' /root/out"))
                if self.driver(guest, name) != old:
                    raise Failed(f"turn {turn}: after {signal} the driver is {self.driver(guest, name)}")
                told = "the program is gone" in guest.run("cat /root/out")
                if told != (signal == "KILL"):
                    raise Failed(f"turn {turn}: after {signal}: {guest.run('cat /root/out')}")
                if guest.run(f"cat {BUS}/{name}/driver_override").split()[-1] != "(null)":
                    raise Failed(f"turn {turn}: the override stays")
                guest.run(until("! pidof vmbusscope >/dev/null"))
                host.heartbeats(1, len(host.records))
            Utilities.calm(guest)
            self.without_faults(host)
            guest.kill()
            host.end()
            return f"{flow.split()[0]} beats recorded; {count} turns, {(count + 1) // 2} of them killed; {old} always returned. The dry run said:\n{said}"
        finally:
            guest.kill()
            host.kill()

    def moves(self):
        """A channel goes to another processor and comes back."""
        host, guest = self.boot("move", device("heartbeat"))
        try:
            guest.run("mp hv_vmbus; mp hv_utils")
            host.heartbeats(1)
            name = self.instance(guest, HEARTBEAT)
            cpu = f"cat {BUS}/{name}/channels/*/cpu"
            first = guest.run(cpu).split()[-1]
            to = "2" if first != "2" else "1"

            def ask(words, *expected, at=first):
                said = guest.run(f"/root/vmbusscope move {words} --interval 0.2 2>&1; echo status $?")
                missing = [word for word in expected if word not in said]
                if missing or guest.run(cpu).split()[-1] != at:
                    raise Failed(f"move {words}: {said}; without {missing}, at CPU {guest.run(cpu)}")
                return said

            ask(f"heartbeat {to} --dry-run", f"CPU {first} -> CPU {to}", "status 0")
            seen = len(host.records)
            said = ask(f"heartbeat {to}", f"heartbeat is on CPU {to}", "status 0", at=to)
            host.message("MODIFY_CHANNEL", "guest_to_host", seen)
            host.heartbeats(1, len(host.records))
            ask(f"{name[:8]}/$(cat {BUS}/{name}/id) {first}", f"heartbeat is on CPU {first}", "status 0")
            ask(f"heartbeat {to} --for 1", "again", "status 0")
            guest.run("echo 0 > /sys/devices/system/cpu/cpu3/online")
            ask("heartbeat 3", "CPU 3 is offline (EINVAL)", "status 1")
            guest.start(f"sh -c 'echo $$ > /root/pid; exec /root/vmbusscope move heartbeat {to} --for 600' > /root/out 2>&1")
            guest.run(until("grep -q 'is on CPU' /root/out"), "kill -KILL $(cat /root/pid)",
                      until("grep -q 'the program is gone' /root/out"))
            if guest.run(cpu).split()[-1] != first:
                raise Failed(f"after a kill the channel is at CPU {guest.run(cpu)}")
            host.heartbeats(1, len(host.records))
            Utilities.calm(guest)
            self.without_faults(host)
            guest.kill()
            host.end()
            return f"CPU {first} to {to} and back, by hand, after a second and after a kill:\n{said}"
        finally:
            guest.kill()
            host.kill()

    def network(self, count):
        """An adapter with four channels, driven through uio_hv_generic with interrupts."""
        lines = ("channels = 4", 'mac = "00:15:5d:0a:00:01"')
        host, guest = self.boot("network", device("network", *lines), quiet=True)
        try:
            guest.run("mp hv_vmbus; mp hv_netvsc; mp uio_hv_generic", until("[ -e /sys/class/net/eth0 ]"))
            name = self.instance(guest, NETWORK)
            routed = guest.run(
                "ifconfig eth0 10.0.0.1 up; route add default gw 10.0.0.254; /root/vmbusscope attach eth0 --dry-run 2>&1; "
                "route del default; SSH_CONNECTION='10.0.0.7 5 10.0.0.1 22' /root/vmbusscope attach eth0 --dry-run 2>&1; "
                "ifconfig eth0 down; true")
            for word in ("eth0 carries the default route", "eth0 carries your ssh connection"):
                if word not in routed:
                    raise Failed(f"not refused: {routed}")
            guest.start(f"/root/vmbusscope attach eth0 --confirm {name[:8]} --channels 4 --datagrams {count} --own 10.0.0.1 "
                        "--peer 10.0.0.254 > /root/out 2>&1; echo status $? >> /root/out")
            for _ in range(100):
                if "status" in guest.run("sleep 15; tail -n 3 /root/out"):
                    break
            said = guest.run("tail -n 12 /root/out")
            found = re.search(r"(\d+) datagrams sent, (\d+) back whole, 0 broken, (\d+) doubled, 0 missing, (\d+) sent again, "
                              r"through 4 channels in [0-9.]+ s, (\d+) sleeps", said)
            if not found or int(found.group(2)) != count or "status 0" not in said or int(found.group(5)) == 0:
                raise Failed(f"the datagrams: {said}; {guest.run('dmesg | tail -n 20')}")
            guest.run(until("[ -e /sys/class/net/eth0 ]"))
            if self.driver(guest, name) != "hv_netvsc":
                raise Failed(f"the driver is {self.driver(guest, name)}")
            Utilities.calm(guest)
            return said
        finally:
            guest.kill()
            host.terminate()
            host.wait()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    is_full = sys.argv[1] == "--full"
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    count = int(os.environ.get("VMBUSSCOPE_LAB_DATAGRAMS", "100000" if is_full else "2000"))
    with tempfile.TemporaryDirectory(prefix="vmbusscope-attach-", dir="/tmp") as folder:
        home = Attach(lab, program, folder)
        return run_steps("attach", [
            ("heartbeat taken and given back", lambda: home.turns(20 if is_full else 3)),
            ("channel moved", home.moves), ("network", lambda: home.network(count))])


if __name__ == "__main__":
    sys.exit(main())
