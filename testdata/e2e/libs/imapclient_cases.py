#!/usr/bin/env python3
"""What IMAPClient makes of answers of Exchange's: one line for each case, "CASE: ok" or what went wrong.

  imapclient_cases.py LIMIT NUMBER CASE:PORT:CA...    LIMIT is the seconds for a case, NUMBER the message to move
"""

import datetime
import ssl
import sys

from imapclient import IMAPClient, exceptions

LIMIT, NUMBER = int(sys.argv[1]), int(sys.argv[2])


def connect(port, context):
    return IMAPClient("localhost", port, ssl_context=context, timeout=LIMIT)


def status(imap):
    return imap.folder_status("Drafts", ["MESSAGES"])[b"MESSAGES"] == 0


def strays(imap):
    imap.capabilities()
    imap.noop()
    return len(imap.select_folder("Work")) > 0


def unavailable(imap):
    try:
        imap.select_folder("Drafts", readonly=True)
    except exceptions.IMAPClientAbortError:
        raise
    except exceptions.IMAPClientError:
        imap.noop()
        return True
    return "no error"


def structure(imap):
    imap.select_folder("Work")
    part = imap.fetch([1], ["BODYSTRUCTURE"])[1][b"BODYSTRUCTURE"]
    return b"report.pdf" in flatten(part) or "no file name: %r" % (part,)


def flatten(value):
    return [leaf for v in value for leaf in flatten(v)] if isinstance(value, (tuple, list)) else [value]


def envelope(imap):
    imap.select_folder("Work")
    return len(imap.fetch([1], ["ENVELOPE"])[1][b"ENVELOPE"].to) == 2


def copyuid(imap):
    imap.select_folder("Work")
    imap.copy([999], "Drafts")
    imap.noop()
    return True


def move(imap):
    imap.select_folder("Work")
    imap.move([NUMBER], "Drafts")
    imap.noop()
    return True


def store(imap):
    imap.select_folder("Work")
    return b"\\Seen" in imap.add_flags([2], [b"\\Seen"]).get(2, ()) or "the flags are not told"


def partial(imap):
    imap.select_folder("Work")
    got = imap.fetch([1], ["BODY.PEEK[]<0.5>"])[1]
    return len(got.get(b"BODY[]<0>", b"")) == 5 or "the whole message: %s" % sorted(got)


def holes(imap):
    imap.select_folder("Work")
    got = imap.fetch("1:6", ["BODY.PEEK[]"])
    return len(got) == 6 or "%d of 6 messages" % len(got)


def numbers(imap):
    imap.use_uid = False
    imap.select_folder("Work")
    got = imap.search()
    return got == list(range(1, 7)) or "messages %s of 6" % got


def names(imap):
    wanted = 'a "b" \\c %d' % NUMBER
    imap.create_folder(wanted)
    return wanted in [name for _, _, name in imap.list_folders()] and len(imap.select_folder(wanted)) > 0


def longset(imap):
    imap.select_folder("Work")
    imap.copy(range(2, 12000, 5), "Drafts")
    return True


def largecopy(imap):
    imap.select_folder("Work")
    imap.copy(range(1, 121), "Drafts")
    return imap.folder_status("Drafts", ["MESSAGES"])[b"MESSAGES"] >= 120


def keywords(imap):
    imap.select_folder("Work")
    for _ in range(12):
        try:
            imap.add_flags([1], [b"\\Seen", b"$Forwarded"])
        except exceptions.IMAPClientAbortError:
            raise
        except exceptions.IMAPClientError:
            pass
    imap.noop()
    return True


def unknown(imap):
    """What IMAPClient sends though it is not announced."""
    imap.select_folder("Work")
    for call in (lambda: imap.search(["KEYWORD", "x"]), lambda: imap.fetch([1], ["MODSEQ"]),
                 lambda: imap.folder_status("Work", ["HIGHESTMODSEQ"])) * 4:
        try:
            call()
        except exceptions.IMAPClientAbortError:
            raise
        except exceptions.IMAPClientError:
            pass
    imap.noop()
    return True


def errorok(imap):
    imap.noop()
    return True


def date(imap):
    imap.append("Work", b"Subject: x\r\n\r\ny\r\n", msg_time=datetime.datetime(1899, 12, 30))
    return True


def inbox(imap):
    return imap.folder_status("Drafts", ["MESSAGES"])[b"MESSAGES"] == 0


def namespace(imap):
    return imap.namespace()[0][0][1] == "/"


def charset(imap):
    imap.select_folder("Work")
    return len(imap.search(["SUBJECT", "lunch"], charset="UTF-8")) > 0


def address(imap):
    imap.select_folder("Work")
    return len(imap.search(["FROM", "ann@example.com"])) == 6 or "not found"


def folders(imap):
    got = [name for _, _, name in imap.list_folders()]
    return "Da\tOggetto" in got and "Public Folders" in got or "folders %r" % got


def idle(imap):
    imap.select_folder("Work")
    other = connect(imap.port, imap.ssl_context)
    other.login("alice@example.com", "alicepass")
    other.append("Work", b"Subject: x\r\n\r\ny\r\n")
    other.logout()
    imap.idle()
    imap.idle_check(timeout=1)
    imap.idle_done()
    imap.noop()
    return True


def token(imap):
    try:
        imap.oauth2_login("alice@example.com", "wrong")
    except exceptions.LoginError as refused:
        imap.noop() if "lost" in str(refused) else imap.capabilities()
        return True
    return "no error"


def main(cases):
    for case in cases:
        name, port, ca = case.split(":")
        imap = None
        try:
            imap = connect(int(port), ssl.create_default_context(cafile=ca))
            if name != "token":
                imap.login("alice@example.com", "alicepass")
            outcome = globals()[name](imap)
        except Exception as fault:  # whatever the library makes of the answer
            outcome = "%s: %s" % (type(fault).__name__, fault)
        print("%s: %s" % (name, "ok" if outcome is True else outcome or "wrong"), flush=True)
        if imap:
            imap.shutdown()


if __name__ == "__main__":
    main(sys.argv[3:])
