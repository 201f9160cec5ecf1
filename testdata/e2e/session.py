#!/usr/bin/env python3
"""A session of Python's imaplib, printed answer by answer.

  session.py starttls|implicit PORT USER CA full|clean

full holds what any server must relay unchanged; clean leaves out what an
Exchange profile repairs, answers itself or refuses. Two runs from the same
mailbox print the same, whatever is between imaplib and the server; only what
a gateway has to say differently (greeting, capabilities before login, the
texts of a refused login) is checked here instead of printed.
"""

import base64
import hashlib
import imaplib
import random
import re
import ssl
import sys

import messages

# What a gateway cannot see through, or answers on its own connection only.
HIDDEN = re.compile(r"COMPRESS=|MULTIAPPEND|CATENATE|REPLACE|URLAUTH|URL-PARTIAL|UNAUTHENTICATE|^IMAP4rev2|^AUTH=|^STARTTLS|^LOGIN|^SASL-IR")
BIG = 30_000_000


def masked(data):
    """One answer as text: times of Dovecot's own masked, what is long as a hash."""
    if isinstance(data, (list, tuple)):
        return " ".join(masked(d) for d in data)
    if data is None:
        return "NIL"
    data = re.sub(rb"\(\d+\.\d+ \+ .*?secs\)", b"(time)", data)
    if len(data) > 400:
        return f"<{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:32]}>"
    return ascii(data.decode("latin-1"))


def show(step, answer):
    status, data = answer
    print(f"{step}: {status} {masked(data)}", flush=True)


def expect(what, holds):
    if not holds:
        sys.exit(f"session.py: {what}")


def line(imap):
    """The next response, each literal in it as its hash."""
    text = b""
    while True:
        text += imap.readline()
        expect(f"connection closed after {text!r}", text.endswith(b"\r\n"))
        literal = re.search(rb"\{(\d+)\}\r\n$", text)
        if not literal:
            return text.rstrip(b"\r\n")
        content = imap.read(int(literal[1]))
        text = text[: literal.start()] + b"<%d bytes, sha256 %s>" % (
            len(content),
            hashlib.sha256(content).hexdigest()[:32].encode(),
        )


def until(imap, tag):
    got = []
    while not got or not got[-1].startswith(tag + b" "):
        got.append(line(imap))
    return [g.replace(tag, b"tag") for g in got]


def raw(imap, command, *literals):
    """Sends a command as it stands; each literal waits for its "+"."""
    tag = imap._new_tag()
    imap.send(tag + b" " + command + b"\r\n")
    for literal in literals:
        plus = line(imap)
        expect(f"no + but {plus!r}", plus.startswith(b"+"))
        imap.send(literal + b"\r\n")
    return until(imap, tag)


def show_raw(imap, command, *literals):
    print(command.decode()[:100])
    for got in raw(imap, command, *literals):
        print("   ", masked(got), flush=True)


class Server:
    def __init__(self, mode, port, user, ca):
        self.mode, self.port, self.user = mode, int(port), user
        self.context = ssl.create_default_context(cafile=ca)

    def connect(self):
        if self.mode == "implicit":
            imap = imaplib.IMAP4_SSL("localhost", self.port, ssl_context=self.context, timeout=30)
        else:
            imap = imaplib.IMAP4("localhost", self.port, timeout=30)
            expect("STARTTLS is not offered", "STARTTLS" in imap.capabilities)
            expect("STARTTLS failed", imap.starttls(self.context)[0] == "OK")
            expect("STARTTLS is offered twice", "STARTTLS" not in imap.capabilities)
        expect(f"no AUTH=PLAIN in {imap.capabilities}", "AUTH=PLAIN" in imap.capabilities)
        return imap

    def login(self):
        imap = self.connect()
        expect("LOGIN failed", imap.login(self.user, "pass")[0] == "OK")
        return imap


def logins(server):
    user = server.user.encode()
    secret = b"\0" + user + b"\0pass"
    encoded = base64.b64encode(secret)

    imap = server.connect()
    try:
        imap.login(server.user, "wrong")
        expect("a wrong password was taken", False)
    except imaplib.IMAP4.error as refused:
        print("wrong password:", re.search(r"\[[A-Z]+\]|$", str(refused))[0])
    show("AUTHENTICATE PLAIN", imap.authenticate("PLAIN", lambda _: secret)[:1] + ([],))
    show("LOGOUT", imap.logout())

    for name, command, *literals in (
        ("AUTHENTICATE PLAIN, initial response", b"AUTHENTICATE PLAIN " + encoded),
        ("authenticate plain, in two steps", b"authenticate plain", encoded),
        ("LOGIN, literals", b"LOGIN {%d}" % len(user), user + b" {4}", b"pass"),
        ("LOGIN, literals that do not wait", b"LOGIN {%d+}\r\n%s {4+}\r\npass" % (len(user), user)),
        ("LOGIN, quoted", b'LOGIN "%s" "pass"' % user),
    ):
        imap = server.connect()
        done = raw(imap, command, *literals)[-1]
        print(f"{name}: {masked(done.split()[1])}")
        expect(f"{name}: {done}", done.startswith(b"tag OK"))
        imap.state = "AUTH"
        show("NOOP", imap.noop())
        imap.logout()

    imap = server.connect()
    tag = imap._new_tag()
    imap.send(tag + b" AUTHENTICATE PLAIN\r\n")
    line(imap)
    imap.send(b"*\r\n")
    print("AUTHENTICATE cancelled:", masked(until(imap, tag)[-1].split()[1]))
    imap.logout()


def append(imap, m):
    # imaplib's append() would turn every bare CR or LF into CRLF
    imap.literal = m.content
    status, data = imap._simple_command("APPEND", f'"{m.folder}"', f"({m.flags})", m.date)
    code = re.match(rb"(\[.*?\])?", data[0])[0]  # the words after it are free
    show(f"APPEND {m.name!r} to {m.folder!r}", (status, code))


def idle(server, imap):
    """Hears, while it idles, what another connection does."""
    other = server.login()
    tag = imap._new_tag()
    imap.send(tag + b" IDLE\r\n")
    expect("IDLE was refused", line(imap).startswith(b"+"))
    other.append("Empty", None, None, b"Subject: during IDLE\r\n\r\nbody\r\n")
    other.logout()
    heard = b""
    while b"EXISTS" not in heard:
        heard = line(imap)
    print("IDLE:", masked(heard))
    imap.send(b"DONE\r\n")
    print("IDLE:", masked(until(imap, tag)[-1]))


def big(imap, size):
    content = b"Subject: big\r\n\r\n" + (random.Random(size).randbytes(30_000).hex().encode() + b"\r\n") * (size // 60_002)
    content = re.sub(rb"([0-9a-f]{70})", rb"\1\r\n", content)[:size]
    append(imap, messages.Message("Two words", "big", content, r"\Seen", messages.DATES[2]))
    show("SELECT", imap.select('"Two words"'))
    got = imap.uid("FETCH", "*", "(BODY.PEEK[])")[1][0][1]
    expect(f"{len(got)} bytes came back of {size}", hashlib.sha256(got).digest() == hashlib.sha256(content).digest())
    print(f"{len(got)} bytes there and back")


def clean(server):
    imap = server.login()
    show("NAMESPACE", imap.namespace())
    show("LIST", imap.list())
    show("SELECT", imap.select())
    for flag in imap.untagged_responses.items():
        print("   ", flag[0], masked(flag[1]))
    show("FETCH", imap.fetch("1:*", "(FLAGS UID INTERNALDATE RFC822.SIZE)"))
    for number in imap.search(None, "ALL")[1][0].split():
        show(f"FETCH {number.decode()}", imap.fetch(number, "(BODY.PEEK[])"))
    show("FETCH partial", imap.fetch("19", "(BODY.PEEK[]<1000.70000> BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)])"))
    for m in messages.uploads("clean"):
        append(imap, m)
    show("NOOP", imap.noop())
    show("STORE", imap.store("1:5", "+FLAGS", r"(\Flagged \Seen)"))
    show("STORE", imap.uid("STORE", "6:9", "-FLAGS.SILENT", r"(\Flagged \Draft)"))
    show("SEARCH", imap.search(None, "FLAGGED", "UNSEEN"))
    show("SELECT", imap.select('"R&-D"'))
    imap.literal = b"in a folder"
    show("SEARCH, literal", imap.search("US-ASCII", "SUBJECT"))
    show("COPY", imap.copy("1:2", '"Two words"'))
    show("CREATE", imap.create('"Fresh &ANY-"'))
    show("SUBSCRIBE", imap.subscribe('"Fresh &ANY-"'))
    show("COPY", imap.copy("3", '"Fresh &ANY-"')[:1] + ([],))
    show("STORE", imap.store("2", "+FLAGS", r"(\Deleted)"))
    show("EXPUNGE", imap.expunge())
    show("SELECT", imap.select("Empty"))
    idle(server, imap)
    show("CLOSE", imap.close())
    big(imap, 9_000_000)
    show("LOGOUT", imap.logout())


def full(server):
    imap = server.login()
    capabilities = imap.capability()[1][0].decode().split()
    print("CAPABILITY:", *sorted(c for c in capabilities if not HIDDEN.search(c)))
    show_raw(imap, b'ID ("name" "e2e")')
    for command in (
        b'LIST "" ""',
        b'LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
        b'LSUB "" %',
        b"STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)",
        b'STATUS "no such" (MESSAGES)',
        b"ENABLE UTF8=ACCEPT",
        b"ENABLE CONDSTORE",
        b"SELECT INBOX",
        b"FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE MODSEQ)",
        b"FETCH 1:* (UID BODY.PEEK[HEADER] BODY.PEEK[TEXT]<0.50>)",
        b"UID FETCH 11 (BODY.PEEK[1.MIME] BODY.PEEK[1.1] BINARY.SIZE[1.1])",
        b"UID SEARCH RETURN (MIN MAX COUNT) SEEN",
        b"SORT (REVERSE DATE SUBJECT) UTF-8 ALL",
        b"THREAD REFERENCES UTF-8 ALL",
        b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5)",
        b'UID MOVE 24:25 "a/b/c"',
        b"UID EXPUNGE 26",
        b"FETCH 99999 (FLAGS)",
        b'RENAME "a/b/c" "a/b/renamed"',
        b"CHECK",
        b"UNSELECT",
    ):
        show_raw(imap, command)
    print("XUNKNOWN:", masked(raw(imap, b"XUNKNOWN command")[-1].split()[:2]))
    show_raw(imap, b"SELECT {5}", b"INBOX")
    show_raw(imap, b"STATUS {3+}\r\na/b (MESSAGES)")
    show_raw(imap, b"SEARCH CHARSET UTF-8 SUBJECT {14}", "Überschrift r".encode())
    show_raw(imap, b'SEARCH HEADER {7}', b'Subject {5}', b"plain")
    tags = [imap._new_tag() for _ in range(20)]
    imap.send(b"".join(b"%s UID FETCH %d (FLAGS BODY.PEEK[])\r\n" % (t, n + 1) for n, t in enumerate(tags)))
    # Dovecot runs some of them at once: only the set of answers is settled
    got = []
    while sum(g.startswith(b"tag") for g in got) < len(tags):
        got.append(re.sub(b"^(%s) " % b"|".join(tags), b"tag ", line(imap)))
    print("20 pipelined FETCHes:", *sorted(map(masked, got)), sep="\n    ")
    for m in messages.uploads("all"):
        append(imap, m)
    append(imap, messages.Message("no such", "to a missing mailbox", b"Subject: x\r\n\r\nx\r\n", "", messages.DATES[0]))
    show_raw(imap, b'APPEND "Two words" {33}', b"Subject: no flags, no date\r\n\r\nx\r\n")
    show_raw(imap, b'APPEND Empty (\\Seen) "17-Jul-1996 02:44:25 -0700" {23+}\r\nSubject: at once\r\n\r\nx\r\n')
    imap.state = "SELECTED"
    show("NOOP", imap.noop())
    big(imap, BIG)
    show("LOGOUT", imap.logout())


if __name__ == "__main__":
    mode, port, user, ca, script = sys.argv[1:]
    server = Server(mode, port, user, ca)
    logins(server)
    clean(server)
    if script == "full":
        full(server)
