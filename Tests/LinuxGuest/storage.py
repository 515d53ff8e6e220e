#!/usr/bin/env python3
"""storage.py (--quick | --full) LAB PROGRAM: hv_storvsc of real Linux kernels in front of `vmbusscope host`.

A disk appears and gets a file system; 64 MiB (--quick: 4 MiB) are written and read back with equal checksums; disks go and come
while the guest runs; a disc is mounted; three sub-channels open; the kernel's log has no complaint. With --full also the
program inside the guest, tracing the requests of its disks. VMBUSSCOPE_LAB_KEEP names a directory that gets what was said.

Exit codes: 0 all is well, 1 something failed, 64 wrong usage.
"""
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

os.environ.setdefault("VMBUSSCOPE_LAB_PATIENCE", "240")
from host import Failed, Guest, Host, field, run_steps, text  # noqa: E402

DISC_TEXT = b"a disc for a guest\n" * 1000
DRIVERS = re.compile(r"hv_storvsc|hv_vmbus|storvsc|I/O error|scsi.*(?:error|fail)|Sense Key|EXT4-fs error|\bwarning:|\bBUG:", re.I)
# What a kernel says of a disk that is as it should be.
HARMLESS = re.compile(r"registering driver|Vmbus version|hv_vmbus: Hyper-V|scsi host\d+: storvsc_host_t|balloon|re-mounted|"
                      r"Write Protect|Write cache|Attached|Synchronizing SCSI cache", re.I)


def both(number, size):
    """A number as discs have it: little-endian, then big-endian."""
    return number.to_bytes(size, "little") + number.to_bytes(size, "big")


def image(path):
    """A disc of ISO 9660 with one file, FILE.TXT (ECMA-119)."""
    def record(name, sector, length, flags):
        body = struct.pack("<BB", 0, 0)[1:] + both(sector, 4) + both(length, 4) + bytes([126, 1, 1, 0, 0, 0, 0])
        body += bytes([flags, 0, 0]) + both(1, 2) + bytes([len(name)]) + name + (b"" if len(name) % 2 else b"\0")
        return bytes([len(body) + 1]) + body

    def padded(data):
        return data + bytes(-len(data) % 2048)

    root, table, contents = 20, 18, 21
    entry = record(b"\0", root, 2048, 2)
    total = contents + len(padded(DISC_TEXT)) // 2048
    primary = b"\1CD001\1\0" + b"VMBUSSCOPE".ljust(32) + b"GUEST".ljust(32) + bytes(8) + both(total, 4) + bytes(32)
    primary += both(1, 2) + both(1, 2) + both(2048, 2) + both(10, 4) + struct.pack("<II", table, 0)
    primary += struct.pack(">II", table + 1, 0) + entry.ljust(34, b"\0")
    primary += b" " * (128 * 4 + 37 * 3) + (b"0" * 16 + b"\0") * 4 + b"\1\0"
    data = bytes(16 * 2048) + primary.ljust(2048, b"\0") + padded(b"\xffCD001\1")
    data += padded(b"\1\0" + struct.pack("<IH", root, 1) + b"\0\0") + padded(b"\1\0" + struct.pack(">IH", root, 1) + b"\0\0")
    data += padded(entry + record(b"\1", root, 2048, 2) + record(b"FILE.TXT;1", contents, len(DISC_TEXT), 0))
    with open(path, "wb") as file:
        file.write(data + padded(DISC_TEXT))


def keep(name, said):
    place = os.environ.get("VMBUSSCOPE_LAB_KEEP")
    if place:
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/{name}", "w") as file:
            file.write(said)


def tools(lab, folder, *more):
    """What the guest lacks, from Debian's package where it can be had, else from this machine."""
    made = "/usr/sbin/mke2fs"
    try:
        subprocess.run(["apt-get", "download", "-q", "e2fsprogs"], cwd=folder, check=True, capture_output=True, timeout=60)
        package = next(name for name in os.listdir(folder) if name.startswith("e2fsprogs_"))
        subprocess.run(["dpkg", "-x", f"{folder}/{package}", f"{folder}/e2fsprogs"], check=True)
        made = next(p for p in (f"{folder}/e2fsprogs/sbin/mke2fs", f"{folder}/e2fsprogs/usr/sbin/mke2fs") if os.path.exists(p))
    except (OSError, subprocess.SubprocessError, StopIteration):
        if not os.path.exists(made):
            raise Failed("there is no mke2fs: neither Debian's e2fsprogs nor one of this machine")
    subprocess.run([f"{lab}/pack", f"{folder}/in.tar", f"{made}:/bin/mkfs.ext4", *more], check=True)
    return f"{folder}/in.tar"


LOAD = ("mp hv_vmbus; mp sd_mod; mp sr_mod; mp hv_storvsc storvsc_vcpus_per_sub_channel=1; "
        "n=0; until [ -b /dev/sda ]; do n=$((n+1)); [ $n -gt 60 ] && break; sleep 0.5; done; mkdir -p /m /cd")


def wait_for(guest, condition, what):
    said = guest.run(f"n=0; until {condition}; do n=$((n+1)); [ $n -gt 60 ] && break; sleep 0.5; done; "
                     f"{condition} && echo reached || echo missed")
    if "reached" not in said:
        raise Failed(f"waited in vain for {what}: {guest.run('dmesg | tail -15')}")


def no_complaints(guest, name):
    log = guest.run("dmesg")
    keep(f"storage-{name}-dmesg.txt", log)
    wrong = [line for line in log.splitlines() if DRIVERS.search(line) and not HARMLESS.search(line)]
    if wrong:
        raise Failed(f"the kernel complains: {wrong[:8]}")


def no_faults(host):
    faults = [text(record) for record in host.records if record["kind"] == "fault"]
    if faults:
        raise Failed(f"the host saw broken rules: {faults[:5]}")


def answers(host):
    """How many requests were answered, and how long that took at most, by the log's own clock."""
    asked, times = {}, []
    for record in host.records:
        if record["kind"] != "packet":
            continue
        number = field(record, "transaction_id") or next(
            (f["value"] for d in record["fields"] if d["name"] == "descriptor" for f in d["fields"]
             if f["name"] == "transaction_id"), None)
        key = (record.get("relid"), number)
        if record["direction"] == "guest_to_host":
            asked[key] = record["time_ns"]
        elif key in asked:
            times.append(record["time_ns"] - asked.pop(key))
    return len(times), max(times, default=0), len(asked)


def disks(lab, program, megabytes, raw=False):
    """The life of disks."""
    with tempfile.TemporaryDirectory(prefix="vmbusscope-storage-", dir="/tmp") as folder:
        image(f"{folder}/disc.iso")
        packed = tools(lab, folder)
        host = Host(program, f"{folder}/host", "--disk", f"{folder}/disk.img,{megabytes * 3 + 32}M", "--cd",
                    f"{folder}/disc.iso", *(["--raw"] if raw else []))
        guest = Guest(lab, folder, f"{folder}/host", "--smp", "4", "--in", packed, raw=raw)
        try:
            guest.run(LOAD)
            wait_for(guest, "[ -b /dev/sda ]", "a disk")
            wait_for(guest, "[ $(ls -d /sys/bus/vmbus/devices/73636f70-*/channels/* | wc -l) = 4 ]", "three sub-channels")
            guest.run("mkfs.ext4 -q -F /dev/sda && mount -t ext4 /dev/sda /m")
            said = guest.run(
                f"dd if=/dev/urandom of=/m/data bs=1M count={megabytes} 2>/dev/null; sync; sha256sum /m/data; "
                "umount /m; echo 3 > /proc/sys/vm/drop_caches; mount -t ext4 /dev/sda /m; sha256sum /m/data; umount /m")
            sums = [line.split()[0] for line in said.splitlines() if line.endswith("/m/data")]
            if len(sums) != 2 or sums[0] != sums[1]:
                raise Failed(f"other bytes were read than written: {said}")
            said = guest.run("mp isofs; mount -t iso9660 -o ro /dev/sr0 /cd && sha256sum /cd/*; umount /cd")
            if hashlib.sha256(DISC_TEXT).hexdigest() not in said:
                raise Failed(f"the disc does not have its file: {said} {guest.run('dmesg | tail -5')}")
            host.command("scsi add 5 64M")
            wait_for(guest, "[ -b /dev/sdb ]", "a disk that came")
            guest.run("mkfs.ext4 -q -F /dev/sdb && mount -t ext4 /dev/sdb /m && echo kept > /m/word && umount /m")
            host.command("scsi remove 5")
            wait_for(guest, "[ ! -b /dev/sdb ]", "a disk to go")
            host.command("scsi add 6 32M,read-only")
            wait_for(guest, "[ -b /dev/sdb ]", "a disk that nobody may write")
            if guest.run("cat /sys/block/sdb/ro").strip() != "1":
                raise Failed("the read-only disk may be written")
            relids = {r["relid"] for r in host.records if r["kind"] == "packet" and r["name"].startswith("SCSI.")}
            no_complaints(guest, f"{megabytes}{'-raw' if raw else ''}")
            count, longest, left = answers(host)
            no_faults(host)
            guest.kill()
            host.end()
            kept = {}
            for record in host.records:
                kept.setdefault(record["name"], record)
            keep("storage-records.jsonl", "".join(json.dumps(record) + "\n" for record in kept.values()))
            return (f"{megabytes} MiB written and read, disks came and went, a disc was read; {len(relids)} channels carried "
                    f"{count} requests, answered within {longest / 1e6:.1f} ms, {left} open")
        finally:
            guest.kill()
            host.kill()


def traced(lab, program):
    """The program inside the guest sees the requests of its disks."""
    with tempfile.TemporaryDirectory(prefix="vmbusscope-storage-", dir="/tmp") as folder:
        packed = tools(lab, folder, program)
        host = Host(program, f"{folder}/host", "--disk", "64M")
        guest = Guest(lab, folder, f"{folder}/host", "--smp", "4", "--in", packed)
        try:
            guest.run(LOAD)
            wait_for(guest, "[ -b /dev/sda ]", "a disk")
            guest.start("/root/vmbusscope live --trace-io --headless --json --interval 0.5 >/root/live.json "
                        "2>/root/live.err & echo $! >/root/live.pid; wait")
            wait_for(guest, "grep -q 'tracing begins' /root/live.json", "tracing to begin")
            guest.run("dd if=/dev/urandom of=/dev/sda bs=64k count=64 2>/dev/null; sync; "
                      "dd if=/dev/vda of=/dev/null bs=64k count=16 2>/dev/null; true")
            wait_for(guest, "grep -q TRACE.scsi_dispatch_cmd_done /root/live.json", "a storage request in the trace")
            guest.run("sleep 2; kill $(cat /root/live.pid); sleep 1; true")
            said = guest.run("cat /root/live.json")
            errors = guest.run("cat /root/live.err")
            keep("storage-trace.json", said)
            keep("storage-trace.err", errors)
            records = [json.loads(line) for line in said.splitlines() if line.endswith("}")]
            seen = {}
            for record in records:
                if record["kind"] == "trace":
                    seen[record["name"]] = seen.get(record["name"], 0) + 1
            storage = {name: count for name, count in seen.items() if name.startswith(("TRACE.scsi_", "TRACE.block_"))}
            if len(storage) < 4:
                raise Failed(f"the trace has too little of the disks: {seen} {errors[-300:]}")
            nameless = [r for r in records if r["kind"] == "trace" and r["name"] in storage and not r.get("device")]
            no_faults(host)
            return f"{storage}, {len(nameless)} of them without a device"
        finally:
            guest.kill()
            host.kill()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    steps = [("disks", lambda: disks(lab, program, 4))]
    if sys.argv[1] == "--full":
        steps = [("disks", lambda: disks(lab, program, 64)), ("disks, our own pages", lambda: disks(lab, program, 4, raw=True)),
                 ("traced from inside", lambda: traced(lab, program))]
    return run_steps("storage", steps)


if __name__ == "__main__":
    sys.exit(main())
