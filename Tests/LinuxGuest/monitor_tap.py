"""A tap between a virtual machine monitor and a host: hands every frame on, keeps what went through, and can hold back the
host's first message, so that a guest has time to start tracing before it goes on."""
import array
import os
import select
import socket
import struct
import threading
import time

POST_MESSAGE, POST_TO_VP, RAISE_SINT = 2, 0x82, 0x84


class Tap(threading.Thread):
    """Listens at `outer` for the monitor and connects to the host at `inner`, one after another."""

    def __init__(self, outer, inner, first_message_after=0.0):
        super().__init__(daemon=True)
        self.outer, self.inner, self.delay = outer, inner, first_message_after
        self.messages = []  # (seconds, "guest" or "host", bytes), through the monitor's pages only
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(outer)
        self.listener.listen(1)
        self.start()

    def run(self):
        while True:
            monitor, _ = self.listener.accept()
            host = socket.socket(socket.AF_UNIX)
            try:
                host.connect(self.inner)
                self.relay(monitor, host)
            except OSError:
                pass
            finally:
                monitor.close()
                host.close()

    def relay(self, monitor, host):
        streams = {monitor: (host, bytearray(), "guest"), host: (monitor, bytearray(), "host")}
        while True:
            readable, _, _ = select.select([monitor, host], [], [])
            for stream in readable:
                other, rest, side = streams[stream]
                data, ancillary, _, _ = stream.recvmsg(65536, socket.CMSG_SPACE(64))
                if not data:
                    return
                descriptors = array.array("i")
                for level, kind, payload in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
                rest += data
                while len(rest) >= 16:
                    length, kind, _, _ = struct.unpack_from("<IHHQ", rest)
                    if len(rest) < length:
                        break
                    body = bytes(rest[16:length])
                    del rest[:length]
                    if kind in (POST_MESSAGE, POST_TO_VP):
                        size = struct.unpack_from("<I", body, 12)[0]
                        self.messages.append((time.monotonic(), side, body[16:16 + size]))
                    if kind in (POST_TO_VP, RAISE_SINT) and self.delay:
                        time.sleep(self.delay)
                        self.delay = 0
                if descriptors:
                    other.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
                    for descriptor in descriptors:
                        os.close(descriptor)
                else:
                    other.sendall(data)
