"""Makes an mbox of the size, has exgate fix repair it and reformime -r7 each
of its messages, and prints the processor time of both. A start of reformime
with next to nothing to read comes before each of its messages, in turns: what
the starts take is taken off. Then a Maildir of the first messages, with next to
nothing in most of its files, shows what a file costs."""

import base64
import os
import random
import shutil
import sys
import time

WORDS = "the quick brown fox jumps over a lazy dog while seventeen clerks sort letters by date".split()


def text(size, width):
    lines, line, total = [], "", 0
    while total < size:
        word = random.choice(WORDS)
        if len(line) + len(word) >= width:
            lines.append(line)
            total += len(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join(lines) + "\n"


def make(path, size):
    """Text, text in long lines, and attachments; as many bytes as wanted."""
    random.seed(7)
    short = [text(random.choice([800, 3000, 9000]), 72) for _ in range(50)]
    long = [text(random.choice([30000, 60000]), 12000) for _ in range(20)]
    files = [base64.encodebytes(random.randbytes(random.choice([20000, 80000, 300000]))).decode() for _ in range(30)]
    messages, written = [], 0
    with open(path, "w") as box:
        while written < size:
            n = len(messages)
            head = (f"From: a{n}@example.org\nTo: b@example.org\nDate: Tue, 3 Mar 2026 10:00:00 +0000\n"
                    f"Message-ID: <{n}@example.org>\nSubject: message {n}\nMIME-Version: 1.0\n")
            kind = random.random()
            if kind < 0.45:
                m = f"{head}Content-Type: text/plain; charset=utf-8\n\n{random.choice(short)}"
            elif kind < 0.55:
                m = f"{head}Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{random.choice(long)}"
            else:
                m = (f"{head}Content-Type: multipart/mixed; boundary=bbb\n\n--bbb\nContent-Type: text/plain\n\n{random.choice(short)}"
                     f"--bbb\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n{random.choice(files)}--bbb--\n")
            box.write("From a@example.org Tue Mar  3 10:00:00 2026\n")
            messages.append((box.tell(), len(m)))
            box.write(m + "\n")
            written = box.tell()
    return messages


def run(argv, stdin, log=os.devnull):
    """Returns the status, and the seconds of the user's and the system's."""
    with open(stdin, "rb") as i, open(os.devnull, "wb") as o, open(log, "wb") as e:
        pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, i.fileno(), 0), (os.POSIX_SPAWN_DUP2, o.fileno(), 1), (os.POSIX_SPAWN_DUP2, e.fileno(), 2)])
        _, status, used = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime, used.ru_stime


def fix(folder, messages):
    argv = [f"{folder}/exgate", "fix", f"{folder}/box", "--profile", "exchange2016", "--output", f"{folder}/out"]
    status, user, system = run(argv, os.devnull, f"{folder}/log/fix")
    if status != 1:  # some messages were changed
        sys.exit(f"exgate fix ended with {status}")
    os.remove(f"{folder}/out/box")
    os.rmdir(f"{folder}/out")
    each = 1e6 / len(messages)
    print(f"exgate fix     {(user + system) * each:5.0f} us a message, {user * each:.0f} of them the user's, with writing them anew", flush=True)


def maildir(folder, count=10000):
    """Small messages, as most are, so that what counts is the files."""
    random.seed(8)
    os.makedirs(f"{folder}/Maildir/cur")
    for n in range(count):
        with open(f"{folder}/Maildir/cur/{n}:2,S", "w") as message:
            message.write(f"From: a{n}@example.org\nMessage-ID: <{n}@example.org>\nSubject: message {n}\n\n{text(random.choice([300, 800, 3000]), 72)}")
    argv = [f"{folder}/exgate", "fix", f"{folder}/Maildir", "--profile", "exchange2016", "--output", f"{folder}/fixed"]
    began = time.monotonic()
    status, user, system = run(argv, os.devnull, f"{folder}/log/maildir")
    if status != 0:  # no message was changed
        sys.exit(f"exgate fix of a Maildir ended with {status}")
    print(f"exgate fix     {(user + system) / count * 1e6:5.0f} us a file of a Maildir, {user / count * 1e6:.0f} of them the user's; "
          f"{count} files in {time.monotonic() - began:.1f} s", flush=True)
    shutil.rmtree(f"{folder}/fixed")


def main():
    folder, size = sys.argv[1], int(sys.argv[2])
    messages = make(f"{folder}/box", size)
    print(f"{len(messages)} messages in {os.path.getsize(f'{folder}/box') / 1e6:.0f} MB, on one processor", flush=True)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["GOMAXPROCS"] = "1"
    with open(f"{folder}/least", "w") as least:
        least.write("Subject: x\n\nx\n")
    fix(folder, messages)
    used = [0.0] * 4
    with open(f"{folder}/box", "rb") as box:
        for start, length in messages:
            box.seek(start)
            with open(f"{folder}/message", "wb") as message:
                message.write(box.read(length))
            for at, path in ((0, "least"), (2, "message")):
                status, user, system = run(["reformime", "-r7"], f"{folder}/{path}")
                if status:
                    sys.exit(f"reformime ended with {status}")
                used[at] += user
                used[at + 1] += system
    each = 1e6 / len(messages)
    start_user, start_system, user, system = used
    print(f"reformime -r7  {(user + system - start_user - start_system) * each:5.0f} us a message, "
          f"{(user - start_user) * each:.0f} of them the user's; a start {(start_user + start_system) * each:.0f}", flush=True)
    fix(folder, messages)
    maildir(folder)


main()
