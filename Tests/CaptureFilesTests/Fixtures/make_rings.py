#!/usr/bin/env python3
"""Writes ring images and says what is in them, without any of the package's own code.

    make_rings.py DIRECTORY                   writes the images of the tests: NAME.bin, NAME.json and cases.txt
    make_rings.py --check PROGRAM [SEED [N]]  makes N random images from SEED and compares what `PROGRAM ring --json` says

What is expected follows from what was written, never from reading an image again. Messages of damage are left out.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile

IN_BAND, TRANSFER_PAGES, GPADL, GPA_DIRECT, COMPLETION = 6, 7, 8, 9, 11


def u16(value):
    return value.to_bytes(2, "little")


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


class Packet:
    """One packet as it was written, and what is expected of it."""

    def __init__(self, ring, offset, kind, flags, transaction, header, payload, ranges):
        self.ring, self.offset = ring, offset
        self.kind, self.flags, self.transaction = kind, flags, transaction
        self.header_length = 16 + len(header)
        self.payload = payload + bytes(-len(payload) % 8)
        self.total_length = self.header_length + len(self.payload)
        self.trailer = offset
        self.ranges = ranges
        self.damage = []
        self.stop = None

    @property
    def length(self):
        return self.total_length + 8

    def place(self, at):
        return (self.offset + at) % self.ring.size

    def expected(self):
        return {
            "offset": self.offset,
            "type": self.kind,
            "flags": self.flags,
            "transaction_id": hex(self.transaction),
            "header_length": self.header_length,
            "total_length": self.total_length,
            "payload_offset": self.place(self.header_length),
            "payload_length": len(self.payload),
            "payload_prefix": self.payload[:16].hex(),
            "payload_sha256": hashlib.sha256(self.payload).hexdigest(),
            "wraps": self.offset + self.length > self.ring.size,
            "trailer": self.trailer,
            "ranges": [
                {"byte_count": count, "byte_offset": start, "pfns": [hex(page) for page in pages]}
                for count, start, pages in self.ranges
            ],
        }

    # Corruption of one field, with what is to be said about it.

    def break_trailer(self, value):
        self.ring.poke(self.place(self.total_length + 4), u32(value))
        self.trailer = value
        self.damage.insert(0, "trailer")

    def break_range_count(self, value, whole):
        self.ring.poke(self.place(20), u32(value))
        self.ranges = self.ranges[:whole]
        self.damage.append("range_count")

    def break_range(self, index, field, value):
        """Changes the byte count (field 0) or byte offset (4) of a GPA-direct range."""
        at = 24 + sum(8 + 8 * len(pages) for _, _, pages in self.ranges[:index])
        self.ring.poke(self.place(at + field), u32(value))
        self.ranges = self.ranges[:index]
        self.damage.append("range")

    def break_data_offset(self, units):
        self.ring.poke(self.place(2), u16(units))
        self.stop = "data_offset"

    def break_length(self, units):
        self.ring.poke(self.place(4), u16(units))
        self.stop = "length" if units * 8 < self.header_length else "overrun"


class Ring:
    """One ring, written as the reference says."""

    def __init__(self, pages, start=0, fill=None):
        assert start % 8 == 0
        self.size = pages * 4096
        self.data = bytearray(self.size)
        if fill:
            self.data[:] = fill.randbytes(self.size)
        self.write = self.read = start
        self.mask, self.pending, self.features = 0, 0, 1
        self.private = bytes(8)
        self.waiting, self.consumed = [], []
        self.index_damage, self.remainder = [], None

    def poke(self, offset, data):
        for at, byte in enumerate(data):
            self.data[(offset + at) % self.size] = byte

    @property
    def used(self):
        return sum(packet.length for packet in self.waiting)

    def fits(self, length):
        return self.size - self.used > length

    def put(self, kind=IN_BAND, payload=b"", header=b"", flags=0, transaction=1, ranges=()):
        packet = Packet(self, self.write, kind, flags, transaction, header, payload, list(ranges))
        assert self.fits(packet.length), "the ring is full"
        head = u16(kind) + u16(packet.header_length // 8) + u16(packet.total_length // 8) + u16(flags)
        self.poke(self.write, head + u64(transaction) + header + packet.payload + u64(packet.offset << 32))
        # Whatever was consumed and lies where this packet lies now is gone.
        touched = {(packet.offset + at) % self.size for at in range(0, packet.length, 8)}
        self.consumed = [
            old for old in self.consumed
            if not any((old.offset + at) % self.size in touched for at in range(0, old.length, 8))
        ]
        self.waiting.append(packet)
        self.write = (self.write + packet.length) % self.size
        return packet

    def put_pages(self, ranges, payload=b"", surplus=b"", **rest):
        """A GPA-direct packet; ranges are (byte count, byte offset, pages)."""
        header = u32(0) + u32(len(ranges))
        for count, start, pages in ranges:
            header += u32(count) + u32(start) + b"".join(u64(page) for page in pages)
        return self.put(GPA_DIRECT, payload, header + surplus, ranges=ranges, **rest)

    def put_transfer(self, ranges, payload=b"", **rest):
        header = u16(0xCAFE) + u16(0) + u32(len(ranges))
        header += b"".join(u32(count) + u32(start) for count, start in ranges)
        return self.put(TRANSFER_PAGES, payload, header, ranges=[(c, s, []) for c, s in ranges], **rest)

    def take(self, count=1):
        for _ in range(count):
            packet = self.waiting.pop(0)
            self.consumed.append(packet)
            self.read = (packet.offset + packet.length) % self.size

    def set_index(self, name, value):
        """Writes an impossible index."""
        self.index_damage.append(name)
        if name == "write_index":
            self.write = value
        else:
            self.read = value

    def leave(self, count):
        """Lets the write index announce bytes that are too few for a packet."""
        self.remainder = self.write
        self.write = (self.write + count) % self.size

    def forget_consumed(self, count):
        """The oldest ones are not found any more."""
        self.consumed = self.consumed[count:]

    @property
    def image(self):
        page = bytearray(4096)
        page[0:16] = u32(self.write) + u32(self.read) + u32(self.mask) + u32(self.pending)
        page[64:68] = u32(self.features)
        page[4088:4096] = self.private
        return bytes(page + self.data)

    def expected(self):
        listed, damage = [], []
        self.index_damage.sort(reverse=True)
        possible = not self.index_damage
        for packet in self.waiting if possible else []:
            if packet.stop:
                damage.append({"offset": packet.offset, "kind": packet.stop})
                break
            listed.append(packet)
            damage += [{"offset": packet.offset, "kind": kind} for kind in packet.damage]
        else:
            if possible and self.remainder is not None:
                damage.append({"offset": self.remainder, "kind": "remainder"})
        damage = [{"offset": None, "kind": kind} for kind in self.index_damage] + damage
        used = (self.write - self.read) % self.size if possible else None
        return {
            "data_size": self.size,
            "control": {
                "write_index": self.write,
                "read_index": self.read,
                "interrupt_mask": self.mask,
                "pending_send_size": self.pending,
                "feature_bits": self.features,
            },
            "used_bytes": used,
            "free_bytes": None if used is None else self.size - used,
            "packets": [packet.expected() for packet in listed],
            "consumed_but_intact": [packet.expected() for packet in self.consumed] if possible else [],
            "damage": damage,
        }


class Case:
    """An image, how it is to be read, and what is expected of it."""

    def __init__(self, name, *rings, layout="automatic"):
        self.name, self.layout = name, layout
        self.image = b"".join(ring.image for ring in rings)
        self.document = {"schema": "vmbusscope.ring/1", "rings": [ring.expected() for ring in rings]}
        self.status = 2 if any(ring["damage"] for ring in self.document["rings"]) else 0

    @property
    def text(self):
        return json.dumps(self.document, separators=(",", ":")) + "\n"


# The images of the tests.


def busy(start=0, pages=1, fill=None):
    """A ring of one page with packets of several kinds, some of them consumed."""
    ring = Ring(pages, start, fill)
    for number in range(1, 8):
        ring.put(payload=bytes([number]) * (number * 5), transaction=number, flags=number & 1)
        if number % 3 == 0:
            ring.put(COMPLETION, b"", transaction=number)
    ring.take(5)
    return ring


def wraps():
    """A packet whose every eight bytes in turn are the first ones behind the ring's end."""
    for before in range(0, 72, 8):
        ring = Ring(1, (4096 - 32 - before) % 4096)
        ring.put(payload=b"first", transaction=7)
        ring.put_pages([(4096, 0, [0x1234])], b"0123456789abcde", transaction=8, flags=1)
        if before % 16:
            ring.take()
        yield Case(f"wrap-{before:02}", ring)


def shapes():
    yield Case("fresh", Ring(1))
    ring = busy()
    yield Case("busy", ring)
    ring = busy()
    ring.take(len(ring.waiting))
    yield Case("read-to-the-end", ring)
    ring = Ring(1, 64)
    ring.mask, ring.pending, ring.features = 1, 4097, 0xDEADBEEF
    ring.put(payload=bytes(range(256)) * 15 + bytes(range(224)), transaction=2**64 - 1, flags=0xFFFF)
    yield Case("full", ring)
    ring = Ring(1, 2048)
    for kind in list(range(1, 14)) + [0xABCD]:
        if kind == TRANSFER_PAGES:
            ring.put_transfer([(1514, 0), (60, 2048)], b"rndis", transaction=kind)
            ring.put_transfer([], b"", transaction=kind)
        elif kind == GPA_DIRECT:
            ring.put_pages([(8192, 100, [5, 2**52 - 1, 7]), (0, 0, []), (1, 4095, [9])], b"scsi", transaction=kind)
            ring.put_pages([(4097, 0, [1, 2])], b"x", surplus=bytes(8), transaction=kind)
        else:
            header = bytes([kind & 0xFF]) * 8 if kind in (2, 3, 4, 5, GPADL) else b""
            ring.put(kind, bytes([kind & 0xFF]) * (kind & 0xF), header, transaction=kind)
    yield Case("types", ring)
    ring = Ring(1, 4000)
    for size in range(0, 18):
        ring.put(payload=bytes(range(1, size + 1)), transaction=0)
    ring.take(2)
    yield Case("payloads", ring)


def consumed():
    ring = Ring(1, 8, random.Random(1))
    for number in range(40):
        packet_size = 24 + number * 11 % 300
        while not ring.fits(packet_size + 32):
            ring.take()
        ring.put(payload=random.Random(number).randbytes(packet_size), transaction=number)
    ring.take(2)
    yield Case("overwritten", ring)
    ring = busy()
    ring.poke(ring.consumed[1].place(4), u16(2))
    ring.forget_consumed(2)
    yield Case("consumed-length", ring)
    ring = busy()
    ring.poke(ring.consumed[2].place(ring.consumed[2].total_length), u32(1))
    ring.forget_consumed(3)
    yield Case("consumed-trailer", ring)
    ring = busy()
    ring.consumed[0].break_trailer(4)
    ring.forget_consumed(1)
    yield Case("consumed-misaligned", ring)


def damaged():
    for name, value in [("write_index", 4096), ("write_index", 12), ("read_index", 2**32 - 8), ("read_index", 1)]:
        ring = busy()
        ring.set_index(name, value)
        yield Case(f"{name.replace('_', '-')}-{value}", ring)
    ring = busy()
    ring.set_index("read_index", 4104)
    ring.set_index("write_index", 5)
    yield Case("both-indices", ring)
    for count in (8, 16):
        ring = busy(4096 - 64)
        ring.leave(count)
        yield Case(f"remainder-{count}", ring)
    ring = Ring(1)
    ring.leave(16)
    yield Case("remainder-only", ring)
    for units in (0, 1):
        ring = busy()
        ring.waiting[2].break_data_offset(units)
        yield Case(f"data-offset-{units}", ring)
    ring = busy()
    ring.waiting[0].break_length(1)
    yield Case("length-first", ring)
    ring = busy()
    last = ring.waiting[-1]
    last.break_length(last.total_length // 8 + 1)
    yield Case("overrun-by-8", ring)
    ring = busy(4096 - 200)
    ring.waiting[1].break_length(0xFFFF)
    yield Case("overrun-far", ring)
    ring = busy()
    ring.waiting[0].break_trailer(ring.waiting[0].offset + 8)
    ring.waiting[3].break_trailer(2**32 - 1)
    yield Case("trailers", ring)
    ring = busy()
    ring.poke(ring.waiting[0].place(ring.waiting[0].total_length), u32(7))
    yield Case("trailer-reserved", ring)
    ring = Ring(1, 3904)
    pages = [(4096, 0, [1]), (4096, 8, [2, 3]), (10, 0, [4])]
    ring.put_pages(pages, b"whole")
    ring.put_pages(pages, b"none").break_range_count(0, 0)
    ring.put_pages(pages, b"many").break_range_count(2**32 - 1, 3)
    ring.put_pages(pages, b"offset").break_range(1, 4, 4096)
    ring.put_pages(pages, b"count").break_range(2, 0, 2**32 - 1)
    ring.put(GPA_DIRECT, b"no header").damage.append("range_count")
    transfer = ring.put_transfer([(100, 0), (200, 4096)], b"rndis")
    transfer.break_range_count(3, 2)
    both = ring.put_pages(pages, b"both")
    both.break_range(0, 4, 2**31)
    both.break_trailer(0)
    ring.put(payload=b"whole again")
    ring.put(payload=b"the end").break_length(1)
    ring.put(payload=b"never seen")
    yield Case("ranges", ring)


def pairs():
    def second(features=1):
        ring = Ring(2, 8104)
        ring.features = features
        ring.put_transfer([(64, 0)], b"frame", transaction=5)
        ring.put(COMPLETION, b"", transaction=5)
        ring.take()
        return ring

    first = busy(pages=2)
    yield Case("pair", first, second())
    yield Case("pair-without-features", first, second(0))
    fresh = Ring(2)
    fresh.features = 0
    yield Case("pair-of-fresh-rings", Ring(1), Ring(1))
    yield Case("pair-said", first, fresh, layout="pair")
    broken = second()
    broken.set_index("write_index", 3)
    yield Case("pair-damaged", first, broken)
    counting = second()
    counting.private = u64(77)
    yield Case("pair-with-count", first, counting)
    # A page of data that is zero is no control page.
    whole = busy(pages=5)
    yield Case("one-of-six-pages", whole)
    # Nor is one that looks like a control page when it is said that there is one ring.
    whole = Ring(3, 4000)
    whole.put(payload=bytes(4048) + u32(64) + u32(64) + bytes(56) + u32(1))
    yield Case("one-said", whole, layout="single")


def cases():
    for part in (shapes, wraps, consumed, damaged, pairs):
        yield from part()


# Random images.


def random_ring(source, pages):
    ring = Ring(pages, source.randrange(0, pages * 512) * 8, source if source.random() < 0.3 else None)
    ring.mask, ring.features = source.choice([0, 1]), 1
    ring.pending = source.choice([0, 0, source.getrandbits(32)])
    for _ in range(source.randrange(0, 60)):
        payload = source.randbytes(source.choice([0, 1, 7, 8, 63, 64, 1500, source.randrange(0, 6000)]))
        common = dict(payload=payload, flags=source.choice([0, 1]), transaction=source.getrandbits(64))
        kind = source.random()
        longest = len(payload) + 1000
        while ring.waiting and not ring.fits(longest):
            ring.take()
        if not ring.fits(longest):
            continue
        if kind < 0.25:
            ranges = []
            for _ in range(source.randrange(1, 5)):
                start, count = source.randrange(0, 4096), source.choice([0, 1, 4096, source.randrange(0, 40000)])
                needed = (start + count + 4095) // 4096
                ranges.append((count, start, [source.getrandbits(52) for _ in range(needed)]))
            ring.put_pages(ranges, **common)
        elif kind < 0.4:
            ring.put_transfer(
                [(source.getrandbits(32), source.getrandbits(32)) for _ in range(source.randrange(0, 6))], **common)
        else:
            ring.put(source.choice([IN_BAND, IN_BAND, COMPLETION, 1, 13]), **common)
        if ring.waiting and source.random() < 0.3:
            ring.take(source.randrange(1, len(ring.waiting) + 1))
    return ring


def damage(ring, source):
    for packet in list(ring.waiting):
        chance = source.random()
        if chance < 0.1:
            packet.break_trailer(packet.offset ^ source.randrange(1, 2**32))
        if chance < 0.05 and packet.kind == GPA_DIRECT:
            packet.break_range(source.randrange(0, len(packet.ranges)), 4, source.randrange(4096, 2**32))
        elif chance < 0.1 and packet.kind == TRANSFER_PAGES:
            count = len(packet.ranges)
            packet.break_range_count(source.randrange(count + 1, 2**32), count)
    if ring.waiting and source.random() < 0.5:
        packet = source.choice(ring.waiting)
        rest = sum(other.length for other in ring.waiting[ring.waiting.index(packet):])
        longest = min(0xFFFF, rest // 8 - 1)
        ways = [lambda: packet.break_data_offset(source.randrange(0, 2))]
        ways.append(lambda: packet.break_length(source.randrange(0, packet.header_length // 8)))
        if longest < 0xFFFF:
            ways.append(lambda: packet.break_length(source.randrange(longest + 1, 0x10000)))
        source.choice(ways)()
    elif source.random() < 0.3 and ring.size - ring.used > 16:
        count = source.choice([8, 16])
        # What is announced may lie over a consumed packet's start, which is in use then.
        first = ring.write
        taken = {(first + at) % ring.size for at in range(0, count, 8)}
        ring.consumed = [
            old for old in ring.consumed
            if not any((old.offset + at) % ring.size in taken for at in range(0, old.length, 8))
        ]
        ring.leave(count)
    if source.random() < 0.15:
        for name in source.choice([["write_index"], ["read_index"], ["write_index", "read_index"]]):
            ring.set_index(name, source.choice([ring.size, source.getrandbits(32) | 1, 2**32 - 8]))


def random_case(number, source):
    pages = source.choice([1, 1, 2, 3, 8, 16])
    rings = [random_ring(source, pages) for _ in range(source.choice([1, 1, 2]))]
    if source.random() < 0.6:
        for ring in rings:
            damage(ring, source)
    return Case(f"random-{number}", *rings, layout="single" if len(rings) == 1 else source.choice(["automatic", "pair"]))


def check(program, seed, count):
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        for number in range(count):
            case = random_case(number, random.Random(f"{seed}/{number}"))
            path = os.path.join(directory, "ring.bin")
            with open(path, "wb") as file:
                file.write(case.image)
            option = {"automatic": [], "single": ["--no-pair"], "pair": ["--pair"]}[case.layout]
            run = subprocess.run([program, "ring", path, "--json"] + option, capture_output=True)
            try:
                found = json.loads(run.stdout)
                for ring in found["rings"]:
                    for entry in ring["damage"]:
                        entry.pop("message")
            except ValueError as error:
                found = str(error)
            if found != case.document or run.returncode != case.status:
                failures += 1
                print(f"seed {seed}, image {number}: status {run.returncode}, expected {case.status}")
    print(f"{count} images, {failures} not as expected")
    return 1 if failures else 0


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--check":
        seed, count = (sys.argv[3:] + ["1", "200"][len(sys.argv[3:]):])[:2]
        sys.exit(check(sys.argv[2], seed, int(count)))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = sys.argv[1]
    os.makedirs(directory, exist_ok=True)
    lines = []
    for case in cases():
        with open(os.path.join(directory, case.name + ".bin"), "wb") as file:
            file.write(case.image)
        with open(os.path.join(directory, case.name + ".json"), "w") as file:
            file.write(case.text)
        lines.append(f"{case.name} {case.layout} {case.status}\n")
    with open(os.path.join(directory, "cases.txt"), "w") as file:
        file.writelines(lines)


main()
