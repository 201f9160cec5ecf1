"""The odd messages that the end-to-end runs work on, the same in every run."""

import base64
import random
from collections import namedtuple

# date is an IMAP date-time, flags a list without parentheses
Message = namedtuple("Message", "folder name content flags date")

DATES = (
    '"17-Jul-1996 02:44:25 -0700"',
    '" 1-Jan-2000 00:00:00 +0000"',
    '"29-Feb-2004 23:59:59 +0545"',
    '" 5-Feb-1989 12:30:00 -0330"',  # offlineimap fails on years before 1981
    '"31-Dec-2024 23:59:59 +1400"',
)
FLAGS = (
    "",
    r"\Seen",
    r"\Seen \Answered",
    r"\Flagged",
    r"\Seen \Flagged $Forwarded",
    r"\Draft",
    r"\Seen \Answered \Flagged \Draft",
    r"$Junk work",
)

# Names as they go over the wire, in modified UTF-7 (RFC 3501 section 5.1.3).
FOLDERS = ("Two words", "Entw&APw-rfe", 'Quo"te', "R&-D", "a/b/c", "&ZeVnLIqe-", "Empty")


def crlf(text):
    return text.replace("\n", "\r\n")


def head(name, *more):
    lines = [
        "From: Ann <ann@example.org>",
        "To: Bob <bob@example.com>",
        "Subject: " + name,
        "Date: Tue, 16 Jul 1996 09:00:00 +0200",
        f"Message-ID: <{name.replace(' ', '.')}@e2e.example>",
        *more,
    ]
    return "".join(line + "\r\n" for line in lines).encode("utf-8", "surrogateescape")


def nested(depth):
    if depth == 0:
        return head("nested innermost") + b"\r\nthe kernel\r\n"
    return (
        head(f"nested {depth}", "MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="b{depth}"')
        + f"\r\npreamble\r\n--b{depth}\r\nContent-Type: message/rfc822\r\n\r\n".encode()
        + nested(depth - 1)
        + f"\r\n--b{depth}--\r\nepilogue\r\n".encode()
    )


def attachment(name, size):
    data = random.Random(name).randbytes(size)
    return (
        head(name, "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="x"')
        + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee below\r\n--x\r\n"
        + b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(data).replace(b"\n", b"\r\n")
        + b"--x--\r\n"
    )


def long_line(name, length, *headers):
    words = random.Random(name).choices("alpha beta gamma delta epsilon zeta eta theta".split(), k=length)
    return head(name, *headers) + b"\r\nbefore\r\n" + " ".join(words)[:length].encode() + b"\r\nafter\r\n"


# Lines that a careless reader of IMAP takes for the protocol.
PROTOCOL = """a1 OK FETCH completed.
* BYE see you
+ go ahead
* 1 FETCH (BODY[] {99999999}
{5}
)
a2 LOGOUT
From here on, a line that begins with From
>From quoted
.
..

DONE
"""

CLEAN = {
    "plain": head("plain") + b"\r\nHello\r\n",
    "empty body": head("empty body") + b"\r\n",
    "utf-8 8bit": head(
        "utf-8 8bit", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"
    )
    + crlf("\nGrüße, 日本語, \U0001f600\n").encode(),
    "latin-1 8bit": head("latin-1 8bit") + b"X-Raw: caf\xe9\r\n\r\nna\xefve\r\n",
    "raw utf-8 headers": head("Überschrift roh", "X-Note: größer") + b"\r\nbody\r\n",
    "encoded words": head("=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?iso-8859-1?b?6fE=?=") + b"\r\nbody\r\n",
    "folded headers": head("folded", "References: " + "\r\n\t".join(f"<{i}@e2e.example>" for i in range(60))) + b"\r\nx\r\n",
    "protocol words": head("protocol words") + b"\r\n" + crlf(PROTOCOL).encode(),
    "no final newline": head("no final newline") + b"\r\nthe end",
    "white space": head("white space") + b"\r\n \t \r\n\r\n\r\ntrailing   \r\n\t\r\n",
    "nested": nested(6),
    "line of 998": head("line of 998") + b"\r\n" + b"x" * 998 + b"\r\n",
    "line of 5000": long_line("line of 5000", 5000),
    "control characters": head("control characters") + b"\r\n\x01\x02\x07\x08\x0b\x0c\x0e\x1b[31m\x7f\r\n",
    "broken multipart": head("broken multipart", 'Content-Type: multipart/mixed; boundary="never"') + b"\r\n--other\r\n",
    "no message-id": b"From: a@example.org\r\nSubject: none\r\n\r\nbody\r\n",
    "signed": head("signed", 'Content-Type: multipart/signed; boundary="s"; protocol="application/pgp-signature"')
    + b"\r\n--s\r\n\r\nsigned  \r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nnope\r\n--s--\r\n",
    "disarmed receipt": head("disarmed receipt", "X-Disposition-Notification-To: ann@example.org") + b"\r\nbody\r\n",
    "3 MB": attachment("3 MB", 2_300_000),
}

# Not for uploads through an Exchange profile, which repairs or refuses them.
WILD = {
    "eight-bit binary": head("eight-bit binary", "Content-Type: application/octet-stream")
    + b"\r\n"
    + bytes(b for b in random.Random("binary").randbytes(20000) if b not in b"\0\r\n")
    + b"\r\n",
    "line of 15000": long_line("line of 15000", 15000),
    "header line of 12000": head("header line of 12000", "X-Long: " + "y" * 12000) + b"\r\nbody\r\n",
    "read receipt": head("read receipt", "Disposition-Notification-To: ann@example.org") + b"\r\nbody\r\n",
    "body only": b"\r\nno header at all\r\n",
}


def seed():
    """Every message of the mailbox that each case starts from."""
    n = 0
    for name, content in {**CLEAN, **WILD}.items():
        yield Message("INBOX", name, content, FLAGS[n % len(FLAGS)], DATES[n % len(DATES)])
        n += 1
    yield Message("INBOX", "twin", CLEAN["plain"], r"\Seen", DATES[0])
    yield Message("INBOX", "deleted", head("deleted") + b"\r\nmarked only\r\n", r"\Seen \Deleted", DATES[1])
    for folder in FOLDERS:
        if folder == "Empty":
            continue
        for i in range(3):
            name = f"{i} in a folder"
            yield Message(folder, name, head(name, f"X-Folder: {folder}") + b"\r\nbody\r\n", FLAGS[n % len(FLAGS)], DATES[n % len(DATES)])
            n += 1


def uploads(kind):
    """What a client adds on its side: "clean", or "all" with the wild ones."""
    chosen = CLEAN if kind == "clean" else {**CLEAN, **WILD}
    for n, (name, content) in enumerate(chosen.items()):
        changed = content.replace(b"Subject: ", b"Subject: new, ", 1)
        flags = FLAGS[n % len(FLAGS)]
        if kind == "clean":  # keywords are no business of Exchange
            flags = " ".join(f for f in flags.split() if f.startswith("\\"))
        yield Message("INBOX" if n % 2 else "Two words", name, changed, flags, DATES[n % len(DATES)])


def migration():
    """A mailbox such as is moved to Exchange: what Exchange minds beside what it does not."""
    received = "Received: from a.example.org by b.example.com; Tue, 16 Jul 1996 09:00:0%d +0200"
    n = 0
    for folder in ("INBOX", "Two words", "Entw&APw-rfe"):
        for flags in ("", r"\Seen", r"\Seen \Answered", r"\Seen \Flagged", r"\Flagged", r"\Seen $Forwarded work"):
            name = f"ordinary {n}"
            yield Message(folder, name, head(name, received % (n % 10)) + b"\r\nHello\r\n", flags, DATES[n % len(DATES)])
            n += 1
    for i, (header, flags) in enumerate(
        (
            ("Content-Type: text/plain; charset=us-ascii", r"\Seen"),
            ("Content-Type: text/html; charset=us-ascii", r"\Seen \Flagged"),
        )
    ):
        name = f"long line {i}"
        yield Message("INBOX", name, long_line(name, 15000, header, "MIME-Version: 1.0"), flags, DATES[i])
    data = base64.b64encode(random.Random("one line").randbytes(15000))
    one_line = head("base64 in one line", "Content-Type: image/png", "Content-Transfer-Encoding: base64", "MIME-Version: 1.0")
    yield Message("INBOX", "base64 in one line", one_line + b"\r\n" + data + b"\r\n", "", DATES[2])
    for i, flags in enumerate((r"\Seen", "")):
        name = f"read receipt {i}"
        receipt = head(name, "Disposition-Notification-To: Ann <ann@example.org>") + b"\r\nbody\r\n"
        yield Message("INBOX", name, receipt, flags, DATES[i])
    yield Message("INBOX", "11 MB", attachment("11 MB", 8_150_000), r"\Seen", DATES[3])
    yield Message("INBOX", "the last one", head("the last one") + b"\r\nafter all that\r\n", r"\Seen", DATES[4])


def long_migration():
    """As migration, and so many more that it lasts."""
    for n in range(300):
        name = f"one of many {n}"
        folder = ("INBOX", "Two words", "a/b/c")[n % 3]
        flags = ("", r"\Seen", r"\Flagged", r"\Seen \Answered")[n % 4]
        yield Message(folder, name, head(name) + b"\r\n" + b"a line of it\r\n" * (n % 40), flags, DATES[n % len(DATES)])
    yield from migration()


def small(count):
    for n in range(count):
        name = f"one of {count} {n}"
        folder = ("INBOX", "Two words", "a/b/c")[n % 3]
        flags = ("", r"\Seen", r"\Flagged", r"\Seen \Answered")[n % 4]
        yield Message(folder, name, head(name) + b"\r\n" + b"a line of it\r\n" * (n % 40), flags, DATES[n % len(DATES)])


def few():
    return small(9)


def hundreds():
    """So many small messages that exgate can be killed 20 times among them."""
    return small(400)


def thousand():
    """So many that it can be killed 200 times."""
    return small(1000)


def one_refused():
    """One message that Exchange refuses, and others before and behind it. offlineimap begins with a/b/c."""
    partial = head("partial", "MIME-Version: 1.0", 'Content-Type: message/partial; id="x"; number=1; total=2') + b"\r\nhalf\r\n"
    for folder, name in (("INBOX", "before it"), ("INBOX", "partial"), ("INBOX", "behind it"), ("Two words", "next folder"), ("a/b/c", "first folder")):
        yield Message(folder, name, partial if name == "partial" else head(name) + b"\r\nHello\r\n", r"\Seen", DATES[0])


def two_large():
    """One message that Exchange 2016 takes and one that is too large for it, and others."""
    texts = {"10.2 MB": attachment("10.2 MB", 7_550_000), "11 MB": attachment("11 MB", 8_150_000)}
    for name in ("before them", "10.2 MB", "11 MB", "behind them"):
        yield Message("INBOX", name, texts.get(name) or head(name) + b"\r\nHello\r\n", r"\Seen", DATES[0])


def awkward():
    """What clients bring to Exchange: clean messages, those that exgate repairs, and those that Exchange refuses."""
    mime = "MIME-Version: 1.0"
    bad = {
        "partial": head("partial", mime, 'Content-Type: message/partial; id="x"; number=1; total=2') + b"\r\nhalf\r\n",
        "teletex": head("teletex", "X-Subject: x").replace(b"Subject: teletex", b"Subject: =?TELETEX?Q?t?=", 1) + b"\r\nbody\r\n",
        "unknown charset": head("unknown charset", mime, "Content-Type: text/plain; charset=x-nobody-knows") + b"\r\nbody\r\n",
        "long subject": head("long subject").replace(b"Subject: long", b"Subject: " + b"long " * 80, 1) + b"\r\nbody\r\n",
        "300 parts": head("300 parts", mime, 'Content-Type: multipart/mixed; boundary="p"')
        + b"".join(b"\r\n--p\r\nContent-Type: text/plain\r\n\r\npart %d\r\n" % n for n in range(300)) + b"\r\n--p--\r\n",
        "40 deep": deep("40 deep", 40),
        "10.2 MB": attachment("10.2 MB", 7_550_000),
        "11 MB": attachment("11 MB", 8_150_000),
    }
    wild = {name: content for name, content in WILD.items() if name != "body only"}
    everything = {**CLEAN, **wild, **bad, "the last one": head("the last one") + b"\r\nafter all that\r\n"}
    for n, (name, content) in enumerate(everything.items()):
        if name in ("no message-id", "raw utf-8 headers", "encoded words"):
            continue  # messages are told apart by it here
        folder = ("INBOX", "Two words", "a/b/c")[n % 3]
        flags = (r"\Seen", r"\Seen \Answered", r"\Flagged", "")[n % 4]
        yield Message(folder, name, content, flags, DATES[n % len(DATES)])


def deep(name, depth):
    """Messages attached to each other."""
    inner = head("the kernel") + b"\r\nkernel\r\n"
    for n in range(depth):
        boundary = f"d{n}"
        outer = head(name if n == depth - 1 else f"level {n}", "MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"')
        inner = outer + f"\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n".encode() + inner + f"\r\n--{boundary}--\r\n".encode()
    return inner
