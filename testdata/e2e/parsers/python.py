"""Prints what Python's email reads in messages: a line of JSON for each file that
standard input names. See corpora.py."""

import email
import email.header
import email.utils
import hashlib
import json
import re
import sys

ENDS = re.compile(rb"\r*\n|\r")


def text(content, charset="utf-8"):
    """As text, in the charset if it is known and fits."""
    for name in charset, "utf-8":
        try:
            return content.decode(name)
        except (LookupError, UnicodeError, ValueError):
            pass
    return content.decode("windows-1252", "replace")


def words(value):
    """A field or a part of it, its encoded words decoded, its blanks as one."""
    value = re.sub(r"\r*\n|\r", "", text(value.encode("utf-8", "surrogateescape")))
    try:
        found = email.header.decode_header(value)
    except Exception:  # base64 with errors
        found = [(value, None)]
    return " ".join("".join(
        part if isinstance(part, str) else part.decode("raw_unicode_escape", "replace") if charset is None else text(part, charset)
        for part, charset in found).split())


def addresses(message, name):
    values = [v for n, v in message.raw_items() if n.lower() == name]
    return [[words(n), words(a)] for n, a in email.utils.getaddresses(values) if n or a]


def first(message, name):
    return words(next((v for n, v in message.raw_items() if n.lower() == name), ""))


def content(part):
    name = part.get_filename() or ""
    payload = part.get_payload(decode=True) or b""
    if part.get_content_maintype() == "text":
        charset = part.get_content_charset() or "utf-8"
        return ["text", words(name), text(ENDS.sub(b"\n", payload) if not charset.startswith("utf-16") else payload, charset), ""]
    return [part.get_content_type(), words(name), hashlib.sha256(payload).hexdigest(), hashlib.sha256(ENDS.sub(b"\n", payload)).hexdigest()]


def read(path):
    with open(path, "rb") as f:
        message = email.message_from_binary_file(f)
    return {"subject": first(message, "subject"), "from": addresses(message, "from"), "to": addresses(message, "to"),
            "date": first(message, "date"), "parts": [content(p) for p in message.walk() if not p.is_multipart()]}


for path in sys.stdin.read().splitlines():
    try:
        found = read(path)
    except Exception as e:
        found = {"error": repr(e)[:200]}
    print(json.dumps(found), flush=True)
