#!/usr/bin/env python3
"""A relay between exgate and a simulated Exchange, in plain text, that kills
exgate with -9 right after Exchange's OK to an APPEND.

  killer.py PORT EXCHANGE PIDFILE EVERY COUNT

PORT is where exgate connects, EXCHANGE the port of the simulated Exchange, and
PIDFILE has exgate's process. Each EVERY-th OK to an APPEND kills it, COUNT times:
in turn before exgate has the OK, as it gets it, and up to 5 ms later, by when
the client may have its answer. A line is printed for each kill.
"""

import os
import re
import signal
import socket
import sys
import threading
import time

STORED = re.compile(rb"^\S+ OK (?:\[APPENDUID |APPEND)", re.M)
WAITS = (None, 0, 0.001, 0.002, 0.005)  # None: the OK is not passed on


class Killer:
    def __init__(self, pid_file, every, count):
        self.pid_file, self.every, self.count = pid_file, every, count
        self.seen = self.kills = 0
        self.lock = threading.Lock()

    def passed(self, data, pass_on):
        """Passes what Exchange has sent on to exgate, and kills it where it is time."""
        with self.lock:
            wait, kill = 0, False
            for _ in STORED.findall(data):
                self.seen += 1
                if self.seen % self.every == 0 and self.kills < self.count:
                    wait, kill = WAITS[self.kills % len(WAITS)], True
            if not (kill and wait is None):
                pass_on(data)
            if not kill:
                return
            if wait:
                time.sleep(wait)  # the moment of the kill is what is tried
            with open(self.pid_file) as f:
                os.kill(int(f.read()), signal.SIGKILL)
            self.kills += 1
            how = "and exgate does not have it" if wait is None else f"{wait * 1000:.0f} ms after exgate was sent it"
            print(f"killed at OK {self.seen} to an APPEND, {how}", flush=True)


def relay(near, far, killer):
    def up():
        try:
            while data := near.recv(65536):
                far.sendall(data)
        except OSError:
            pass
        close(near, far)

    def down():
        try:
            while data := far.recv(65536):
                killer.passed(data, near.sendall)
        except OSError:
            pass
        close(near, far)

    for direction in (up, down):
        threading.Thread(target=direction, daemon=True).start()


def close(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main(port, exchange, pid_file, every, count):
    killer = Killer(pid_file, int(every), int(count))
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", int(exchange)))
        except OSError:
            near.close()
            continue
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay(near, far, killer)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
