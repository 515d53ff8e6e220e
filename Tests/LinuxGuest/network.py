#!/usr/bin/env python3
"""network.py (--quick | --full) LAB PROGRAM: the network driver of real Linux kernels in front of `vmbusscope host`.

--quick boots one guest, which gets an address by DHCP, pings, and sends datagrams of many sizes, and TCP, through
all channels.
--full sends every size with checksum offload on and off, takes the link away and gives it back, lets two guests talk through
the switch, and lets a guest reboot and crash twenty times while its network is in use.

ethtool comes from Debian's package; the program that sends datagrams is built here. Exit codes: 0 all is well, 1 something is
not, 64 wrong usage.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

# Patience for four processors that boot on a busy machine.
os.environ.setdefault("VMBUSSCOPE_LAB_PATIENCE", "240")
from lab import Failed, Guest, Host, run_steps, text  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
RESPONDER, FIRST, SECOND = "10.0.0.254", "10.0.0.1", "10.0.0.2"
LARGEST = 1472  # of a datagram in a frame of 1,514 bytes
UP = "mp hv_vmbus; mp hv_utils; mp hv_netvsc; for i in $(seq 60); do [ -e /sys/class/net/eth0 ] && break; sleep 0.2; done; "
LEASE = "ifconfig eth0 up; udhcpc -i eth0 -s /usr/share/udhcpc/default.script -n -q -f -t 10 -T 2 2>&1"
# Warnings and worse of the kernel's log (raw lines begin with facility and level).
WARNINGS = ("dmesg -r | sed -n 's/^<[0-9]*[01234]>//p' | grep -iE 'hv_|vmbus|netvsc|hyper-?v|eth0|RIP:|BUG|WARNING|Oops'"
            " || true")


def build(folder):
    """What the guests need besides busybox, as an archive."""
    subprocess.run(["cc", "-O1", "-o", f"{folder}/echo", f"{HERE}/echo.c"], check=True)
    ethtool = next((path for path in ("/usr/sbin/ethtool", "/sbin/ethtool") if os.path.exists(path)), None)
    if ethtool is None:
        for package in ("ethtool", "libmnl0"):
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for package in glob.glob(f"{folder}/*.deb"):
            subprocess.run(["dpkg", "-x", package, f"{folder}/debian"], check=True)
        ethtool = next(path for path in glob.glob(f"{folder}/debian/**/sbin/ethtool", recursive=True))
    return [f"{folder}/echo:/root/echo", f"{ethtool}:/root/ethtool",
            f"{HERE}/udhcpc.script:/usr/share/udhcpc/default.script"]


class Network:
    """A host with one or two guests on its switch."""

    def __init__(self, lab, program, folder, archive, guests=1):
        self.lab, self.folder, self.archive = lab, folder, archive
        sockets = [f"{folder}/host-{number}" for number in range(guests)]
        more = [word for socket in sockets[1:] for word in ("--listen", socket)]
        self.host = Host(program, sockets[0], *more, f"{HERE}/network.toml")
        self.sockets, self.guests = sockets, []

    def boot(self, *options, limit=600):
        number = len(self.guests)
        folder = f"{self.folder}/guest-{number}"
        os.makedirs(folder, exist_ok=True)
        guest = Guest(self.lab, folder, self.sockets[number], "--smp", "4", "--in", self.archive, *options, limit=limit)
        self.guests.append(guest)
        return guest

    def met(self):
        """What the responder has met, by word."""
        seen = len(self.host.records)
        self.host.command("switch")
        place = self.host.expect(lambda r: "the switch's responder 10" in text(r), "the responder's counts", seen)
        words = text(self.host.records[place - 1]).split(": ", 1)[1]
        return {name: int(count) for count, name in re.findall(r"(\d+) ([a-zA-Z ]+)", words)}

    def channels(self, after=0):
        """Frames in each channel and direction of the first guest."""
        found = {}
        for record in self.host.records[after:]:
            if record["name"] == "RNDIS.PACKET" and record["partition"] == "first":
                key = (record["direction"].split("_")[0], record["subchannel"])
                found[key] = found.get(key, 0) + 1
        return found

    def unharmed(self, *guests):
        """Neither end has seen anything that should not be."""
        for guest in guests:
            warnings = guest.run(WARNINGS).strip()
            if warnings:
                raise Failed(f"the kernel warns: {warnings[:600]}")
        faults = [text(r) for r in self.host.records if r["kind"] == "fault"]
        if faults:
            raise Failed(f"the host saw broken rules: {faults[:5]}")

    def close(self):
        for guest in self.guests:
            guest.kill()
        self.host.kill()


def lease(network, guest, address):
    """An address by DHCP, as both ends tell it."""
    seen = len(network.host.records)
    said = guest.run(UP + LEASE)
    if f"lease {address} 255.255.255.0 {RESPONDER}" not in said:
        raise Failed(f"no lease of {address}: {said[-400:]}")
    network.host.expect(lambda r: f"has {address} by DHCP" in text(r), f"the lease of {address}", seen)
    if f"inet addr:{address} " not in guest.run("ifconfig eth0"):
        raise Failed(f"eth0 has not {address}: {guest.run('ifconfig eth0')}")


def pings(network, guest, address, count, series=4):
    """Pings without loss, several series at a time."""
    each = count // series
    said = guest.run("; ".join(f"(ping -A -q -c {each} {address} >/tmp/ping{n} 2>&1) &" for n in range(series)).replace("&;", "&")
                     + " wait; cat /tmp/ping*")
    came = [int(n) for n in re.findall(r"(\d+) packets received", said)]
    if len(came) != series or sum(came) != each * series:
        raise Failed(f"{sum(came)} of {count} pings came back from {address}: {said[-400:]}")


def sizes(guest, first, last, sources=48, step=""):
    said = guest.run(f"/root/echo {RESPONDER} {first} {last} {sources} || true")
    wanted = f"sizes {last - first + 1} lost 0 bad 0 refused {sources}\n"
    if wanted not in said:
        raise Failed(f"datagrams of {first} to {last} bytes{step}: {said[-300:]}")


def offload(guest, on):
    """Checksums left to the host, or made by the guest; whether the driver lets us choose."""
    word = "on" if on else "off"
    said = guest.run(f"/root/ethtool -K eth0 tx {word} rx {word}; /root/ethtool -k eth0 | grep checksum")
    wanted = [rf"rx-checksumming: {word}", rf"tx-checksum-ip(v4|-generic): {word}|tx-checksum-ipv4: {word}"]
    if not all(re.search(pattern, said) for pattern in wanted):
        raise Failed(f"checksum offload is not {word}: {said[-400:]}")


def used(network, guest, before):
    """All channels are open, and carried frames in both directions, as both ends tell it."""
    network.met()  # whatever was recorded before its answer is here then
    found = network.channels(before)
    missing = [(way, n) for way in ("guest", "host") for n in range(4) if not found.get((way, n))]
    if missing:
        raise Failed(f"no frames in {missing}; there are {found}")
    said = guest.run("/root/ethtool -S eth0; ls /sys/class/net/eth0/device/channels | wc -l")
    counts = dict(re.findall(r"(\w+_queue_\d+_packets): (\d+)", said))
    idle = [name for way in ("rx", "tx") for name in [f"{way}_queue_{n}_packets" for n in range(4)]
            if int(counts.get(name, 0)) == 0]
    if idle or said.split()[-1] != "4":
        raise Failed(f"queues without packets: {idle}; channels: {said.split()[-1]}")
    return found


def carrier(guest, state):
    said = guest.run(f"for i in $(seq 100); do [ $(cat /sys/class/net/eth0/carrier) = {state} ] && break; sleep 0.1; done; "
                     "cat /sys/class/net/eth0/carrier").strip()
    if said != str(state):
        raise Failed(f"the carrier is {said}, not {state}")


def one_guest(lab, program, folder, archive, is_full):
    network = Network(lab, program, folder, archive)
    try:
        guest = network.boot()
        lease(network, guest, FIRST)
        count = 1000 if is_full else 100
        pings(network, guest, RESPONDER, count)
        before = len(network.host.records)
        said = [f"{FIRST} by DHCP, {count} pings"]
        if is_full:
            for on in (True, False):
                offload(guest, on)
                sizes(guest, 4, LARGEST, step=f" with checksum offload {'on' if on else 'off'}")
                pings(network, guest, RESPONDER, 40)
            said.append(f"every size to {LARGEST} with checksum offload on and off")
        else:
            sizes(guest, LARGEST - 100, LARGEST)
        found = used(network, guest, before)
        said.append("channels " + ", ".join(f"{way} {n}: {c}" for (way, n), c in sorted(found.items())))
        if is_full:
            network.host.command("network link down")
            carrier(guest, 0)
            if "100% packet loss" not in guest.run(f"ping -c 2 -W 1 {RESPONDER} || true"):
                raise Failed("a ping came back without a link")
            network.host.command("network link up")
            carrier(guest, 1)
            pings(network, guest, RESPONDER, 40)
            said.append("link down and up")
        network.unharmed(guest)
        met = network.met()
        if met["pings"] < count or met["wrong checksums"] or met["malformed"]:
            raise Failed(f"the responder met {met}")
        said.append(f"{met['pings']} pings and {met['datagrams']} datagrams at the host, every checksum right")
        guest.kill()
        network.host.end()
        return "; ".join(said)
    finally:
        network.close()


def two_guests(lab, program, folder, archive):
    network = Network(lab, program, folder, archive, guests=2)
    try:
        first, second = network.boot(), network.boot()
        lease(network, first, FIRST)
        lease(network, second, SECOND)
        pings(network, first, SECOND, 100)
        pings(network, second, FIRST, 100)
        for guest, address in ((first, SECOND), (second, FIRST)):
            said = guest.run(f"for s in 0 1 17 18 19 512 1471 1472; do ping -q -c 3 -s $s {address}; done | grep -c ' 0% packet loss'")
            if said.strip() != "8":
                raise Failed(f"pings of eight sizes to {address}: {said}")
        network.unharmed(first, second)
        first.kill()
        network.host.expect(lambda r: r["partition"] == "first" and "has disconnected" in text(r), "the first guest's end")
        pings(network, second, RESPONDER, 40)
        second.kill()
        network.host.end()
        return "two guests at a time: 100 pings each way, eight sizes; one goes on when the other is gone"
    finally:
        network.close()


def again(lab, program, folder, archive, count):
    """One guest that reboots and crashes by turns while it pings, under one host process."""
    network = Network(lab, program, folder, archive)
    try:
        guest = network.boot("--reboot", limit=count * 90 + 300)
        seen = 0
        for turn in range(count + 1):
            try:
                lease(network, guest, FIRST)
                pings(network, guest, RESPONDER, 20)
                network.unharmed(guest)
            except Failed as failure:
                raise Failed(f"after {turn} of {count} turns: {failure}") from failure
            if turn == count:
                break
            seen = len(network.host.records)
            end = "echo c > /proc/sysrq-trigger" if turn % 2 else "reboot -f"
            guest.start(f"ping -A -q {RESPONDER} >/dev/null 2>&1 & sleep 0.5; {end}")
            network.host.expect(lambda r: "the machine was reset" in text(r), "the reset", seen)
        guest.kill()
        network.host.end()
        return f"{count} reboots and crashes while it pings, each with a new lease"
    finally:
        network.close()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    is_full = sys.argv[1] == "--full"
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-network-", dir="/tmp") as folder:
        archive = f"{folder}/in.tar"
        subprocess.run([f"{lab}/pack", archive, *build(folder)], check=True)
        place = lambda: tempfile.mkdtemp(dir=folder)
        steps = [("one guest", lambda: one_guest(lab, program, place(), archive, is_full))]
        if is_full:
            steps += [
                ("two guests", lambda: two_guests(lab, program, place(), archive)),
                ("twenty times", lambda: again(lab, program, place(), archive, 20)),
            ]
        return run_steps("network", steps)


if __name__ == "__main__":
    sys.exit(main())
