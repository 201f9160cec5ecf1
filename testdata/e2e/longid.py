#!/usr/bin/env python3
"""Sends the longest ID that RFC 2971 allows before the login: 30 fields of 30 bytes, each with a value of 1,024. Prints the
answer, and behind a bar whether SPECIAL-USE is announced after the login.

  longid.py PORT CA USER PASSWORD    TLS from the first byte
"""

import imaplib
import re
import ssl
import sys


def main(port, ca, user, password):
    context = ssl.create_default_context(cafile=ca)
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context, timeout=60)
    imaplib.Commands["ID"] = ("NONAUTH", "AUTH")
    fields = " ".join(f'"{n:030}" "{"v" * 1024}"' for n in range(30))
    try:
        status, data = imap._simple_command("ID", f"({fields})")
        answer = f"{status} {data[0].decode()}"
    except imaplib.IMAP4.error as refused:
        answer = re.sub(r"ID command error: (\w+) \[b'(.*)'\]", r"\1 \2", str(refused))
    if imap.state != "NONAUTH":
        sys.exit(f"longid.py: {answer}, and then {imap.state}")
    imap.login(user, password)
    capabilities = imap.capability()[1][0].decode().split()
    imap.logout()
    print(answer, "|", "SPECIAL-USE" if "SPECIAL-USE" in capabilities else "no SPECIAL-USE")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
