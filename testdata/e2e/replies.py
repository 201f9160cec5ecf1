#!/usr/bin/env python3
"""What Python's imaplib makes of answers of Exchange's: one line for each
repair, "ok" or what went wrong.

  replies.py PORT CA    of a gateway before a simulated Exchange; alice's INBOX
                        is filled first
"""

import imaplib
import re
import ssl
import sys

MESSAGES = 3000
ITEM = b"Subject: meeting\r\nX-Exchangesim-Unconvertible: calendar\r\n\r\nx\r\n"
MAIL = b"From: Carol <carol@example.com>\r\nSubject: lunch\r\n\r\nx\r\n"


def connect(port, ca):
    imap = imaplib.IMAP4_SSL("localhost", port, ssl_context=ssl.create_default_context(cafile=ca), timeout=60)
    imap.login("alice@example.com", "alicepass")
    imap.select()
    return imap


def search_charset(imap):
    return imap.search("UTF-8", "SUBJECT", "lunch")[0]


def long_sets(imap):
    """UIDs with gaps, as a client has them: over 10,240 bytes of command."""
    uids = ",".join(str(n) for n in range(2, 6 * MESSAGES, 5))
    status, data = imap.uid("FETCH", uids, "(FLAGS)")
    return "OK" if status == "OK" and data[0] else status


def missing_data(imap):
    """A client that is told OK believes that it has the message."""
    status, data = imap.uid("FETCH", "4", "(BODY.PEEK[])")
    if status == "OK" and not any(isinstance(d, tuple) for d in data):
        return "OK, without the message"
    return "OK" if status == "NO" else status


def idle_order(imap):
    """The first line after IDLE is the "+", for most clients."""
    other = connect(*sys.argv[1:])
    other.append("INBOX", None, None, MAIL)
    other.logout()
    tag = imap._new_tag()
    imap.send(tag + b" IDLE\r\n")
    first = imap.readline()
    while first[:1] != b"+":
        line = imap.readline()
        if line[:1] == b"+":
            return "before the + came " + first.decode().strip()
    imap.send(b"DONE\r\n")
    while not imap.readline().startswith(tag):
        pass
    return "OK"


def list_names(imap):
    """Names are taken from LIST by a pattern, as imaplib's documentation does."""
    for line in imap.list()[1]:
        name = re.match(rb'\([^)]*\) "/" ("(?:[^"\\]|\\.)*"|[^\s"]+)$', line if isinstance(line, bytes) else b"x")
        if not name:
            return "not a name: " + ascii(line)
    return "OK"


def keywords(imap):
    """Ten of these end a connection to Exchange."""
    for _ in range(12):
        try:
            imap.store("1", "+FLAGS", r"(\Seen $Forwarded)")
        except imaplib.IMAP4.abort as gone:
            return "the connection is lost: " + str(gone)
        except imaplib.IMAP4.error:
            pass
    return imap.noop()[0]


def main(port, ca):
    imap = connect(port, ca)
    imap.append("INBOX", None, None, ITEM)
    imap.append("INBOX", None, None, MAIL)
    imap.create('"Da\tOggetto"')
    imap.logout()
    for check in (search_charset, long_sets, missing_data, idle_order, list_names, keywords):
        imap = connect(port, ca)
        try:
            outcome = check(imap)
        except (imaplib.IMAP4.error, OSError) as fault:
            outcome = f"{type(fault).__name__}: {fault}"
        print(f"{check.__name__.replace('_', '-')}: {'ok' if outcome == 'OK' else outcome}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(int(sys.argv[1]), sys.argv[2])
