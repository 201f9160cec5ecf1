"""The clients of testdata/e2e/handover.

handover.py load PORT EXCHANGE DIR: works through exgate at PORT until DIR/enough exists, then compares with the
simulated Exchange at EXCHANGE. DIR/loaded is made when every client has worked once.
"""
import collections
import imaplib
import os
import re
import subprocess
import sys
import threading
import time

USERS = [(f"user{n}@example.com", f"user{n}pass") for n in range(1, 9)]
SYNC = ("alice@example.com", "alicepass")
port, exchange, work = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
enough = threading.Event()
mutex = threading.Lock()
count = collections.Counter()
faults = []
stored = collections.defaultdict(set)  # Message-IDs by user
worked = set()


def note(what):
    with mutex:
        count[what] += 1


def fault(text):
    with mutex:
        faults.append(text)


def begins(name):
    with mutex:
        worked.add(name)


class Gone(Exception):
    """exgate has ended the session with BYE."""


def connect(user=None, password=None):
    """Connects. Each connection must be taken and greeted; a BYE may follow at any time."""
    try:
        client = imaplib.IMAP4("127.0.0.1", port, timeout=45)
    except (OSError, imaplib.IMAP4.error) as err:
        if "log in again later" in str(err):
            note("connections that were greeted, and got BYE before the login")
        else:
            fault(f"a connection was refused: {err!r}")
        raise Gone from err
    if user:
        client.login(user, password)
    return client


def close(client):
    if client is None:
        return
    try:
        client.shutdown()
    except OSError:
        pass


def uploader(name, user, password, several):
    """Uploads messages one after the other, and each again until it has an OK, as offlineimap and imapsync do."""
    client, n = None, 0
    while not enough.is_set():
        n += 1
        ident = f"<{name}-{n}@e2e.example>"
        text = f"Message-ID: {ident}\r\nSubject: {name} {n}\r\n\r\n{'text ' * (4000 if several else 10)}\r\n".encode()
        while True:
            try:
                if client is None:
                    client = connect(user, password)
                word, said = client.append("INBOX", None, None, text)
                if word == "OK":
                    break
                fault(f"{name}: {word} {said}")
            except (OSError, imaplib.IMAP4.error, Gone) as err:
                if "UNAVAILABLE" not in str(err) and isinstance(err, imaplib.IMAP4.error) and not isinstance(
                        err, imaplib.IMAP4.abort):
                    note("answers that ask to try again")
                note("sessions that uploaded and ended")
                close(client)
                client = None
        with mutex:
            stored[user].add(ident)
        begins(name)
        if n % 5 == 0:
            try:
                client.select("INBOX", readonly=True)
                client.fetch("1:*", "(UID FLAGS)")
            except (OSError, imaplib.IMAP4.error):
                close(client)
                client = None
    close(client)


def leaver(name, user, password):
    """Leaves in the midst of each APPEND, comes back at once, and sends the message again."""
    n = 0
    while not enough.is_set():
        n += 1
        ident = f"<{name}-{n}@e2e.example>"
        text = f"Message-ID: {ident}\r\nSubject: {name} {n}\r\n\r\ntext\r\n".encode()
        left = False
        while True:
            client = None
            try:
                client = connect(user, password)
                if not left:
                    client.send(b"x APPEND INBOX {%d+}\r\n%b\r\n" % (len(text), text))
                    client.sock.settimeout(0.02)
                    try:
                        if b"x OK" in client.sock.recv(1000):
                            break
                    except TimeoutError:
                        pass
                    left = True
                    note("clients that left during APPEND")
                elif client.append("INBOX", None, None, text)[0] == "OK":
                    break
            except (OSError, imaplib.IMAP4.error, Gone):
                pass
            finally:
                close(client)
        with mutex:
            stored[user].add(ident)
        begins(name)


def idler(name, user, password):
    """Stays in IDLE, and comes back after each BYE."""
    while not enough.is_set():
        client = None
        try:
            client = connect(user, password)
            client.select("INBOX", readonly=True)
            client.send(b"x IDLE\r\n")
            client.sock.settimeout(0.5)
            begins(name)
            data = b""
            while not enough.is_set():
                try:
                    got = client.sock.recv(4096)
                except TimeoutError:
                    continue
                data = (data + got)[-4096:]
                if not got and b"+" not in data:
                    raise Gone  # the BYE came before IDLE began, into the buffer of imaplib
                if not got or b"* BYE" in data:
                    note("idle sessions that ended with BYE" if b"* BYE" in data else "idle sessions cut without BYE")
                    if b"* BYE" not in data:
                        fault(f"{name}: cut without BYE")
                    break
        except (OSError, imaplib.IMAP4.error, Gone):
            note("idle sessions that did not begin")
        close(client)


def knocker(name):
    """Connects again and again."""
    while not enough.is_set():
        try:
            client = connect()
            close(client)
            note("connections taken")
            begins(name)
        except Gone:
            pass
        time.sleep(0.003)


def synchronizer(name):
    """Runs mbsync again and again, with new mail each time."""
    home = f"{work}/mbsync"
    os.makedirs(f"{home}/mail/INBOX/new")
    for d in "cur", "tmp":
        os.makedirs(f"{home}/mail/INBOX/{d}")
    with open(f"{home}/mbsyncrc", "w") as f:
        f.write(f"""IMAPAccount a
Host 127.0.0.1
Port {port}
User {SYNC[0]}
Pass {SYNC[1]}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
Sync All
Create Both
SyncState *
""")
    n = runs = 0
    while True:
        last = enough.is_set()
        for _ in range(0 if last or n >= 100 else 20):
            n += 1
            with open(f"{home}/mail/INBOX/new/{n}.e2e", "w") as f:
                f.write(f"Message-ID: <{name}-{n}@e2e.example>\nSubject: {n}\n\ntext\n")
            stored[SYNC[0]].add(f"<{name}-{n}@e2e.example>")
        done = subprocess.run(["mbsync", "-c", f"{home}/mbsyncrc", "-a"], capture_output=True, text=True, timeout=120)
        runs += last
        if done.returncode == 0:
            begins(name)
        note("runs of mbsync" if done.returncode == 0 else "runs of mbsync that ended early")
        if "refused" in done.stderr.lower():
            fault(f"mbsync: {done.stderr}")
        if last and done.returncode == 0:
            return
        if runs > 5:
            fault(f"mbsync does not end well: {done.stderr}")
            return


def compare():
    """Each message must be in Exchange once."""
    total = 0
    for user, password in USERS + [SYNC]:
        client = imaplib.IMAP4("127.0.0.1", exchange)
        client.login(user, password)
        client.select("INBOX", readonly=True)
        _, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        client.logout()
        found = collections.Counter(re.findall(r"<[^<>]*@e2e\.example>", " ".join(
            part[1].decode() for part in data if isinstance(part, tuple))))
        total += sum(found.values())
        for ident in stored[user] - set(found):
            fault(f"{user}: {ident} is lost")
        for ident, n in found.items():
            if n > 1:
                fault(f"{user}: {ident} is there {n} times")
    print(total, "messages in Exchange")
    if total < 50:
        fault("the clients did too little")


def main():
    clients = [(knocker, ("knock",)), (synchronizer, ("sync",))]
    for n, who in enumerate(USERS):
        clients.append((uploader, (f"up{n}", *who, n % 2 == 1)))
        clients.append((uploader, (f"also{n}", *who, False)))
        if n < 4:
            clients.append((leaver, (f"leave{n}", *who)))
        clients.append((idler, (f"idle{n}", *who)))

    def run(work, arguments):
        try:
            work(*arguments)
        except Exception as err:  # a thread's error is the test's
            fault(f"{arguments[0]}: {err!r}")

    threads = [threading.Thread(target=run, args=c) for c in clients]
    for t in threads:
        t.start()
    while len(worked) < len(clients) and not faults:
        time.sleep(0.05)
    open(f"{work}/loaded", "w").close()
    while not os.path.exists(f"{work}/enough"):
        time.sleep(0.05)
    enough.set()
    for t in threads:
        t.join()
    compare()
    for what, n in sorted(count.items()):
        print(f"{n} {what}")
    if count["idle sessions that ended with BYE"] == 0:
        fault("no session in IDLE got BYE")
    for text in faults[:20]:
        print("FAULT", text)
    sys.exit(1 if faults else 0)


main()
