"""Compares messages before and after exgate fix, with Python's email and with
Dovecot's BODYSTRUCTURE.

    engine.py DIRECTORY STAGE PORT

DIRECTORY has corpus, STAGE/corpus, STAGE-again/corpus and STAGE.json; Dovecot
listens on PORT, where every user has the password "pass".
"""

import collections
import email
import imaplib
import json
import os
import re
import sys

LIMIT = 9900

# Fixes that give a message other parts, or parts another type, on purpose.
OTHER_PARTS = {"attachments", "nesting", "partial"}
# Fixes that change what is decoded, on purpose.
OTHER_TEXT = {"line-endings", "nul-bytes"}


def leaves(message):
    """The type and the decoded bytes of each leaf part."""
    found = []
    for part in message.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            found.append((part.get_content_type(), content if content is not None else b""))
    return found


def defective(message):
    """Whether Python finds something wrong with how the message is made: then
    readers differ on where its text begins and ends."""
    return any(part.defects or part.get_boundary() == "" for part in message.walk())


def text_only(content):
    return re.sub(rb"[\r\n]", b"", content)


def carried(content):
    """What line-endings and nul-bytes make of a text."""
    return re.sub(rb"\r*\n|\r", b"\n", content.replace(b"\0", b""))


def judge(before, after, again, report):
    """The faults of a repaired message."""
    fixes = set(report.get("fixes", ()))
    if again != after:
        yield "twice is not once"
    unix = before.count(b"\n") > 2 * before.count(b"\r\n")
    lines = after.split(b"\n" if unix else b"\r\n")
    if max(map(len, lines)) > LIMIT:
        yield "a line of %d bytes" % max(map(len, lines))
    if b"\0" in after:
        yield "NUL"
    if not unix and re.search(rb"(?<!\r)\n|\r(?!\n)", after):
        yield "CR or LF that are not of a CRLF"
    old, new = email.message_from_bytes(before), email.message_from_bytes(after)
    if "header-lines" in fixes and defective(old):
        return  # the header ended for Python where it now goes on
    for name in "Message-ID", "Date", "Received":
        if fixes.isdisjoint(OTHER_TEXT) and old.get_all(name) != new.get_all(name):
            yield name + " has changed"
    if not fixes.isdisjoint(OTHER_PARTS):
        return
    if not fixes.isdisjoint(OTHER_TEXT):
        # A CR may end a header for Python, where it is a blank for the engine;
        # what must hold is that no text is lost.
        if len(carried(before)) and not leaves(new):
            yield "no parts are left"
        return
    was, now = leaves(old), leaves(new)
    if len(was) != len(now):
        yield "%d parts became %d" % (len(was), len(now))
        return
    for (kind, content), (new_kind, new_content) in zip(was, now):
        if kind != new_kind:
            yield "%s became %s" % (kind, new_kind)
        elif defective(old) and text_only(new_content) in text_only(content):
            # A line outside of all parts was cut, or one that was no header
            # field became one.
            continue
        elif unix and carried(content) == carried(new_content):
            continue  # base64 has CRLF, whatever the file's lines end in
        elif "encoded-words" in fixes and b"+" in content and content.decode("utf-7", "replace") == new_content.decode("utf-8", "replace"):
            continue
        elif content != new_content and "broken-encoding" not in fixes:
            yield "%s: %d decoded bytes became %d others" % (kind, len(content), len(new_content))


class Dovecot:
    """A mailbox in which messages are compared by their structure."""

    def __init__(self, port, user):
        self.imap = imaplib.IMAP4("127.0.0.1", port)
        self.imap.login(user, "pass")
        self.imap.select("INBOX")

    def structure(self, message):
        """The types of the parts, with their nesting."""
        self.imap.append("INBOX", None, None, message)
        self.imap.noop()
        _, data = self.imap.fetch("*", "(BODYSTRUCTURE)")
        text = b"".join(x if isinstance(x, bytes) else b"".join(x) for x in data).decode("latin-1")
        text = text[text.index("BODYSTRUCTURE"):]
        # Sizes, encodings and parameters may change; types and nesting may not.
        kinds = re.findall(r'\(("[a-z]+" "[-a-z0-9.+]+") (?:\(|NIL)|\) ("[a-z]+") \("boundary"', text, re.I)
        # appledouble is the fix of that name
        return ["".join(k).lower().replace("appledouble", "mixed") for k in kinds]


def main():
    directory, stage, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(os.path.join(directory, stage + ".json")) as f:
        reports = [json.loads(line) for line in f if line.startswith("{")]
    reports = {os.path.basename(r["file"]): r for r in reports}
    dovecot = Dovecot(port, "engine-" + stage)
    counts, faults, compared = collections.Counter(), 0, 0

    def read(folder, name):
        with open(os.path.join(directory, folder, "corpus", name), "rb") as f:
            return f.read()

    for name in sorted(os.listdir(os.path.join(directory, "corpus"))):
        report = reports[name]
        with open(os.path.join(directory, "corpus", name), "rb") as f:
            before = f.read()
        after = read(stage, name)
        if "refused" in report:
            counts["refused"] += 1
            if before != after:
                print("FAIL %s: refused, and changed" % name)
                faults += 1
            continue
        if before == after:
            counts["unchanged"] += 1
            if report["changed"]:
                print("FAIL %s: said to be changed" % name)
                faults += 1
            continue
        counts["changed"] += 1
        for fault in judge(before, after, read(stage + "-again", name), report):
            print("FAIL %s: %s (%s)" % (name, fault, ", ".join(report["fixes"])))
            faults += 1
        fixes = set(report["fixes"])
        if fixes.isdisjoint(OTHER_PARTS | OTHER_TEXT) and len(before) < 1_000_000:
            was, now = dovecot.structure(before), dovecot.structure(after)
            if sum(" " in kind for kind in was) != len(list(leaves(email.message_from_bytes(before)))):
                counts["ambiguous"] += 1  # the two parsers take the original for different parts
                continue
            compared += 1
            if was != now:
                print("FAIL %s: BODYSTRUCTURE %s became %s" % (name, was, now))
                faults += 1
    print("%-8s %d unchanged, %d changed, %d refused; BODYSTRUCTURE equal for %d, ambiguous for %d; %d faults" % (
        stage, counts["unchanged"], counts["changed"], counts["refused"], compared, counts["ambiguous"], faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
