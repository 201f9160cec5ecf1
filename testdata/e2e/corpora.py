"""What the script corpora does: collects the messages, sends them through exgate,
compares what three parsers read before and after, and prints the table.

    corpora.py collect DIRECTORY FOLDER...     corpus, a file for each message
    corpora.py time DIRECTORY RUN COMMAND...   runs it, and notes how long that takes
    corpora.py fixed DIRECTORY STAGE           compares what exgate fix has made
    corpora.py appended DIRECTORY RUN PORT     appends all to exgate, and compares
    corpora.py table DIRECTORY                 prints the table
"""

import base64
import collections
import email
import hashlib
import imaplib
import json
import os
import re
import ssl
import subprocess
import sys
import time

import engine

HERE = os.path.dirname(os.path.abspath(__file__))
PARSERS = {"Python": "python.py", "GMime": "gmime.py", "MIME::tools": "mimetools.pl"}
FIELD = re.compile(rb"[ \t]*[!-9;-~]+[ \t]*:")
KNOWN = re.compile(rb"(?im)^[ \t]*(received|return-path|from|to|date|subject|message-id|mime-version|content-[a-z-]+)[ \t]*:")
POSTMARK = re.compile(rb"(?m)^(?=From \S+( [^\n]*\d{4})?[ \t\r]*\n[!-9;-~]+:)")
ENVELOPE = b"original-message.eml"


def note(directory, name, what):
    with open(os.path.join(directory, name), "w") as f:
        json.dump(what, f)


def noted(directory, name):
    with open(os.path.join(directory, name)) as f:
        return json.load(f)


def load(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def messages(path):
    """The messages of a file, if it is one or an mbox."""
    data = load(path)
    if path.endswith((".eml", ".msg")) and b"\0" not in data[:8] and not POSTMARK.match(data):
        yield data  # whatever its header looks like
        return
    at = [m.end() for m in POSTMARK.finditer(data)] if POSTMARK.match(data) else [0]
    for start, end in zip(at, at[1:] + [len(data)]):
        message = data[start:end]
        if message.startswith(b"From "):
            message = message.split(b"\n", 1)[1]
        head = re.split(rb"\r?\n\r?\n|\r\r", message, maxsplit=1)[0]
        if FIELD.match(head) and KNOWN.search(head):
            yield message


def collect(directory, folders):
    corpus = os.path.join(directory, "corpus")
    os.mkdir(corpus)
    seen, origins = set(), {}
    for folder in folders:
        name, count = os.path.basename(os.path.abspath(folder)), 0
        for where, folders_below, files in os.walk(folder):
            folders_below.sort()
            for file in sorted(files):
                path = os.path.join(where, file)
                if os.path.islink(path):
                    continue
                for message in messages(path):
                    count += 1
                    digest = hashlib.sha256(message).digest()
                    if digest not in seen:
                        seen.add(digest)
                        own = "%s-%05d.eml" % (name, count)
                        origins[own] = path
                        with open(os.path.join(corpus, own), "wb") as f:
                            f.write(message)
    note(directory, "origins.json", origins)
    note(directory, "read-corpus.json", read_all([os.path.join(corpus, name) for name in sorted(origins)]))
    print("%d messages" % len(origins), flush=True)


def read_all(paths):
    """What each parser reads in each file, by the name of the file."""
    found = collections.defaultdict(dict)
    for parser, script in PARSERS.items():
        program = ["perl"] if script.endswith(".pl") else [sys.executable]
        rest = list(paths)
        while rest:
            done = subprocess.run([*program, os.path.join(HERE, "parsers", script)], input="\n".join(rest), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300)
            lines = done.stdout.splitlines()
            for path, line in zip(rest, lines):
                found[os.path.basename(path)][parser] = json.loads(line)
            if len(lines) < len(rest):  # the parser has crashed
                found[os.path.basename(rest[len(lines)])][parser] = {"error": "crashed"}
            rest = rest[len(lines) + 1:]
    return found


def differences(before, after):
    """What a parser reads otherwise: the kind, and both readings."""
    if "error" in before or "error" in after:
        if before != after:
            yield "error", before.get("error"), after.get("error")
        return
    for field in "subject", "from", "to", "date":
        if before[field] != after[field]:
            yield field, before[field], after[field]
    if len(before["parts"]) != len(after["parts"]):
        yield "parts", [p[:2] for p in before["parts"]], [p[:2] for p in after["parts"]]
        return
    for (kind, name, content, plain), (new_kind, new_name, new_content, new_plain) in zip(before["parts"], after["parts"]):
        if kind != new_kind:
            yield "type", kind, new_kind
        elif content != new_content and (kind == "text" or plain != new_plain):
            at = len(os.path.commonprefix([content, new_content]))
            yield ("text", content[max(0, at - 40):at + 80], new_content[max(0, at - 40):at + 80]) if kind == "text" else ("bytes", kind, "")
        if name != new_name:
            yield "file name", name, new_name


def original(message):
    """The message that an envelope carries."""
    for part in email.message_from_bytes(message).walk():
        if part.get_filename() == ENVELOPE.decode():
            return part.get_payload(decode=True)
    return None


def crlf(message):
    """The message as clients send it, which know no file with LF."""
    return message if b"\r\n" in message else message.replace(b"\n", b"\r\n")


def compare(directory, run, before, after, refused, fixes=None):
    """Counts, and writes down what differs; after has the bytes by name."""
    counts, found, repaired = collections.defaultdict(collections.Counter), [], []
    read_before, faults = noted(directory, "read-corpus.json"), 0
    with open(os.path.join(directory, "differences-" + run), "w") as log:
        def differs(name, parser, kind, old, new):
            counts[name.rsplit("-", 1)[0]][parser] += 1
            log.write(json.dumps([name, parser, kind, sorted((fixes or {}).get(name, ())), old, new]) + "\n")

        for name in sorted(before):
            count = counts[name.rsplit("-", 1)[0]]
            count["messages"] += 1
            if name in refused:
                count["refused"] += 1
                log.write(json.dumps([name, "", "refused", [], refused[name], ""]) + "\n")
            elif after[name] == before[name]:
                count["unchanged"] += 1
            elif ENVELOPE in after[name] and ENVELOPE not in before[name]:
                count["enveloped"] += 1
                if engine.carried(original(after[name]) or b"") != engine.carried(before[name]):
                    faults += 1
                    print("FAIL %s: %s: the envelope does not carry the message" % (run, name), flush=True)
                found.append(name)
            else:
                count["repaired"] += 1
                repaired.append(name)
        folder = os.path.join(directory, run, "read")
        os.makedirs(folder)
        for name in repaired + found:
            with open(os.path.join(folder, name), "wb") as f:
                f.write(after[name])
        read = read_all([os.path.join(folder, name) for name in repaired + found])
        for name in repaired + found:
            for parser in PARSERS:
                old, new = read_before[name][parser], read[name][parser]
                all = list(differences(old, new))
                if name in found:  # of an envelope the header alone is the message's
                    all = [d for d in all if d[0] in ("subject", "from", "to", "date")]
                for number, (kind, was, now) in enumerate(all):
                    differs(name, parser if number == 0 else parser + "+", kind, was, now)
    note(directory, "counts-" + run, counts)
    total = sum(counts.values(), collections.Counter())
    print("%-16s %s" % (run, ", ".join("%d %s" % (total[k], k) for k in (
        "messages", "unchanged", "repaired", "enveloped", "refused", *PARSERS))), flush=True)
    return faults


def fixed(directory, stage):
    reports = [json.loads(line) for line in load(directory, stage + ".json").splitlines() if line.startswith(b"{")]
    reports = {os.path.basename(r["file"]): r for r in reports}
    before = {name: load(directory, "corpus", name) for name in reports}
    after = {name: load(directory, stage, "corpus", name) for name in reports}
    faults = compare(directory, stage, before, after, {n: r["refused"] for n, r in reports.items() if "refused" in r},
                     {n: r.get("fixes", ()) for n, r in reports.items()})
    for name, report in sorted(reports.items()):
        if report["changed"] and "refused" not in report and "envelope" not in report["fixes"]:
            for fault in engine.judge(before[name], after[name], load(directory, stage + "-again", "corpus", name), report):
                faults += 1
                print("FAIL %s: %s: %s (%s)" % (stage, name, fault, ", ".join(report["fixes"])), flush=True)
    return faults


def appended(directory, run, port):
    context = ssl.create_default_context(cafile=os.path.join(directory, "ca.pem"))

    def login():
        imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context, timeout=60)
        imap.login("bob@example.com", "bobpass")
        return imap

    names = sorted(noted(directory, "origins.json"))
    before = {name: crlf(load(directory, "corpus", name)) for name in names}
    refused, uids, times, began = {}, {}, {}, time.monotonic()
    imap = login()
    for name in names:
        start = time.monotonic()
        try:
            imap.literal = before[name]  # append() would change it
            status, data = imap._simple_command("APPEND", "INBOX")
        except imaplib.IMAP4.error as e:  # BAD, or the connection is lost
            status, data = "BAD", [str(e).encode()]
            imap = login()
        times[name] = time.monotonic() - start
        uid = re.match(rb"\[APPENDUID \d+ (\d+)\]", data[0])
        if status == "OK" and uid:
            uids[name] = uid[1]
        else:
            refused[name] = data[0].decode("latin-1")
    took = time.monotonic() - began
    imap.select("INBOX", readonly=True)
    after = {name: imap.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0][1] for name, uid in uids.items()}
    imap.logout()
    note(directory, "time-" + run, {"seconds": took, "slowest": sorted(((s, n) for n, s in times.items()), reverse=True)[:5]})
    faults = compare(directory, run, before, after, refused)
    if run.startswith("envelope") and refused:
        print("FAIL %s: refused: %s" % (run, ", ".join(refused)), flush=True)
        faults += 1
    return faults


STAGES = ["profile", "refused", "shed", "envelope"]
LEVELS = ["off", "repair", "shed", "envelope"]
QUIRKS = ["default", "strict"]


def row(*cells):
    print("| %s |" % " | ".join(map(str, cells)))


def table(directory):
    runs = [("fix, " + stage, stage) for stage in STAGES]
    runs += [("APPEND, %s, %s" % (level, quirks), "%s-%s" % (level, quirks)) for quirks in QUIRKS for level in LEVELS]
    counts = {run: {c: collections.Counter(n) for c, n in noted(directory, "counts-" + run).items()} for _, run in runs}
    columns = ["unchanged", "repaired", "enveloped", "refused", *PARSERS]
    row("run", *columns, "seconds")
    row(*["---"] * (len(columns) + 2))
    for name, run in runs:
        total, took = sum(counts[run].values(), collections.Counter()), noted(directory, "time-" + run)
        row(name, *(total[c] for c in columns), "%.1f" % took["seconds"])
    print()
    row("corpus", "messages", "repaired at each stage", "refused at each level", "refused, strict", *PARSERS)
    row(*["---"] * (5 + len(PARSERS)))
    for corpus, count in sorted(counts["profile"].items()):
        def of(runs, what):
            return ", ".join(str(counts[run][corpus][what]) for run in runs)

        row(corpus, count["messages"], of(STAGES[:3], "repaired"), *(
            of(["%s-%s" % (level, quirks) for level in LEVELS], "refused") for quirks in QUIRKS), *(
            of(STAGES[:3], parser) for parser in PARSERS))
    slowest = sorted(((s, n, run) for _, run in runs for s, n in noted(directory, "time-" + run).get("slowest", ())), reverse=True)
    print("\nslowest APPENDs: " + ", ".join("%s %.0f ms (%s)" % (n, s * 1000, run) for s, n, run in slowest[:5]))
    return 0


def main():
    what, directory, *rest = sys.argv[1:]
    if what == "time":
        began = time.monotonic()
        status = subprocess.run(rest[1:]).returncode
        note(directory, "time-" + rest[0], {"seconds": time.monotonic() - began})
        return 0 if status == 1 else status  # 1: messages were changed
    return {"collect": lambda: collect(directory, rest), "fixed": lambda: fixed(directory, *rest),
            "appended": lambda: appended(directory, *rest), "table": lambda: table(directory)}[what]()


if __name__ == "__main__":
    sys.exit(main())
