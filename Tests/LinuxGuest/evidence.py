"""evidence.py LAB PROGRAM ARCHIVE: holds what vmbusscope says of a guest besides its bus against what the guest and its host say.

Serves a guest with a network adapter, and asks it for `show partitions --json` between two readings of its own files. ARCHIVE
holds the program and goes into the guest.
"""
import json
import os
import re
import sys
import tempfile

from lab import Failed, Guest, Host, run_steps

# Everything that is compared, as `name|value` of one line each.
READ = (
    'f() { echo "$1|$(cat $2 2>/dev/null | tr "\\n" " ")"; }; '
    "f online /sys/devices/system/cpu/online; f possible /sys/devices/system/cpu/possible; "
    "f state /sys/class/net/eth0/operstate; f changes /sys/class/net/eth0/carrier_changes; "
    "f carrier /sys/class/net/eth0/carrier; f tx_packets /sys/class/net/eth0/statistics/tx_packets; "
    "f tx_bytes /sys/class/net/eth0/statistics/tx_bytes; f hibernation /sys/bus/vmbus/hibernation; "
    "f maximum /sys/module/hv_vmbus/parameters/max_version; f vendor /sys/class/dmi/id/sys_vendor; "
    'echo "interrupts|$(grep HYP: /proc/interrupts)"; echo "build|$(dmesg | grep -o "H[a-z]* Build.*")"; '
    'echo "flags|$(dmesg | grep -o "privilege flags.*")"; echo "version|$(dmesg | grep -o "Vmbus version:.*")"')


def parts(output):
    found = {}
    for part in ("before", "said", "after"):
        text = output.split(f"=== {part}\n", 1)
        if len(text) != 2:
            raise Failed(f"the guest never came to \"{part}\": {output[-300:]}")
        found[part] = text[1].split("\n=== ")[0]
    return found


def readings(text):
    return {name: value.strip() for name, _, value in (line.partition("|") for line in text.split("\n")) if name}


def compare(before, after, document, agreed):
    guest = next(p for p in document["partitions"] if p["role"] == "guest")
    network = next(d for d in guest["device_evidence"] if d["class"] == "network")
    wrong, checked = [], 0

    def value(evidence, name):
        return evidence.get(name, {}).get("value")

    def check(what, said, *accepted):
        nonlocal checked
        checked += 1
        if said not in accepted:
            wrong.append(f"{what}: {said!r}, not {' or '.join(map(repr, accepted))}")

    def within(what, said, first, last):
        nonlocal checked
        checked += 1
        if said is None or not int(first) <= said <= int(last):
            wrong.append(f"{what}: {said!r}, not {first} to {last}")

    own, eth0 = guest["evidence"], network["evidence"]
    check("version in the log", value(own, "logged_version"), agreed)
    check("version in the guest's own words", before["version"], f"Vmbus version:{agreed}")
    check("version of the partition", guest["version"], agreed)
    build = re.search(r"Build[ :]*([0-9][-0-9.]*)", before["build"])
    check("build", value(own, "hypervisor_build"), build.group(1) if build else None)
    # What the kernel prints as it starts is what CPUID tells, where it tells anything.
    flags = re.search(r"low (0x[0-9a-f]+), high (0x[0-9a-f]+),.* hints (0x[0-9a-f]+), misc (0x[0-9a-f]+)", before["flags"])
    if flags:
        low, high, hints, misc = (int(word, 16) for word in flags.groups())
        check("privileges", value(own, "hypervisor_privileges"), high << 32 | low)
        check("hints", value(own, "hypervisor_hints"), hints)
        check("features", value(own, "hypervisor_features"), misc)
    check("online", value(own, "online_processors"), before["online"])
    check("possible", value(own, "possible_processors"), before["possible"])
    check("hibernation", value(own, "hibernation"), int(before["hibernation"] or -1))
    maximum = int(before["maximum"])
    check("maximum version", value(own, "maximum_version"), f"{maximum >> 16}.{maximum & 0xFFFF}")
    if before["vendor"]:
        checked += 1
        if not (value(own, "system_product") or "").startswith(before["vendor"]):
            wrong.append(f"product: {value(own, 'system_product')!r}, not of {before['vendor']!r}")
    rows = [[int(word) for word in part["interrupts"].split() if word.isdigit()] for part in (before, after)]
    counts = value(own, "processor_interrupts") or {}
    check("processors with interrupts", len(counts), len(rows[0]))
    for place, count in enumerate(counts.values()):
        within(f"interrupts of processor {place}", count, rows[0][place], rows[1][place])
    check("interface", network["kernel"], ["eth0"])
    check("link", value(eth0, "link_state"), before["state"])
    check("carrier", value(eth0, "link_carrier"), int(before["carrier"]))
    check("carrier changes", value(eth0, "carrier_changes"), int(before["changes"]))
    check("virtual function", value(eth0, "virtual_function"), "")
    check("carries", value(eth0, "carries"), "default route")
    counters = value(eth0, "interface_counters") or {}
    for name in ("tx_packets", "tx_bytes"):
        within(name, counters.get(name), before[name], after[name])
    for name in ("tx_send_full", "rx_comp_busy", "vf_tx_packets"):
        check(f"{name} of the driver is there", name in counters, True)
    queues = value(eth0, "queue_counters") or {}
    sent = sum(count for name, count in queues.items() if name.startswith("tx_") and name.endswith("_packets"))
    check("queues", sum(1 for name in queues if re.fullmatch(r"tx_queue_\d+_packets", name)), 4)
    within("packets of all queues", sent, 1, after["tx_packets"])
    if wrong:
        raise Failed("; ".join(wrong))
    return (
        f"{checked} values agree; build {value(own, 'hypervisor_build')}, privileges {value(own, 'hypervisor_privileges')}, "
        f"log {agreed}, {sent} packets out")


def values(lab, program, archive):
    """A guest's life, and what the program says of it."""
    with tempfile.TemporaryDirectory(prefix="vmbusscope-evidence-", dir="/tmp") as folder:
        host = Host(program, f"{folder}/bus", "network")
        guest = Guest(lab, folder, f"{folder}/bus", "--smp", "4", "--in", archive)
        try:
            guest.run("mp hv_vmbus; mp hv_utils; mp hv_netvsc; sleep 4")
            guest.run("ifconfig eth0 10.0.0.1 up; route add default gw 10.0.0.2; sleep 1; ping -c 2 -W 1 10.0.0.2; true")
            output = guest.run(
                'echo "=== before"', READ, 'echo "=== said"', "/root/vmbusscope show partitions --json",
                'echo "=== after"', READ, 'echo "=== end"')
            found = parts(output)
            document = json.loads(found["said"].strip().split("\n")[0])
            return compare(readings(found["before"]), readings(found["after"]), document, "5.3")
        except (ValueError, KeyError, StopIteration) as failure:
            raise Failed(repr(failure)) from failure
        finally:
            guest.kill()
            host.kill()


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 64
    lab, program, archive = (os.path.abspath(path) for path in sys.argv[1:])
    return run_steps("evidence", [("values", lambda: values(lab, program, archive))])


if __name__ == "__main__":
    sys.exit(main())
