"""compare.py DIRECTORY: holds shown.pdml (tshark with the dissector) against open.jsonl (the program itself), and capinfos.csv
against info.json."""

import csv
import json
import sys
import xml.etree.ElementTree as ElementTree

place = sys.argv[1]
# What the dissector adds of its own.
OWN = {
    "vmbus.name", "vmbus.kind", "vmbus.device_kind", "vmbus.cut", "vmbus.carried", "vmbus.asked_in", "vmbus.answered_in",
    "vmbus.latency",
}


def leaves(fields, result):
    for field in fields:
        # A frame is a packet of its own, or stays as it is where another interface has it.
        if field.get("fields") and field["name"] != "frame":
            leaves(field["fields"], result)
        elif field["size"]:
            result.add((field["offset"], field["size"]))
    return result


def shown(node, base, result):
    for item in node:
        name = item.get("name") or ""
        label = item.get("showname") or item.get("show") or ""
        if name in OWN or name.startswith("vmbus.record.") or label.startswith("Record header"):
            continue
        if len(item):
            shown(item, base, result)
        elif int(item.get("size") or 0):
            result.add((int(item.get("pos")) - base, int(item.get("size"))))
    return result


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


wanted = {}
with open(f"{place}/open.jsonl", encoding="utf-8") as lines:
    for line in lines:
        record = json.loads(line)
        wanted[record["seq"]] = record
packets = records = 0
for _, packet in ElementTree.iterparse(f"{place}/shown.pdml", events=("end",)):
    if packet.tag != "packet":
        continue
    packets += 1
    if any(item.get("name") == "_ws.malformed" for item in packet.iter()):
        fail(f"packet {packets} is malformed")
    ours = next((item for item in packet if item.get("name") == "vmbus"), None)
    if ours is not None:
        fields = {}
        for item in ours.iter("field"):
            fields.setdefault(item.get("name"), item)
        if "vmbus.name" not in fields:
            fail(f"packet {packets} has no name")
        if not int(fields["vmbus.record.flags"].get("show"), 16) & 0x80:
            records += 1
            number = int(fields["vmbus.record.sequence"].get("show"))
            record = wanted.get(number) or fail(f"record {number} is not in the log")
            name = fields["vmbus.name"].get("show")
            if name != record["name"]:
                fail(f"record {number} is {record['name']}, and is shown as {name}")
            # Bytes that lay on other interfaces are put in front of what follows them, in bytes of their own.
            base = 0 if "vmbus.record.frame_count" in fields and int(
                fields["vmbus.record.frame_count"].get("show")) else int(fields["vmbus.record.header_length"].get("show"))
            expected, found = leaves(record["fields"], set()), shown(ours, base, set())
            if record.get("omitted"):
                # Where the bytes were cut, a field may be shown as what is left of it, and what stands in front of the cut at all.
                expected = {leaf for leaf in expected if sum(leaf) < record["length"]}
                found &= expected
            if expected != found:
                fail(f"record {number} {name}: missing {sorted(expected - found)}, too much {sorted(found - expected)}")
    packet.clear()
if records != len(wanted):
    fail(f"{len(wanted)} records are in the log, and {records} are shown")
info = json.load(open(f"{place}/info.json", encoding="utf-8"))
row = list(csv.reader(open(f"{place}/capinfos.csv", encoding="utf-8")))[1]
count = int(row[1])
first, last = row[2:4]


def nanoseconds(text):
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int((part + "0" * 9)[:9])


if not count == packets == info["packets"]:
    fail(f"capinfos counts {count} packets, tshark shows {packets}, capture info {info['packets']}")
if info["records"] != records:
    fail(f"capture info counts {info['records']} records, tshark shows {records}")
offset = info["epoch_ns"] // 10**9 * 10**9 if info["epoch_ns"] else 0
for text, key in ((first, "first_time_ns"), (last, "last_time_ns")):
    if nanoseconds(text) != info[key] + offset:
        fail(f"capinfos says {text}, capture info {info[key]}")
print(f"  {packets} packets, {records} records, all named and with the same fields; {row[2]} to {row[3]} s")
