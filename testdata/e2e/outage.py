#!/usr/bin/env python3
"""A relay between exgate and a simulated Exchange, in plain text, behind which Exchange is
lost with an APPEND, and cannot be reached for a while.

  outage.py PORT EXCHANGE NTH before|after SECONDS

PORT is where exgate connects, EXCHANGE the port of the simulated Exchange. With the NTH
APPEND all connections are closed, and new ones are refused for SECONDS: before Exchange
has anything of the message, or after it has answered OK, which exgate does not get. A line
is printed for each.
"""

import re
import socket
import sys
import threading
import time

SENT = re.compile(rb"^\S+ APPEND ", re.M)
STORED = re.compile(rb"^\S+ OK (?:\[APPENDUID |APPEND)", re.M)


class Outage:
    def __init__(self, port, nth, when, seconds):
        self.address, self.nth, self.when, self.seconds = ("127.0.0.1", port), nth, when, seconds
        self.lock = threading.Lock()
        self.seen, self.sockets = 0, []
        self.listener = socket.create_server(self.address)

    def begins(self, data, pattern):
        """Counts, and reports whether the outage begins with these bytes."""
        with self.lock:
            before = self.seen
            self.seen += len(pattern.findall(data))
            if not before < self.nth <= self.seen:
                return False
        print(f"outage of {self.seconds} s {self.when} APPEND {self.nth}", flush=True)
        close(self.listener)
        close(*self.sockets)
        threading.Timer(self.seconds, self.ends).start()
        return True

    def ends(self):
        self.listener = socket.create_server(self.address)
        print("the outage ends", flush=True)

    def copy(self, near, far, pattern):
        try:
            while data := near.recv(65536):
                if pattern and self.begins(data, pattern):
                    return
                far.sendall(data)
        except OSError:
            pass
        close(near, far)

    def serve(self, exchange):
        while True:
            listener = self.listener
            try:
                near, _ = listener.accept()
            except OSError:
                time.sleep(0.05)  # until there is another listener
                continue
            far = socket.create_connection(("127.0.0.1", exchange))
            self.sockets += [near, far]
            up, down = (SENT, None) if self.when == "before" else (None, STORED)
            threading.Thread(target=self.copy, args=(near, far, up), daemon=True).start()
            threading.Thread(target=self.copy, args=(far, near, down), daemon=True).start()


def close(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


if __name__ == "__main__":
    if len(sys.argv) != 6 or sys.argv[4] not in ("before", "after"):
        sys.exit(__doc__)
    Outage(int(sys.argv[1]), int(sys.argv[3]), sys.argv[4], float(sys.argv[5])).serve(int(sys.argv[2]))
