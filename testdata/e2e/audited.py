#!/usr/bin/env python3
"""Makes mailboxes to be audited, and compares the audit with the migration.

  audited.py seed PORT USER          PORT is plain IMAP on loopback
  audited.py compare AUDIT REPORT    JSON of exgate audit and of exgate report
  audited.py same AUDIT AUDIT        two audits of the same mailboxes

Exit status 1: they differ.
"""

import json
import sys
from datetime import datetime

from mailboxes import login, ok, quoted

PLAIN = 40  # messages that need nothing, for each account
FOLDERS = ("Sent", "Projects/2024", "projects", "Entw&APw-rfe", "Calendar")


def head(user, name, *more):
    lines = [
        "Received: from a by b; Tue, 3 Mar 2020 10:00:00 +0100",
        "From: Ann <ann@example.org>",
        "Date: Tue, 3 Mar 2020 10:00:00 +0100",
        f"Message-ID: <{name.replace(' ', '.')}@{user}.example>",
        *more,
    ]
    return "".join(line + "\r\n" for line in lines).encode("utf-8")


def messages(user):
    """(folder, flags, content), another selection for each user."""
    for i in range(PLAIN):
        flags = ("", r"\Seen", r"\Seen \Answered", "$Forwarded", r"\Draft")[i % 5]
        yield FOLDERS[i % 5] if i % 2 else "INBOX", flags, head(user, f"plain {i}", "Subject: plain") + b"\r\ntext\r\n"
    for i in range(3):
        yield "INBOX", r"\Flagged", head(user, f"flagged {i}", "Subject: flagged") + b"\r\ntext\r\n"
        yield "Sent", r"\Seen", head(user, f"receipt {i}", "Subject: receipt", "Disposition-Notification-To: ann@example.org") + b"\r\ntext\r\n"
        yield "INBOX", "", head(user, f"long {i}", "Subject: long") + b"\r\n" + b"x" * 12_000 + b"\r\n"
    yield "INBOX", r"\Flagged", head(user, "both", "Subject: both") + b"\r\n" + b"x" * 12_000 + b"\r\n"
    if user == "alice":
        yield "INBOX", "", head(user, "teletex", "Subject: =?TELETEX?Q?Gr=FC=DFe?=") + b"\r\ntext\r\n"
        yield "INBOX", "", head(user, "partial", "Subject: partial", 'Content-Type: message/partial; id="a"; number=1; total=2') + b"\r\ntext\r\n"
    if user == "bob":
        yield "INBOX", "", head(user, "large", "Subject: large") + b"\r\n" + (b"y" * 70 + b"\r\n") * 150_000
        yield "INBOX", "", head(user, "header", "Subject: header", "X-Odd " + "z" * 20_000) + b"\r\ntext\r\n"


def seed(port, user):
    imap = login(port, user)
    for folder in FOLDERS:
        ok(imap.create(quoted(folder)))
    for folder, flags, content in messages(user):
        imap.literal = content
        ok(imap._simple_command("APPEND", quoted(folder), f"({flags})", '"03-Mar-2020 10:00:00 +0100"'))
    imap.logout()


def seconds(first, last):
    parse = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (parse(last) - parse(first)).total_seconds()


def compare(audit, report):
    forecast, happened = (json.load(open(f)) for f in (audit, report))
    faults = 0

    def line(who, what, said, was, same):
        nonlocal faults
        faults += not same
        print(f"{'ok  ' if same else 'FAIL'} {who:8} {what:28} forecast {said!s:>24}  report {was!s:>24}")

    done = {a["account"].split("@")[0]: a for a in happened["accounts"]}
    for a in forecast["accounts"]:
        who, r = a["account"], done[a["account"]]
        for what in ("stored", "untouched", "repaired"):
            line(who, what, a[what], r[what], a[what] == r[what])
        for fix in sorted({*(a["fixes"] or {}), *(r["fixes"] or {})}):
            said, was = (a["fixes"] or {}).get(fix, 0), (r["fixes"] or {}).get(fix, 0)
            line(who, "fix " + fix, said, was, said == was)
        for rule in sorted({*(a["rules"] or {}), *(r["rules"] or {})}):
            said, was = (a["rules"] or {}).get(rule, 0), (r["rules"] or {}).get(rule, 0)
            line(who, "refused: " + rule, said, was, said == was)
        line(who, "left behind", a["refused"], r["left_behind"], a["refused"] == r["left_behind"])
        line(who, "names changed", a["names_changed"], r["folders_renamed"], a["names_changed"] == r["folders_renamed"])
        said, was = a["took_ns"] / 1e9, seconds(r["first"], r["last"])
        line(who, "seconds", f"{said:.1f}", f"{was:.1f}", abs(was - said) <= said / 5)
    total = happened["total"]
    said, was = forecast["took_ns"] / 1e9, seconds(total["first"], total["last"])
    line("all", "seconds, both at a time", f"{said:.1f}", f"{was:.1f}", abs(was - said) <= said / 5)
    print(f"{faults} differences")
    return 1 if faults else 0


def same(first, second):
    audits = [json.load(open(f)) for f in (first, second)]
    for audit in audits:
        del audit["made"]
        for account in audit["accounts"]:
            account["largest"].sort(key=lambda m: (-m["size"], m["mailbox"], m["uid"]))
    if audits[0] == audits[1]:
        return 0
    print("FAIL: the audits differ:", *(json.dumps(audit["total"]) for audit in audits), sep="\n  ")
    return 1


if __name__ == "__main__":
    verbs = {"seed": seed, "compare": compare, "same": same}
    if len(sys.argv) < 4 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[sys.argv[1]](*sys.argv[2:]))
