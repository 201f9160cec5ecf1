#!/usr/bin/env python3
"""A mailbox whose names Exchange confuses, and what became of it.

  names.py seed PORT USER                    fill it; plain IMAP on loopback
  names.py ids PORT CA USER PASSWORD         print all Message-IDs, sorted, and
                                             each as often as it is there
"""

import imaplib
import ssl
import sys

from mailboxes import folders, login, ok, quoted

NAMES = [
    "INBOX", "Trash", "trash", "TRASH/sub", "Files", "a/b", "trail ", "Notes",
    "&2DzfiQ- party",  # emoji
    "long " + "name " * 38 + "ended",  # 200 characters
]


def seed(port, user):
    imap = login(port, user)
    for i, name in enumerate(NAMES):
        if name != "INBOX":
            ok(imap.create(quoted(name)))
        for n in range(i + 1):
            imap.literal = (
                f"From: Carol <carol@example.com>\r\nTo: bob@example.com\r\nDate: Mon, 2 Nov 2026 10:00:{i:02} +0000\r\n"
                f"Subject: message {n} of folder {i}\r\nMessage-ID: <names.{i}.{n}@e2e.example>\r\n\r\nfolder {i}, message {n}\r\n"
            ).encode()
            ok(imap._simple_command("APPEND", quoted(name), r"(\Seen)", f'"02-Nov-2026 10:00:{i:02} +0000"'))
    imap.logout()


def ids(port, ca, user, password):
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=ssl.create_default_context(cafile=ca), timeout=60)
    imap.login(user, password)
    found = []
    for name, attributes in folders(imap, "list"):
        if "Noselect" in attributes or not int(ok(imap.select(quoted(name), readonly=True))[0]):
            continue
        for item in ok(imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")):
            if isinstance(item, tuple) and b"names." in item[1]:
                found.append(item[1].split(b"<")[1].split(b">")[0].decode())
    imap.logout()
    print(*sorted(found), sep="\n")


if __name__ == "__main__":
    verbs = {"seed": seed, "ids": ids}
    if len(sys.argv) < 4 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
