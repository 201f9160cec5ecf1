#!/usr/bin/env python3
"""Fills a mailbox Work of alice in simulated Exchanges, in plain IMAP: what is wrong with their answers must not matter here.

  seed.py PORT:MESSAGES[:FOLDER]... for each Exchange
"""

import socket
import ssl
import sys

MESSAGE = (
    b"From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>, Carol <carol@example.com>\r\nSubject: lunch\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename=report.pdf\r\n\r\neA==\r\n"
)


def fill(port, messages, folders):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # on loopback
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30)) as server:
        lines = server.makefile("rb")

        def command(text, literal=None):
            server.sendall(b"x %s\r\n" % text)
            if literal is not None:
                assert lines.readline().startswith(b"+")
                server.sendall(literal + b"\r\n")
            while not (line := lines.readline()).startswith(b"x "):
                assert line, "the connection is closed"
            assert line.startswith(b"x OK"), line

        command(b"LOGIN alice@example.com alicepass")
        command(b"CREATE Work")
        for _ in range(messages):
            command(b"APPEND Work {%d}" % len(MESSAGE), MESSAGE)
        for folder in folders:
            command(b'CREATE "%s"' % folder.encode())


for place in sys.argv[1:]:
    port, messages, *folders = place.split(":")
    fill(int(port), int(messages), folders)
