#!/usr/bin/env python3
"""pci.py (--quick | --full) LAB PROGRAM: Linux's pci_hyperv in front of `vmbusscope host`.

A function of ours appears in /sys/bus/pci, its configuration space is what our host put into the window and what the guest
writes there the host sees; it is ejected, gone, and comes again; its bus is taken back.

The window is memory that guest and host share (run --windows), so that no register answers what was not written to it: the
function has no memory range here, as a kernel finds out the size of one by writing ones and reading them back at once.

Exit codes: 0 all agree, 1 something differs or failed, 64 wrong usage.
"""
import os
import sys
import tempfile

from host import Failed, Guest, Host, Lab, run_steps
from utilities import SCENARIO, Utilities, device, note

NAME = "0x1414 0x5653 0xff0000"


class Bus(Lab):
    def session(self, version, spoken):
        folder = self.place(f"pci-{version}")
        scenario = f"{folder}/scenario.toml"
        with open(scenario, "w") as file:
            file.write(SCENARIO + device("heartbeat") + device("pci", f'version = "{version}"'))
        host = Host(self.program, f"{folder}/host", scenario)
        guest = Guest(self.lab, folder, f"{folder}/host", "--windows")
        try:
            guest.run("mp hv_vmbus; mp pci_hyperv; sleep 3")
            host.expect(lambda r: r["name"].startswith("VPCI.RESOURCES_ASSIGNED"), "the function's resources")
            place = self.function(guest)
            first = self.look(guest, place)
            # The guest writes: memory and bus master on; the host sees it, and what cannot be written comes back.
            guest.run(f"cd /sys/bus/pci/devices/{place}; echo 1 > enable || true; "
                      "printf '\\007' | dd of=config bs=1 seek=4 conv=notrunc 2>/dev/null; sleep 1; cat enable")
            host.command("pci status")
            host.expect(note("command 0x7"), "what the guest wrote")
            self.eject(host, guest, place)
            seen = len(host.records)
            host.command("pci insert")
            host.expect(lambda r: r["name"] == "VPCI.QUERY_RESOURCE_REQUIREMENTS" and r["direction"] == "host_to_guest",
                        "the function's survey", seen)
            again = self.look(guest, self.function(guest))
            if again != first:
                raise Failed(f"the function that came again is another: {again}, not {first}")
            self.eject(host, guest, place)
            seen = len(host.records)
            host.command("rescind pci")
            host.message("RELID_RELEASED", "guest_to_host", seen)
            left = guest.run("ls /sys/bus/pci/devices | grep -vc '^0000' || true").strip()
            if left != "0":
                raise Failed(f"{left} functions are left on buses that are gone")
            if version != spoken and not any(r["name"] == "VPCI.QUERY_PROTOCOL_VERSION" for r in host.records):
                raise Failed("no version was proposed")
            Utilities.calm(guest)
            self.without_faults(host)
            guest.kill()
            host.end()
            names = sorted({r["name"] for r in host.records if r["name"].startswith("VPCI.")})
            return f"{place} is {first}; ejected, again there, ejected, its bus taken back; {len(names)} messages: {' '.join(names)}"
        finally:
            guest.kill()
            host.kill()

    @staticmethod
    def function(guest):
        """The function's name in sysfs; those of domain 0 are the machine's own."""
        found = guest.run("for i in $(seq 20); do ls /sys/bus/pci/devices | grep -v '^0000:' && break; sleep 1; done").split()
        if len(found) != 1:
            raise Failed(f"functions on our bus: {found}")
        return found[0]

    @staticmethod
    def look(guest, place):
        """What the kernel knows of it; the words of its configuration space that the window gives."""
        said = guest.run(f"cd /sys/bus/pci/devices/{place}; echo $(cat vendor device class); "
                         "dd if=config bs=1 skip=6 count=2 2>/dev/null | hexdump -v -e '1/1 \"%02x\"'; echo; "
                         "dd if=config bs=1 skip=64 count=4 2>/dev/null | hexdump -v -e '1/1 \"%02x\"'; echo").split("\n")
        if said[0].strip() != NAME or [line.strip() for line in said[1:3]] != ["1000", "05008000"]:
            raise Failed(f"the kernel sees {said}")
        return said[0].strip()

    @staticmethod
    def eject(host, guest, place):
        seen = len(host.records)
        host.command("pci eject")
        host.expect(note("the guest has let go of function"), "the end of an ejection", seen)
        guest.run(f"for i in 1 2 3 4 5; do [ -e /sys/bus/pci/devices/{place} ] || break; sleep 1; done; "
                  f"[ ! -e /sys/bus/pci/devices/{place} ]")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("--quick", "--full"):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="vmbusscope-pci-", dir="/tmp") as folder:
        home = Bus(lab, program, folder)
        steps = [("a function, 1.4", lambda: home.session("1.6", "1.4"))]
        if sys.argv[1] == "--full":
            steps += [("a function, 1.1", lambda: home.session("1.1", "1.1"))]
        return run_steps("pci", steps)


if __name__ == "__main__":
    sys.exit(main())
