#!/usr/bin/env python3
"""Uploads messages of messages.py with Python's imaplib, but for those that an earlier run
has brought.

  upload.py PORT CA DONE [KIND]    DONE is the file that names these; KIND is awkward
"""

import imaplib
import ssl
import sys

import messages
from mailboxes import ok, quoted


def main(port, ca, done, kind="awkward"):
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=ssl.create_default_context(cafile=ca), timeout=60)
    imap.login("bob@example.com", "bobpass")
    for folder in ("Two words", "a/b/c"):
        imap.create(quoted(folder))
    try:
        brought = open(done).read().splitlines()
    except FileNotFoundError:
        brought = []
    refused = 0
    with open(done, "a") as f:
        for m in getattr(messages, kind)():
            if m.name in brought:
                continue
            imap.literal = m.content
            status, data = imap._simple_command("APPEND", quoted(m.folder), f"({m.flags})", m.date)
            if status == "OK":
                print(m.name, file=f, flush=True)
            else:
                refused += 1
                print(m.name, status, data)
    ok(imap.noop())
    imap.logout()
    return 1 if refused else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
