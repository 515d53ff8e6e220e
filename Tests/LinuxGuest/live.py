#!/usr/bin/env python3
"""live.py LAB PROGRAM [FRAMES]: the inspector inside a real Linux guest, before our own host, every system call noted.

A person's session at a terminal: all views, a driver that is loaded and unloaded, tracing, a device that the host takes back and
offers again, and the way out. Afterwards the noted calls must show that nothing was opened for writing but the terminal, and
the terminal must be as it was. The frames are kept as text in FRAMES, if it is named.

Exit codes: 0 all is well, 1 something is not, 64 wrong usage.
"""
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

from lab import PATIENCE, Failed, Guest, Host, run_steps

COLUMNS, ROWS = 132, 44
CALLS = ("open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,link,linkat,symlink,"
         "symlinkat,truncate,ftruncate,mount,umount2,chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,kill,tkill,"
         "ptrace,bpf,init_module,finit_module,delete_module,perf_event_open,socket,connect,sendto,sendmsg,execve")
# What changes nothing outside the process: the screen itself, memory files, sockets of the kernel's own announcements.
WRITERS = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
TERMINAL = re.compile(r'"/dev/(tty\w*|pts/\d+|console)"')
CHANGES = re.compile(r"^(creat|unlink\w*|rename\w*|mkdir\w*|rmdir|link\w*|symlink\w*|f?truncate|u?mount\w*|f?ch(mod|own)\w*|utimensat|"
                     r"ptrace|bpf|\w*init_module|delete_module)\(")


def relay(path):
    """Joins this terminal to a serial line of the guest."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(path)
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        while True:
            ready, _, _ = select.select([0, line], [], [])
            for source in ready:
                data = os.read(0, 4096) if source == 0 else line.recv(65536)
                if not data:
                    return
                if source == 0:
                    line.sendall(data)
                else:
                    while data:
                        data = data[os.write(1, data):]
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)


class Terminal:
    """A terminal emulator at the guest's serial line."""

    def __init__(self, path, frames):
        self.server, self.frames, self.count = f"vmbusscope-live-{os.getpid()}", frames, 0
        end = time.monotonic() + PATIENCE
        while not os.path.exists(path):
            if time.monotonic() > end:
                raise Failed("the guest has no terminal line")
            time.sleep(0.1)
        self.tmux("new-session", "-d", "-s", "live", "-x", str(COLUMNS), "-y", str(ROWS),
                  f"python3 -B '{os.path.abspath(__file__)}' --relay '{path}'")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", self.server, "-f", "/dev/null", *arguments],
                              capture_output=True, text=True, check=False).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "live")

    def keys(self, *keys):
        self.tmux("send-keys", "-t", "live", *keys)

    def text(self, text):
        self.tmux("send-keys", "-t", "live", "-l", text)

    def expect(self, pattern, what=None, gone=False):
        end = time.monotonic() + PATIENCE
        while bool(re.search(pattern, self.screen())) == gone:
            if time.monotonic() > end:
                raise Failed(f"the screen does not show {what or pattern!r}; it shows:\n{self.screen()}")
            time.sleep(0.2)
        return self.screen()

    def keep(self, name):
        """Keeps the frame as it is."""
        self.count += 1
        if self.frames:
            with open(f"{self.frames}/{self.count:02d}-{name}.txt", "w", encoding="utf-8") as file:
                file.write(self.screen())

    def close(self):
        self.tmux("kill-server")


def broken_calls(log):
    """The calls that opened something for writing or changed anything."""
    broken, seen, opens = [], 0, 0
    for line in log.splitlines():
        call = re.sub(r"^(\[pid +\d+\]|\d+) +", "", line)
        seen += 1
        if call.startswith("open"):
            opens += 1
            if WRITERS.search(call) and not TERMINAL.search(call):
                broken.append(call)
        elif CHANGES.match(call):
            broken.append(call)
        elif call.startswith("execve(") and "vmbusscope" not in call:
            broken.append(call)
    return broken, seen, opens


def session(lab, program, folder, frames):
    host = Host(program, f"{folder}/host", "network")
    guest = Guest(lab, folder, f"{folder}/host", "--smp", "4", "--in", f"{folder}/in.tar", "--tty", f"{folder}/tty")
    terminal = None
    try:
        guest.run("mp hv_vmbus; mp hv_utils; sleep 2")
        host.heartbeats(1)
        terminal = Terminal(f"{folder}/tty", frames)
        said = guest.run("/root/vmbusscope ls; /root/vmbusscope watch --count 2 --interval 1; /root/vmbusscope doctor; "
                         "echo doctor $?; uname -r")
        if "Synthetic network adapter" not in said or "[Heartbeat]" not in said:
            raise Failed(f"ls does not list both devices: {said}")
        if "doctor 0" not in said:
            raise Failed(f"the doctor finds something critical: {said}")
        note(frames, "ls-watch-doctor", said)
        guest.start(
            f"setsid -c sh -c 'exec <>/dev/ttyS2 >&0 2>&1; stty sane rows {ROWS} cols {COLUMNS}; stty -g > /root/before; "
            f"TERM=xterm-256color strace -f -o /root/calls -e trace={CALLS} /root/vmbusscope live; echo $? > /root/status; "
            "stty -g > /root/after' </dev/ttyS2")
        terminal.expect(r"LIVE")
        views(terminal)
        happenings(terminal, host, guest)
        terminal.keys("q")
        guest.run("while ! [ -s /root/after ]; do sleep 1; done")
        status, before, after = guest.run("cat /root/status /root/before /root/after").split()
        if status != "0" or before != after:
            raise Failed(f"the inspector ended with {status}, the terminal was {before} and is {after}")
        calls = guest.run("cat /root/calls")
        note(frames, "calls", calls)
        broken, seen, opens = broken_calls(calls)
        if opens < 50:
            raise Failed(f"only {opens} opens were noted")
        if broken:
            raise Failed(f"{len(broken)} calls that are no reading: {broken[:8]}")
        guest.kill()
        host.end()
        return f"{seen} calls noted, {opens} of them opens, none for writing but the terminal's"
    finally:
        if terminal:
            terminal.close()
        guest.kill()
        host.kill()


def note(frames, name, text):
    if frames:
        with open(f"{frames}/{name}.txt", "w", encoding="utf-8") as file:
            file.write(text)


def views(terminal):
    """Every view is opened, and keys that mean nothing there are pressed."""
    for key, name in (("1", "partitions"), ("2", "channels"), ("3", "rings"), ("4", "flow"), ("5", "ledger"),
                      ("6", "doctor"), ("7", "cpus")):
        terminal.keys(key)
        terminal.expect("LIVE")
        time.sleep(2)
        terminal.keys("Enter")
        time.sleep(1)
        terminal.keep(name)
        for key in ("Escape", "x", "Z", "F9", "%", "Escape", "Escape"):
            terminal.keys(key)
            # A key right behind Escape would be one with Alt.
            time.sleep(0.7)


def happenings(terminal, host, guest):
    """A driver comes and goes, and the host takes a device back and offers it again, traced."""
    terminal.keys("4")
    terminal.keys("T")
    terminal.expect(r"patches", "the question before tracing")
    terminal.keep("question-before-tracing")
    terminal.text("yes")
    terminal.keys("Enter")
    terminal.expect(r"TRACING", "that it traces")
    terminal.keys("2")
    guest.run("mp hv_netvsc; sleep 3")
    terminal.expect(r"eth0", "the network interface")
    terminal.keep("driver-loaded")
    guest.run("rmmod hv_netvsc; sleep 2")
    terminal.expect(r"eth0", "the interface gone", gone=True)
    terminal.keep("driver-unloaded")
    terminal.keys("4")
    terminal.expect(r"TRACE\.\w+", "what was traced")
    terminal.keep("traced-unloading")
    terminal.keys("5")
    time.sleep(2)
    terminal.keep("ledger-of-unloading")
    terminal.keys("2")
    before = len(host.records)
    host.command("rescind heartbeat")
    host.message("RELID_RELEASED", "guest_to_host", before)
    terminal.expect(r"(?i)heartbeat", "heartbeat gone", gone=True)
    terminal.keep("rescinded")
    host.command("offer heartbeat")
    terminal.expect(r"(?i)heartbeat", "heartbeat again")
    host.heartbeats(1, len(host.records))
    terminal.keep("offered-again")
    terminal.keys("4")
    terminal.keys("G")
    terminal.expect(r"TRACE\.OFFER_CHANNEL", "the offer")
    terminal.keep("traced-offer")
    terminal.keys("6")
    time.sleep(2)
    terminal.keep("doctor-afterwards")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--relay":
        relay(sys.argv[2])
        return 0
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 64
    lab, program = (os.path.abspath(path) for path in sys.argv[1:3])
    frames = os.path.abspath(sys.argv[3]) if len(sys.argv) == 4 else None
    if frames:
        os.makedirs(frames, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vmbusscope-live-", dir="/tmp") as folder:
        subprocess.run([f"{lab}/pack", f"{folder}/in.tar", program, "/usr/bin/strace:/bin/strace"], check=True)
        return run_steps("live", [("session", lambda: session(lab, program, folder, frames))])


if __name__ == "__main__":
    sys.exit(main())
