#!/usr/bin/env python3
"""input.py LAB PROGRAM: Linux's own keyboard, mouse and frame buffer drivers in front of `vmbusscope host`.

Keys that the host types and places that it points to arrive as input events; what the kernel's console shows is read out of the
guest's memory and kept as a picture. With VMBUSSCOPE_LAB_KEEP the pictures stay in that directory.

Exit codes: 0 all agree, 1 something differs or failed, 64 wrong usage.
"""
import os
import shutil
import struct
import sys
import tempfile
import zlib

from host import Failed, run_steps
from utilities import Utilities, device, note

KEY, RELATIVE, ABSOLUTE = 1, 2, 3
# What the paths of their input devices hold: the instance, and the USB numbers.
KEYBOARD, MOUSE = "d34b2567", "0006:045E:0621"


def pressed(*codes):
    """Keys that go down and come up one after the other, by the kernel's own numbers."""
    return [(KEY, code, value) for code in codes for value in (1, 0)]


def pixels(path):
    """Width, height and rows of a PNG file with eight bits each for red, green and blue."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise Failed(f"{path} is no PNG file")
    place, parts, packed = 8, {}, b""
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place:place + 8])
        body = data[place + 8:place + 8 + length]
        if struct.unpack(">I", data[place + 8 + length:place + 12 + length])[0] != zlib.crc32(kind + body):
            raise Failed(f"the checksum of {kind} is wrong")
        parts[kind] = body
        packed += body if kind == b"IDAT" else b""
        place += 12 + length
    width, height, *form = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    rows = zlib.decompress(packed)
    if form != [8, 2, 0, 0, 0] or len(rows) != height * (width * 3 + 1) or b"IEND" not in parts:
        raise Failed(f"a picture of form {form} and {len(rows)} bytes")
    return width, height, [rows[n * (width * 3 + 1) + 1:(n + 1) * (width * 3 + 1)] for n in range(height)]


class Input(Utilities):
    @staticmethod
    def listen(guest, place, path):
        """Writes the events of an input device to a file, and says which device it is."""
        found = guest.run(
            "for i in $(seq 20); do for e in /sys/class/input/event*; do "
            f"if readlink -f $e | grep -q {place}; then echo $(basename $e) $(cat $e/device/name); break 2; fi; "
            "done; sleep 1; done").split()
        if not found:
            raise Failed("no input device: " + guest.run("cat /proc/bus/input/devices; ls -l /sys/class/input"))
        guest.start(f"cat /dev/input/{found[0]} > {path}")
        guest.run(f"for i in $(seq 20); do [ -e {path} ] && break; sleep 1; done; sleep 1; ls {path}")
        return " ".join(found[1:])

    @staticmethod
    def events(guest, path):
        """The events in a file, without those that only say that others are complete, or a scan code."""
        data = bytes.fromhex(guest.run(f"xxd -p {path}").replace("\n", ""))
        seen = [struct.unpack("<HHi", data[at + 16:at + 24]) for at in range(0, len(data) - 23, 24)]
        return [event for event in seen if event[0] in (KEY, RELATIVE, ABSOLUTE)]

    def expect_events(self, guest, path, expected):
        for _ in range(20):
            seen = self.events(guest, path)
            if len(seen) >= len(expected):
                break
            guest.run("sleep 1")
        if seen != expected:
            raise Failed(f"events {seen} where {expected} were expected")

    def touch(self):
        """Keys and a pointer, through evdev."""
        host, guest = self.start("touch", device("heartbeat") + device("keyboard") + device("mouse"))
        try:
            guest.run("mp evdev; mp hv_vmbus; mp hv_utils; mp hyperv_keyboard; mp hid_hyperv; sleep 2")
            host.expect(lambda r: r["name"] == "KEYBOARD.PROTOCOL_RESPONSE", "the keyboard's version")
            host.expect(lambda r: r["name"] == "MOUSE.INITIAL_DEVICE_INFO_ACK", "the mouse's description")
            keyboard = self.listen(guest, KEYBOARD, "/tmp/keys")
            mouse = self.listen(guest, MOUSE, "/tmp/pointer")
            host.command("keyboard type Ab1 \\n")
            host.command("keyboard key ctrl+shift+delete")
            host.command("keyboard key up")
            host.command("keyboard scan 57 d7")
            keys = [(KEY, 42, 1), *pressed(30), (KEY, 42, 0), *pressed(48, 2, 57, 28)]
            keys += [(KEY, code, 1) for code in (29, 42, 111)] + [(KEY, code, 0) for code in (111, 42, 29)]
            keys += pressed(103, 87)
            self.expect_events(guest, "/tmp/keys", keys)
            for line in ("move 1000 32767", "click", "move 1001 5", "click right", "wheel -2", "press middle",
                         "release middle"):
                host.command(f"mouse {line}")
            places = [(ABSOLUTE, 0, 1000), (ABSOLUTE, 1, 32767), *pressed(0x110), (ABSOLUTE, 0, 1001), (ABSOLUTE, 1, 5),
                      *pressed(0x111), (RELATIVE, 8, -2), (RELATIVE, 11, -240), *pressed(0x112)]
            self.expect_events(guest, "/tmp/pointer", places)
            self.calm(guest)
            self.without_faults(host)
            host.end()
            return f"'{keyboard}' brought {len(keys)} key events, '{mouse}' {len(places)} of the pointer, none else"
        finally:
            guest.kill()
            host.kill()

    def picture(self, host, guest, name, colour, words):
        """Fills the console with a colour, writes words on it, and holds the picture against that."""
        guest.run(f"printf '\\033[?25l\\033[4{colour};97m\\033[2J\\033[H{words}' > /dev/tty1; sleep 1")
        seen = len(host.records)
        path = f"{self.folder}/{name}.png"
        host.command(f"video screenshot {path}")
        host.expect(note(f"is in {path}"), "the picture", seen)
        if keep := os.environ.get("VMBUSSCOPE_LAB_KEEP"):
            shutil.copy(path, keep)
        width, height, rows = pixels(path)
        counts = {}
        for row in rows:
            for at in range(0, len(row), 3):
                counts[row[at:at + 3]] = counts.get(row[at:at + 3], 0) + 1
        # The last rows are fewer than a line of text needs, and stay black.
        background, number = max(counts.items(), key=lambda entry: entry[1])
        ink = counts.get(b"\xff\xff\xff", 0)
        if tuple(background) != {1: (170, 0, 0), 4: (0, 0, 170)}[colour] or number < 0.95 * width * height or ink < 100:
            raise Failed(f"{number} dots of {tuple(background)} and {ink} of ink in {width}x{height}")
        return width, height, ink

    def show(self):
        """The console of a kernel that draws into the window, as a picture."""
        host, guest = self.start("show", device("heartbeat") + device("video", "mmio_mib = 8", 'resolution = "800x600"'),
                                 "--windows", "--efi", "--smp", "2")
        try:
            guest.run("mp hv_vmbus; mp hv_utils; mp hyperv_fb; sleep 2; cat /proc/fb; dmesg | grep -i hyperv_fb")
            host.expect(note("the guest shows a picture of 800x600, 32 bits to a dot"), "the guest's picture")
            if "hyperv_fb" not in guest.run("cat /proc/fb"):
                raise Failed("the kernel has no frame buffer: " + guest.run("dmesg | tail -20"))
            seen = len(host.records)
            short = self.picture(host, guest, "red", 1, "VMBus")
            long = self.picture(host, guest, "blue", 4, "The console of a kernel, read by its host.\\n" * 3)
            if long[2] < 3 * short[2]:
                raise Failed(f"{short[2]} dots of ink for five letters, {long[2]} for three lines")
            host.expect(lambda r: r["name"] == "VIDEO.DIRT", "a part of the picture that changed", seen)
            self.calm(guest)
            self.without_faults(host)
            host.end()
            return f"the console's picture of {long[0]}x{long[1]} twice, with {short[2]} and {long[2]} dots of ink"
        finally:
            guest.kill()
            host.kill()


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-input-", dir="/tmp") as folder:
        home = Input(lab, program, folder)
        return run_steps("input", [("keyboard and mouse", home.touch), ("display", home.show)])


if __name__ == "__main__":
    sys.exit(main())
