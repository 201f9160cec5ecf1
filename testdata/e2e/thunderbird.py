#!/usr/bin/env python3
"""Has a Thunderbird that listens on Marionette's port do what its user would.

  thunderbird.py MARIONETTE PORT AUTHORITY USER PASSWORD DIRECT DIRECT-CA ORDERS ANSWERS

PORT is exgate's, with TLS from the first byte; DIRECT that of the simulated
Exchange behind it, where bob's mailbox is looked at. ORDERS is the pipe that
takes its orders, ANSWERS the file with its answers. Each step is printed; exit
status 3: one of them went wrong.
"""

import base64
import email
import imaplib
import json
import re
import socket
import ssl
import sys
import time
from pathlib import Path

import messages
from mailboxes import folders, ok, quoted

SCRIPT = Path(__file__).with_suffix(".js").read_text()


class Thunderbird:
    """Marionette's protocol: length:[type, id, name or error, value]."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 200)
        self.file = self.socket.makefile("rb")
        self.id = 0
        self.read()
        self.command("WebDriver:NewSession", capabilities={})
        self.command("Marionette:SetContext", value="chrome")
        self.command("WebDriver:SetTimeouts", script=60_000)

    def read(self):
        size = b""
        while (c := self.file.read(1)) != b":":
            if not c:
                sys.exit("thunderbird.py: Thunderbird has ended")
            size += c
        return json.loads(self.file.read(int(size)))

    def command(self, name, **parameters):
        self.id += 1
        data = json.dumps([0, self.id, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(data), data))
        _, _, error, value = self.read()
        if error:
            raise RuntimeError(error["message"])
        return value

    def __getattr__(self, function):
        """A function of thunderbird.js."""

        def call(*arguments):
            script = SCRIPT + (
                f"const done = arguments[arguments.length - 1];\n"
                f"(async () => {function}(...[...arguments].slice(0, -1)))()"
                f".then(value => done({{ value }}), error => done({{ error: `${{error}}` }}));"
            )
            answer = self.command("WebDriver:ExecuteAsyncScript", script=script, args=arguments, sandbox="system")["value"]
            if "error" in answer:
                raise RuntimeError(f"{function}: {answer['error']}")
            return answer.get("value")

        return call


class Exchange:
    """Bob's mailbox as the simulated Exchange has it."""

    def __init__(self, port, ca):
        context = ssl.create_default_context(cafile=ca)
        self.imap = imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=60)
        self.imap.login("bob", "bobpass")

    def names(self):
        return {name for name, _ in folders(self.imap, "list")}

    def append(self, folder, content, flags=""):
        self.imap.literal = content
        ok(self.imap._simple_command("APPEND", quoted(folder), f"({flags})", '"17-Jul-1996 02:44:25 +0000"'))

    def messages(self, folder):
        """By Message-ID: flags and content."""
        ok(self.imap.select(quoted(folder), readonly=True))
        found = {}
        for item in ok(self.imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")):
            if isinstance(item, tuple):
                id = email.message_from_bytes(item[1])["Message-ID"].strip("<> ")
                found[id] = ({f.decode() for f in imaplib.ParseFlags(item[0])}, item[1])
        return found


def until(ask, enough):
    """The answer, asked again until it is enough, or 20 s are over."""
    deadline = time.monotonic() + 20
    while not enough(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def order(orders, answers, words):
    """An order for the simulated Exchange, which answers it."""

    def answered():
        return Path(answers).read_text().count("ordered")

    before = answered()
    Path(orders).write_text(words + "\n")
    if until(answered, lambda n: n > before) == before:
        sys.exit(f"thunderbird.py: no answer to the order {words}")


failed = 0


def step(what, holds, otherwise):
    global failed
    failed += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {what}{'' if holds else f': {otherwise}'}", flush=True)


def b64(content):
    return base64.b64encode(content).decode()


def lines(content):
    """Without the fields that Thunderbird adds in its own store."""
    content = re.sub(rb"^X-Mozilla-\w+:.*\n", b"", content, flags=re.M)
    return content.replace(b"\r\n", b"\n").strip(b"\n")


def text(content):
    """The text of a message without its line ends, to find again what was repaired."""
    message = email.message_from_bytes(content)
    return re.sub(rb"\s+", b" ", message.get_payload(decode=True) or b"").strip()


def main(marionette, port, authority, user, password, direct, direct_ca, orders, answers):
    def exchange():
        return Exchange(int(direct), direct_ca)

    delivery = exchange()
    for n in range(40):
        delivery.append("INBOX", messages.head(f"inbox {n}") + f"\r\nword{n} and more\r\n".encode())
    thunderbird = Thunderbird(int(marionette))
    certificate = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", Path(authority).read_text(), re.S)[1]

    found = thunderbird.account(int(port), user, password, "".join(certificate.split()))
    kinds = {kind: name for name, kind in found if kind}
    step("finds Inbox, Sent, Drafts, Trash and Junk", {"Inbox", "SentMail", "Drafts", "Trash", "Junk"} <= kinds.keys(), kinds)
    step("is not shown the calendar", not {"Calendar", "Contacts"} & {name for name, _ in found}, found)

    listed = dict(thunderbird.list("Inbox"))
    there = exchange().messages("INBOX")
    step(f"lists the {len(there)} messages of the inbox", listed.keys() == there.keys(), listed.keys() ^ there.keys())
    differ = [i for i in there if lines(base64.b64decode(thunderbird.source("Inbox", i))) != lines(there[i][1])]
    step("reads each as Exchange has it", not differ, differ)
    hits = thunderbird.search("Inbox", "word7")
    step("searches on the server", hits == ["inbox.7@e2e.example"], hits)

    thunderbird.create("Entwürfe und Pläne")
    thunderbird.rename("Entwürfe und Pläne", "Pläne")
    step("creates and renames a folder", "Pl&AOQ-ne" in exchange().names(), exchange().names())
    sent = [
        messages.head("plain") + b"\r\nas it is\r\n",
        messages.long_line("long line", 30_000),
        messages.head("receipt", "Disposition-Notification-To: ann@example.org") + b"\r\nread me\r\n",
        messages.attachment("attached", 2_000_000),
    ]
    thunderbird.upload([b64(m) for m in sent], ["plain@e2e.example"], "Pläne")
    there = exchange().messages("Pl&AOQ-ne")
    ids = {email.message_from_bytes(m)["Message-ID"].strip("<>"): m for m in sent}
    step("uploads messages, among them one with a line of 30,000 bytes", there.keys() == ids.keys(), there.keys())
    differ = [i for i in there if text(there[i][1]) != text(ids[i])]
    step("their texts are whole", not differ, differ)
    thunderbird.draft(b64(messages.head("draft") + b"\r\nnot yet\r\n"))
    step("saves a draft", "draft@e2e.example" in exchange().messages("Drafts"), exchange().messages("Drafts").keys())

    thunderbird.mark("Inbox", "inbox.3@e2e.example")
    # Thunderbird does not tell when it has stored them.
    got = until(lambda: exchange().messages("INBOX")["inbox.3@e2e.example"][0], lambda flags: {"\\Seen", "\\Flagged"} <= flags)
    step("stars a message and marks it read", {"\\Seen", "\\Flagged"} <= got, got)

    thunderbird.move("Inbox", ["inbox.4@e2e.example", "inbox.5@e2e.example"], "Pläne")
    thunderbird.remove("Inbox", "inbox.6@e2e.example")
    inbox, plans, trash = (exchange().messages(f) for f in ("INBOX", "Pl&AOQ-ne", "Deleted Items"))
    step("moves two messages", {"inbox.4@e2e.example", "inbox.5@e2e.example"} <= plans.keys() and "inbox.4@e2e.example" not in inbox, plans.keys())
    step("deletes one into the trash", "inbox.6@e2e.example" in trash and "inbox.6@e2e.example" not in inbox, trash.keys())

    for accident in ("cut:FETCH", "bye:13:NOOP", "cut:WAITING", "throttle-account:bob:2s"):
        name = "after " + accident.replace(":", " ")
        exchange().append("INBOX", messages.head(name) + b"\r\nnew\r\n")
        order(orders, answers, f"fault {accident}")
        listed = dict(thunderbird.list("Inbox"))
        step(f"sees what is new in spite of {accident}", name.replace(" ", ".") + "@e2e.example" in listed, len(listed))
    thunderbird.command("Marionette:Quit", flags=["eForceQuit"])
    return 3 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 10:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
