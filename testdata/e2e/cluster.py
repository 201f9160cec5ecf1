#!/usr/bin/env python3
"""The clients of testdata/e2e/cluster, and what must be true afterwards.

  cluster.py run PORT ACCOUNTS SESSIONS SECONDS   the sessions store messages, as fast as they may
  cluster.py check PORT ACCOUNTS LOG CLIENTS      compares Exchange's content and the simulator's log with what is allowed
  cluster.py again EXCHANGE ACCOUNTS G1 G2 G3     clients are cut off, and send their message again through another gateway
  cluster.py killed EXCHANGE ACCOUNTS G1 G2 PID   the same with a gateway that is killed
  cluster.py equal EXCHANGE ACCOUNTS G1 G2        two gateways store equal messages at one moment, and answers are lost
  cluster.py guess LOG G1 G2 G3                   a client guesses passwords through all gateways at once
  cluster.py ahead REDIS PASSWORD                 the clock of Redis is ahead of that of the gateways
"""

import collections
import datetime
import imaplib
import os
import re
import signal
import socket
import struct
import sys
import threading
import time

RATE, CONNECTIONS, THROTTLE = 2, 5, 6  # as testdata/e2e/cluster configures and orders them
WINDOW = 10  # s, in which the messages of an account are counted
SLACK = 1  # s by which replies may come closer together than the messages were sent


GUESSES = 8  # limits.failed_logins


class Direct(imaplib.IMAP4):
    """A connection to one gateway, with the header that HAProxy sends (PROXY protocol, version 1)."""

    def __init__(self, port, address="203.0.113.1"):
        self.address = address
        super().__init__("127.0.0.1", port, timeout=60)

    def open(self, *args, **kwargs):
        super().open(*args, **kwargs)
        self.send(f"PROXY TCP4 {self.address} 127.0.0.1 1143 143\r\n".encode())

    def cut(self):
        """Ends the connection at once, with what was not read yet (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.file.close()


def count(exchange, user, message_id):
    """How often Exchange has a message."""
    imap = imaplib.IMAP4("127.0.0.1", exchange)
    imap.login(user, user + "pass")
    imap.select("INBOX", readonly=True)
    _, data = imap.uid("SEARCH", "HEADER", "Message-ID", message_id)
    imap.logout()
    return len(data[0].split())


def lose(exchange, port, user, n):
    """Has a message stored whose answer the client does not read. Returns the connection and the message."""
    message_id = f"<again.{n}@{user}.example>"
    text = f"From: a@example.com\r\nMessage-ID: {message_id}\r\nSubject: {n}\r\n\r\nx\r\n".encode()
    imap = Direct(port)
    imap.login(user, user + "pass")
    imap.send(b"last APPEND INBOX {%d}\r\n" % len(text))
    assert imap.readline().startswith(b"+")
    imap.send(text + b"\r\n")
    until = time.time() + 30
    while not count(exchange, user, message_id):
        assert time.time() < until, "the message does not come"
        time.sleep(0.02)
    return imap, message_id, text


def send_again(exchange, port, user, message_id, text):
    """Sends a message again, and reports whether it is there once."""
    imap = Direct(port)
    imap.login(user, user + "pass")
    status, data = imap.append("INBOX", None, None, text)
    imap.logout()
    there = count(exchange, user, message_id)
    if status != "OK" or there != 1:
        print(f"{user}: {status} {data}, and the message is there {there} times")
    return status == "OK" and there == 1


def again(exchange, accounts, *gateways):
    good = 0
    for n in range(6):
        user = f"user{accounts + 1 + n}"
        imap, message_id, text = lose(exchange, gateways[n % 3], user, n)
        imap.cut()
        good += send_again(exchange, gateways[(n + 1) % 3], user, message_id, text)
    print(f"{good} of 6 messages that came again through another gateway are there once")
    return 0 if good == 6 else 1


def killed(exchange, accounts, first, second, pid):
    user = f"user{accounts + 7}"
    imap, message_id, text = lose(exchange, first, user, "killed")
    os.kill(pid, signal.SIGKILL)
    imap.cut()
    return 0 if send_again(exchange, second, user, message_id, text) else 1


def equal(exchange, accounts, *gateways):
    user, message_id = f"user{accounts + 8}", "<equal@example.com>"
    text = f"From: a@example.com\r\nMessage-ID: {message_id}\r\nSubject: equal\r\n\r\nx\r\n".encode()
    start, answers = threading.Barrier(len(gateways)), []

    def store(port):
        imap = Direct(port)
        imap.login(user, user + "pass")
        for _ in range(3):
            start.wait(60)
            status, data = imap.append("INBOX", None, None, text)
            answers.append((status, data[0]))
        imap.logout()

    threads = [threading.Thread(target=store, args=[port]) for port in gateways]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    uids = {m[1] for _, said in answers if (m := re.search(rb"APPENDUID \d+ (\d+)", said))}
    there = count(exchange, user, message_id)
    print(f"{len(answers)} equal messages through {len(gateways)} gateways: {there} are there, {len(uids)} UIDs were told")
    if not len(answers) == there == len(uids) == 3 * len(gateways):
        print(answers)
        return 1
    return 0


def guess(log, *gateways):
    """Guesses passwords of many accounts from one address."""
    def guess_one(n):
        imap = Direct(gateways[n % 3], "203.0.113.66")
        try:
            imap.login(f"guessed{n}", "wrong")
        except imaplib.IMAP4.error as refusal:
            replies.append(str(refusal))
        imap.shutdown()

    replies = []
    threads = [threading.Thread(target=guess_one, args=[n]) for n in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    refused = sum("too many logins" in r for r in replies)
    asked = sum(f.get("command") in ("LOGIN", "AUTHENTICATE") and f.get("reply", "").startswith("NO")
                for _, _, f in events(log))
    print(f"{len(replies)} guesses through 3 gateways: {asked} reached Exchange (allowed: {GUESSES}), {refused} were "
          "refused before")
    return 0 if asked == GUESSES and refused == len(replies) - GUESSES == 60 - GUESSES else 1


def ahead(redis, password):
    with socket.create_connection(("127.0.0.1", redis)) as connection:
        connection.sendall(f"AUTH {open(password).read().strip()}\r\nTIME\r\n".encode())
        reply = connection.makefile("rb")
        seconds = int([reply.readline() for _ in range(4)][3]) - time.time()
    print(f"the clock of Redis is {seconds:.0f} s ahead")
    return 0 if 0 < seconds < 3 else 1


class Session(threading.Thread):
    """A client that sends a message again only if the mailbox does not have it."""

    def __init__(self, port, user, number, until):
        super().__init__()
        self.port, self.user, self.number, self.until = port, user, number, until
        self.stored, self.lost, self.refused, self.unsure = [], 0, 0, None

    def message_id(self, n):
        return f"<{self.number}.{n}@{self.user}.example>"

    def run(self):
        n = 0
        while time.time() < self.until or self.unsure is not None:
            try:
                n = self.session(n)
            except (imaplib.IMAP4.error, OSError):
                self.lost += 1
                time.sleep(0.5)  # as a client that is told to come again later

    def session(self, n):
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=90)
        imap.login(self.user, self.user + "pass")
        if self.unsure is not None:
            imap.select("INBOX")
            _, data = imap.uid("SEARCH", "HEADER", "Message-ID", self.message_id(self.unsure))
            n = self.unsure
            if data[0]:
                self.stored.append(n)
                n += 1
            self.unsure = None
        while time.time() < self.until:
            self.unsure = n
            date = imaplib.Time2Internaldate(time.time())
            text = f"From: a@example.com\r\nMessage-ID: {self.message_id(n)}\r\nSubject: {n}\r\n\r\nx\r\n"
            status, _ = imap.append("INBOX", None, date, text.encode())
            self.unsure = None
            if status == "OK":
                self.stored.append(n)
                n += 1
            else:
                self.refused += 1
        imap.logout()
        return n


def run(port, accounts, sessions, seconds):
    until = time.time() + seconds
    all_sessions = [Session(port, f"user{i % accounts + 1}", i, until) for i in range(sessions)]
    for s in all_sessions:
        s.start()
    for s in all_sessions:
        s.join()
    for s in all_sessions:
        for n in s.stored:
            print("stored", s.user, s.message_id(n))
    print("sessions", sessions, "lost connections", sum(s.lost for s in all_sessions), "refused",
          sum(s.refused for s in all_sessions), "stored", sum(len(s.stored) for s in all_sessions))


LINE = re.compile(r'^time=(\S+) level=\S+ msg=("[^"]*"|\S+)(.*)$')


def events(log):
    """The simulator's log: time, message, fields."""
    for line in open(log, errors="replace"):
        if m := LINE.match(line.strip()):
            when = datetime.datetime.fromisoformat(m[1].replace("Z", "+00:00")).timestamp()
            fields = dict(re.findall(r' (\w+)=("(?:[^"\\]|\\.)*"|\S*)', m[3]))
            yield when, m[2].strip('"'), {k: v.strip('"') for k, v in fields.items()}


def content(port, accounts):
    """How often each message is there."""
    there = collections.Counter()
    for i in range(accounts):
        user = f"user{i + 1}"
        imap = imaplib.IMAP4("127.0.0.1", port)
        imap.login(user, user + "pass")
        imap.select("INBOX", readonly=True)
        _, data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        for part in data:
            if isinstance(part, tuple):
                there[re.search(rb"<[^>]*>", part[1])[0].decode()] += 1
        imap.logout()
    return there


def check(port, accounts, log, clients):
    faults = []
    stored = [line.split()[2] for line in open(clients) if line.startswith("stored ")]
    there = content(port, accounts)
    faults += [f"{m}: stored, and not there" for m in stored if not there[m]]
    faults += [f"{m}: there {n} times" for m, n in there.items() if n > 1]

    appended, refused, open_now, most = collections.defaultdict(list), collections.defaultdict(list), collections.Counter(), 0
    for when, what, f in events(log):
        user = f.get("user", "")
        if f.get("command") == "APPEND" and f.get("reply", "").startswith("OK"):
            appended[user].append(when)
        elif "throttled" in f.get("reply", ""):
            if f.get("command") == "APPEND":
                refused[user].append(when)
            else:
                refused[user] = refused[user] or [when]
        if f.get("command") in ("LOGIN", "AUTHENTICATE") and f.get("reply", "").startswith("OK"):
            open_now[user] += 1
            most = max(most, open_now[user])
            if open_now[user] > CONNECTIONS:
                faults.append(f"{user}: {open_now[user]} connections, the limit is {CONNECTIONS}")
        elif what == "connection ended" and user:
            open_now[user] -= 1

    fastest = 0
    for user, times in appended.items():
        for i, begin in enumerate(times):
            n = sum(1 for t in times[i:] if t < begin + WINDOW)
            fastest = max(fastest, n)
            if n > RATE + RATE * (WINDOW + SLACK):
                faults.append(f"{user}: {n} messages within {WINDOW} s")
                break
    for user, times in refused.items():
        first = times[0]
        late = [t for t in times + appended[user] if first + SLACK < t < first + THROTTLE - SLACK]
        if late:
            faults.append(f"{user}: {len(late)} APPENDs while it is throttled, the first after {late[0] - first:.1f} s")
    if not refused:
        faults.append("no account was throttled: the test shows nothing")
    print(f"{len(stored)} messages stored, {sum(there.values())} there; at most {fastest} of an account within {WINDOW} s "
          f"(allowed: {RATE + RATE * (WINDOW + SLACK)}), {most} connections of one (allowed: {CONNECTIONS}); "
          f"{len(refused)} accounts throttled; {len(faults)} faults")
    for fault in faults[:20]:
        print("  " + fault)
    return 1 if faults else 0


if __name__ == "__main__":
    numbers = [int(a) if a.isdigit() else a for a in sys.argv[2:]]
    verbs = {"run": run, "check": check, "again": again, "killed": killed, "equal": equal, "guess": guess, "ahead": ahead}
    sys.exit(verbs[sys.argv[1]](*numbers))
