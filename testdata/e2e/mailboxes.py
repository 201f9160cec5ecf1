#!/usr/bin/env python3
"""Fills, prints and changes mailboxes for the end-to-end runs.

  mailboxes.py seed PORT USER [KIND]  put messages of messages.py there: seed's,
                                    or what KIND (migration,
                                    long_migration, hundreds, thousand) gives
  mailboxes.py dump PORT USER         print an IMAP mailbox, a line per message
  mailboxes.py maildir DIR            print a tree of Maildirs likewise
  mailboxes.py fill DIR KIND        the messages of KIND as a tree of Maildirs
  mailboxes.py edit DIR clean|all     change a tree of Maildirs as a user would
  mailboxes.py write DIR clean|all    the uploads as files, for curl and mutt
  mailboxes.py touch PORT USER        flip one flag, to see that it is noticed

PORT is plain IMAP on loopback. Dates after E2E_START (seconds) are printed as
"now": the client left the date to the server.
"""

import calendar
import hashlib
import imaplib
import os
import re
import sys
import time
from pathlib import Path

import messages

START = int(os.environ.get("E2E_START", sys.maxsize))
# mbsync marks what it uploads with a random header, and finds it again by it.
MARK = re.compile(rb"^X-TUID: [^\r\n]*\r?\n", re.M)


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def login(port, user):
    imap = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
    imap.login(user, "pass")
    return imap


def ok(reply):
    status, data = reply
    if status != "OK":
        sys.exit(f"mailboxes.py: {status} {data}")
    return data


def folders(imap, command):
    """Names that LIST or LSUB gives, with their attributes."""
    for line in ok(getattr(imap, command)('""', "*")):
        if not line:  # no mailbox, or what imaplib gives after a literal
            continue
        if isinstance(line, tuple):  # a name sent as a literal
            found, name = line[0].decode(), line[1].decode()
        else:
            found = line.decode()
            name = re.sub(r'^\([^)]*\) (?:"[^"]*"|NIL) ', "", found)
            if name.startswith('"'):
                name = re.sub(r"\\(.)", r"\1", name[1:-1])
        attributes = re.match(r"\(([^)]*)\)", found)[1]
        # \Marked says that someone has seen \Recent; it is no content.
        yield name, " ".join(sorted(a for a in attributes.split() if not a.endswith("arked")))


def digest(content):
    content = MARK.sub(b"", content)
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:32]}"


def subject(content):
    found = re.search(rb"^(?:Subject|Message-ID): *([^\r\n]*)", content, re.M | re.I)
    return ascii(found[1].decode("latin-1")) if found else "''"


def when(seconds, text):
    return "now" if seconds >= START else text


def seed(port, user, kind="seed"):
    imap = login(port, user)
    for folder in messages.FOLDERS:
        ok(imap.create(quoted(folder)))
        ok(imap.subscribe(quoted(folder)))
    for m in getattr(messages, kind)():
        # imaplib's append() would turn every bare CR or LF into CRLF.
        imap.literal = m.content
        ok(imap._simple_command("APPEND", quoted(m.folder), f"({m.flags})", m.date))
    imap.logout()


def dump(port, user):
    imap = login(port, user)
    subscribed = {name for name, _ in folders(imap, "lsub")}
    for name, attributes in sorted(folders(imap, "list")):
        print(f"folder {name!r} ({attributes}){' subscribed' if name in subscribed else ''}")
        if "Noselect" in attributes:
            continue
        ok(imap.select(quoted(name), readonly=True))
        for item in ok(imap.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")):
            if not isinstance(item, tuple):
                continue
            uid = re.search(rb"UID (\d+)", item[0])[1].decode()
            flags = sorted(f.decode() for f in imaplib.ParseFlags(item[0]) if f != rb"\Recent")
            date = re.search(rb'INTERNALDATE "([^"]*)"', item[0])[1].decode()
            seconds = time.mktime(imaplib.Internaldate2tuple(item[0]))
            print(
                f"message {name!r} uid {uid}, flags ({' '.join(flags)}), "
                f"date {when(seconds, date)}, {digest(item[1])}, {subject(item[1])}"
            )
    imap.logout()


def tree(top):
    """Each Maildir under top, as (name, its messages sorted by content)."""
    for cur in sorted(Path(top).rglob("cur")):
        files = [f for sub in ("cur", "new") for f in (cur.parent / sub).iterdir()]
        yield cur.parent, sorted(files, key=lambda f: (MARK.sub(b"", f.read_bytes()), f.name.partition(",U=")[2]))


def flags_of(file):
    return file.name.partition(":2,")[2]


def maildir(top):
    for folder, files in tree(top):
        name = str(folder.relative_to(top))
        print(f"folder {name!r}")
        for file in files:
            uid = re.search(r",U=(\d+)", file.name)
            seconds = int(file.stat().st_mtime)
            content = file.read_bytes()
            print(
                f"message {name!r} uid {uid[1] if uid else '-'}, flags ({flags_of(file)}), "
                f"date {when(seconds, seconds)}, {digest(content)}, {subject(content)}"
            )


def maildir_flags(imap_flags):
    letters = {r"\Draft": "D", r"\Flagged": "F", r"\Answered": "R", r"\Seen": "S"}
    return "".join(sorted(letters[f] for f in imap_flags.split() if f in letters))


def date_seconds(date):
    moment = imaplib.Internaldate2tuple(b"INTERNALDATE " + date.encode())
    return calendar.timegm(time.gmtime(time.mktime(moment)))


def put(folder, number, m):
    for sub in ("cur", "new", "tmp"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    file = folder / "cur" / f"{1000000000 + number}.e2e.localhost:2,{maildir_flags(m.flags)}"
    file.write_bytes(m.content.replace(b"\r\n", b"\n"))
    os.utime(file, (date_seconds(m.date),) * 2)


def fill(top, kind):
    for i, m in enumerate(getattr(messages, kind)()):
        put(Path(top) / m.folder, i, m)


def edit(top, kind):
    """Flags set and taken away, messages deleted, new ones in old and new folders."""
    for _, files in tree(top):
        for i, file in enumerate(files):
            base, flags = file.name.partition(":2,")[0], set(flags_of(file))
            if i % 7 == 3:
                file.unlink()
                continue
            if i % 3 == 0:
                flags ^= {"F"}
            if i % 4 == 0:
                flags ^= {"S"}
            if i % 5 == 0:
                flags |= {"R"}
            file.rename(file.parent.parent / "cur" / f"{base}:2,{''.join(sorted(flags))}")
    for i, m in enumerate(messages.uploads(kind)):
        put(Path(top) / m.folder, i, m)
        if i < 3:
            put(Path(top) / ("New folder", "new/&ANYA3A-/deep", "R&-D")[i], i, m)


def write(top, kind):
    Path(top).mkdir(parents=True)
    for i, m in enumerate(messages.uploads(kind)):
        (Path(top) / f"{i:02}.eml").write_bytes(m.content)


def touch(port, user):
    imap = login(port, user)
    ok(imap.select("INBOX"))
    ok(imap.store("2", "+FLAGS", r"(\Answered)"))
    ok(imap.store("2", "-FLAGS", r"(\Draft)"))
    imap.logout()


if __name__ == "__main__":
    verbs = {f.__name__: f for f in (seed, dump, maildir, fill, edit, write, touch)}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
