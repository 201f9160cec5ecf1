#!/usr/bin/env python3
"""Says what a migration to the simulated Exchange lost or changed.

  migrated.py sent KIND                      what messages.py gives as KIND,
                                             as JSON, like take
  migrated.py take PORT CA USER PASSWORD [BELOW]
                                             a mailbox as JSON; TLS from the
                                             first byte; its folders by their
                                             names behind BELOW
  migrated.py maildir DIR                    a Maildir as JSON, like take
  migrated.py row SENT FIRST SECOND          what a first and a second run of a
                                             client brought, in cells of a table
  migrated.py differences SENT TARGET        what arrived otherwise than it was
                                             sent, a line for each
  migrated.py compare SOURCE TARGET [VIEW [LOG...]]
                                             two of these; VIEW is the file
                                             that "exgate simulate --outlook"
                                             wrote, LOGs are those of imapsync's
                                             runs: a message that it says it has
                                             copied twice is no fault

Exchange writes every message anew, so that contents are compared decoded,
part by part. Exit status 3: something is missing or differs.
"""

import codecs
import collections
import email
import email.header
import email.policy
import hashlib
import imaplib
import json
import re
import ssl
import sys
from pathlib import Path

import messages
from mailboxes import folders, ok, quoted

# Exchange keeps these, and of the keywords none but $MDNSent.
KEPT = {r"\Seen", r"\Answered", r"\Flagged", r"\Draft"}
LIMIT = 10_000_000


def parts(message):
    """A digest of each leaf, its transfer encoding and line ends undone."""
    digests = []
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True) or b""
        if part.get_content_maintype() == "text":
            content = content.replace(b"\r\n", b"\n").rstrip(b"\n")
        digests.append(f"{part.get_content_type()} {hashlib.sha256(content).hexdigest()[:32]}")
    return digests


def header(message):
    """The fields that a user sees, their words decoded."""
    shown = {}
    for name in ("From", "To", "Cc", "Subject", "Date"):
        words = email.header.decode_header(str(message[name] or ""))
        text = "".join(w if isinstance(w, str) else w.decode(charset(c), "replace") for w, c in words)
        shown[name] = " ".join(text.split())
    return shown


def charset(name):
    try:
        return codecs.lookup(name or "ascii").name
    except LookupError:
        return "latin-1"  # none that anybody knows


def sent(kind):
    found = {}
    for m in getattr(messages, kind)():
        message = email.message_from_bytes(m.content, policy=email.policy.compat32)
        key = f"{m.folder}: {message['Message-ID']}"
        found[key] = {
            "name": m.folder,
            "copies": found[key]["copies"] + 1 if key in found else 1,
            "flags": sorted(KEPT & set(m.flags.split())),
            "date": imaplib.Internaldate2tuple(b"INTERNALDATE " + m.date.encode())[:6],
            "size": len(m.content),
            "header": header(message),
            "parts": parts(message),
        }
    json.dump(found, sys.stdout, indent=1)


def examine(imap, name):
    """Opens a mailbox, and returns how many messages it has."""
    if not re.search(r'["\\]', name):
        return int(ok(imap.select(quoted(name), readonly=True))[0])
    imap.literal = name.encode()  # Exchange takes such a name as a literal only
    imap.untagged_responses = {}
    ok(imap._simple_command("EXAMINE"))
    imap.state = "SELECTED"
    return int(imap.untagged_responses["EXISTS"][-1])


def take(port, ca, user, password, below=""):
    context = ssl.create_default_context(cafile=ca)
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context, timeout=60)
    imap.login(user, password)
    found = {}
    for name, attributes in folders(imap, "list"):
        if "Noselect" in attributes:
            continue
        for n in range(1, examine(imap, name) + 1):
            item = next(i for i in ok(imap.fetch(str(n), "(UID FLAGS INTERNALDATE BODY.PEEK[])")) if isinstance(i, tuple))
            message = email.message_from_bytes(item[1], policy=email.policy.compat32)
            if "@e2e.example" not in str(message["Message-ID"]):
                continue  # the simulator's own
            key = f"{name.removeprefix(below)}: {message['Message-ID']}"
            found[key] = {
                "name": name,
                "copies": found[key]["copies"] + 1 if key in found else 1,
                "uid": int(re.search(rb"UID (\d+)", item[0])[1]),
                "flags": sorted(KEPT & {f.decode() for f in imaplib.ParseFlags(item[0])}),
                "date": imaplib.Internaldate2tuple(item[0])[:6],
                "size": len(item[1]),
                "receipt": "Disposition-Notification-To" in message,
                "header": header(message),
                "parts": parts(message),
            }
    imap.logout()
    json.dump(found, sys.stdout, indent=1)


def maildir(top):
    found = {}
    for file in (f for sub in ("cur", "new") for f in (Path(top) / sub).iterdir()):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.compat32)
        if "@e2e.example" in str(message["Message-ID"]):
            key = f"{top}: {message['Message-ID']}"
            found[key] = {
                "copies": found[key]["copies"] + 1 if key in found else 1,
                "header": header(message),
                "parts": parts(message),
            }
    json.dump(found, sys.stdout, indent=1)


def row(sent, first, second):
    sent, first, second = (json.load(open(f)) for f in (sent, first, second))
    # curl stores in one folder, and neither it nor getmail tells a folder here
    ids = [{key.partition(": ")[2]: m["copies"] for key, m in box.items()} for box in (sent, first, second)]
    arrived, later, twice = (
        len(ids[0].keys() & ids[1].keys()),
        len((ids[2].keys() - ids[1].keys()) & ids[0].keys()),
        sum(n > 1 for n in ids[2].values()),
    )
    left = [i.strip("<>").removesuffix("@e2e.example") for i in ids[0] if i not in ids[2]]
    print(f"{len(ids[0])} | {arrived} | {later} | {twice} | {', '.join(left) or 'nothing'}")


def differences(sent, target):
    """A line for each message that arrived otherwise than it was sent, and their number by kind."""
    sent, target = (json.load(open(f)) for f in (sent, target))
    arrived = {key.partition(": ")[2]: m for key, m in target.items()}
    counts = dict.fromkeys(("name", "parts", "header", "flags", "date"), 0)
    for key, was in sent.items():
        identifier = key.partition(": ")[2]
        if identifier not in arrived:
            continue
        for what in counts:
            if what in arrived[identifier] and was[what] != arrived[identifier][what]:
                counts[what] += 1
                print(f"{identifier}: {what}: {short(was[what], arrived[identifier][what])}")
    print("differ:", *(f"{what} {n}" for what, n in counts.items()))


def short(was, now):
    if isinstance(was, dict):
        return "; ".join(f"{name} was {was[name]!r}, is {now[name]!r}" for name in was if was[name] != now[name])[:1000]
    if isinstance(was, list) and len(was) != len(now):
        return f"{len(was)} were, {len(now)} are"
    if isinstance(was, list) and len(was) > 3:
        return "; ".join(f"{a} is {b}" for a, b in zip(was, now) if a != b)[:400]
    return f"was {was}, is {now}"


def copied(source, logs):
    """How often imapsync says that it has copied each message. UIDs of the source count from 1 in each folder."""
    keys, last = {}, collections.Counter()
    for key, m in source.items():
        last[m["name"]] += 1
        keys[m["name"], last[m["name"]]] = key
    says = collections.Counter()
    for log in logs:
        found = re.findall(r"^msg (.+)/(\d+) \{\d+\} +copied to ", open(log, errors="replace").read(), re.M)
        says.update(keys[folder, int(uid)] for folder, uid in found)
    return says


def compare(source, target, view=None, *logs):
    source, target = (json.load(open(f)) for f in (source, target))
    says, again = copied(source, logs), 0
    flagged = {}
    if view:
        for line in open(view):
            seen = json.loads(line)
            if seen["user"] == "bob":
                flagged[seen["mailbox"], seen["uid"]] = seen["outlook_flagged"]
    faults = []
    for key, sent in source.items():
        if sent["size"] > LIMIT:
            print(f"  {key}: over the limit{', and there' if key in target else ', left out'}")
            continue
        got = target.get(key)
        if got is None:
            faults.append(f"{key}: is missing")
            continue
        if sent["copies"] < got["copies"] <= says[key]:
            # It has taken the folder for empty, since it lost its connection while it read it (docs/clients.md).
            again += got["copies"] - sent["copies"]
            got["copies"] = sent["copies"]
        for what in ("copies", "flags", "date", "parts"):
            if sent[what] != got[what]:
                faults.append(f"{key}: {what} were {sent[what]}, are {got[what]}")
        if view:
            if got["receipt"]:
                faults.append(f"{key}: would send a read receipt")
            if flagged[got["name"], got["uid"]] != (r"\Flagged" in sent["flags"]):
                faults.append(f"{key}: its flag is wrong in Outlook")
    for key in target.keys() - source.keys():
        faults.append(f"{key}: is not in the source")
    if again:
        print(f"  {again} messages are there once more, and imapsync says that it has copied them again")
    print(*("  " + f for f in faults), f"  {len(target)} of {len(source)} messages are there, {len(faults)} faults", sep="\n")
    return 3 if faults else 0


if __name__ == "__main__":
    verbs = {"sent": sent, "take": take, "maildir": maildir, "row": row, "differences": differences, "compare": compare}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[sys.argv[1]](*sys.argv[2:]))
