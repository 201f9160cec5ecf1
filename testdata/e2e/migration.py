#!/usr/bin/env python3
"""Moves many mailboxes into the simulated Exchange, and counts what came of it.

  migration.py seed DIR         fills the sources: Dovecot, and Maildirs in DIR
  migration.py move DIR         runs the clients, some at a time
  migration.py compare DIR      compares the sources, Exchange, the ledger, the
                                report and the clients' own records

DIR/plan.json says what is moved, and between which ports. The accounts are moved in
turn by imapsync from Dovecot, by mbsync from a Maildir, and by a client of ours that
sends a message again without a look when its connection ends, as imapsync does.

move runs each account while there are faults, writes DIR/moved, waits for the file
DIR/quiet, and runs each account until its client has nothing left to do. Exit status 3:
something does not agree.
"""

import collections
import concurrent.futures
import email
import email.policy
import imaplib
import json
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import mailboxes
import messages
from mailboxes import folders, ok, quoted
from migrated import KEPT, examine, parts

# Names that Exchange has, cannot have, or takes for another one.
FOLDERS = ("INBOX", "Two words", "Entw&APw-rfe", 'Quo"te', "R&-D", "a/b/c", "&ZeVnLIqe-", "Projects", "projects", "Calendar")
FLAGS = ("", r"\Seen", r"\Seen \Answered", r"\Flagged", r"\Seen \Flagged $Forwarded work", r"\Draft", r"\Seen \Flagged")
EQUAL = (9, 21, 33)  # of 40 messages, those that are the message before once more, on purpose
TRIES = 8  # runs of a client while there are faults; without faults, it has as many again


class Plan:
    def __init__(self, top):
        self.top, self.domain = Path(top), ""
        vars(self).update(json.loads((self.top / "plan.json").read_text()))
        self.clients = ["imapsync", "mbsync", "ours"] if self.imapsync else ["mbsync", "ours"]
        self.accounts = [f"user{n + 1}" for n in range(self.mailboxes)]

    def login(self, account):
        """The name by which exgate and Exchange know the account."""
        return account + self.domain

    def client(self, account):
        return self.clients[self.accounts.index(account) % len(self.clients)]

    def count(self, account):
        """How many messages an account has: half the average to twice as many, all of them together the wanted number."""
        shares = [1 + n % 4 for n in range(self.mailboxes)]
        ends = [self.messages * sum(shares[:n]) // sum(shares) for n in range(self.mailboxes + 1)]
        n = self.accounts.index(account)
        return ends[n + 1] - ends[n]

    def dir(self, account):
        return self.top / account

    def content(self, account):
        return list(content(self.seed, account, self.count(account)))


def content(seed, account, count):
    """The messages of an account."""
    r = random.Random(f"{seed} {account}")
    mime, before = "MIME-Version: 1.0", None
    for n in range(count):
        name = f"{account} {n}"
        received = f"Received: from a.example.org by b.example.com; Tue, 16 Jul 1996 09:00:{n % 60:02} +0200"
        body = "".join(f"line {r.randrange(10**9)} of it\r\n" for _ in range(r.randrange(80))).encode()
        folder, flags, date = r.choice(FOLDERS), r.choice(FLAGS), r.choice(messages.DATES)
        kind = n % 40
        if kind == 4:
            text = messages.long_line(name, 15000, received, mime, "Content-Type: text/plain; charset=us-ascii")
        elif kind == 8:
            text = messages.head(name, received, "Disposition-Notification-To: ann@example.org") + b"\r\n" + body
        elif kind == 12:
            text = messages.head(name, received, mime, 'Content-Type: message/partial; id="x"; number=1; total=2') + b"\r\nhalf\r\n"
        elif kind == 16:
            text = messages.head(name, received).replace(b"Subject: ", b"Subject: =?TELETEX?Q?t?= ", 1) + b"\r\n" + body
        elif kind == 20:
            text = messages.head(name, received, "X-Long: " + "y" * 12000) + b"\r\n" + body
        elif kind == 24 and n < 40:
            text = messages.attachment(name, 8_150_000)
        elif kind == 28:
            text = messages.nested(3).replace(b"nested 3", name.encode(), 1).replace(b"nested.3@", name.replace(" ", ".").encode() + b"@", 1)
        elif kind in EQUAL:
            yield before
            continue
        else:
            text = messages.head(name, received) + b"\r\n" + body
        before = messages.Message(folder, name, text, flags, date)
        yield before


def message_id(text):
    return str(email.message_from_bytes(text, policy=email.policy.compat32)["Message-ID"])


def may_be_left(name):
    return int(name.split()[1]) % 40 in (12, 24)


# ---- the sources


def seed(plan):
    for account in plan.accounts:
        plan.dir(account).mkdir()
        if plan.client(account) == "imapsync":
            imap = mailboxes.login(plan.dovecot_plain, account)
            for folder in FOLDERS[1:]:
                ok(imap.create(quoted(folder)))
            for m in plan.content(account):
                imap.literal = m.content
                ok(imap._simple_command("APPEND", quoted(m.folder), f"({m.flags})", m.date))
            imap.logout()
        elif plan.client(account) == "mbsync":
            for n, m in enumerate(plan.content(account)):
                mailboxes.put(plan.dir(account) / "mail" / m.folder, n, m)


# ---- the clients. Each leaves in DIR/ACCOUNT what it knows of the messages.


def imapsync(plan, account, run):
    """Returns whether the run had nothing left to do."""
    log = plan.dir(account) / f"run-{run}"
    command = ["perl", plan.imapsync, "--nolog", "--noreleasecheck", "--nomodulesversion", "--tmpdir", str(plan.dir(account)),
        "--pidfile", f"{log}.pid", "--ssl1", "--ssl2", "--host1", "localhost", "--host2", "localhost",
        "--port1", str(plan.dovecot), "--user1", account, "--password1", "pass",
        "--port2", str(plan.exgate), "--user2", plan.login(account), "--password2", account + "pass",
        "--syncduplicates", "--appendlimit", "50000000"]  # fmt: skip
    with open(log, "w") as out:
        subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, timeout=900)
    said = imapsync_said(log)
    return said.get("Messages transferred") == 0 and said["Messages found in host1 not in host2"] == said["errors"]


def imapsync_said(log):
    text = log.read_text(errors="replace")
    said = {what: int(n) for what, n in re.findall(r"^(Messages [a-z0-9 ]*\S) *: (\d+)", text, re.M)}
    if found := re.search(r"^Detected (\d+) errors", text, re.M):
        said["errors"] = int(found[1])
    return said


def mbsync(plan, account, run):
    top = plan.dir(account)
    (top / "rc").write_text(f"""
IMAPStore far
Host localhost
Port {plan.exgate}
User {plan.login(account)}
Pass {account}pass
SSLType IMAPS
CertificateFile {plan.ca}
Timeout 120

MaildirStore near
Path {top}/mail/
Inbox {top}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns {" ".join(quoted(folder) for folder in FOLDERS)}
Create Far
Sync Push
CopyArrivalDate yes
SyncState {top}/state-
""")
    for near in (top / "mail").rglob("cur"):  # mbsync sleeps where a folder has just been changed
        for one in (near, near.parent / "new"):
            os.utime(one, (time.time() - 60,) * 2)
    before = mbsync_stored(plan, account)
    with open(top / f"run-{run}", "w") as out:
        ended = subprocess.run(["mbsync", "-c", str(top / "rc"), "-a"], stdout=out, stderr=out, stdin=subprocess.DEVNULL, timeout=900)
    stored = mbsync_stored(plan, account)
    # What was refused once, mbsync 1.4 never sends again. Here its user offers the message anew, unless a
    # journal says that mbsync goes on by itself.
    for file in (top / "mail").rglob("cur/*"):
        if file not in stored and not mbsync_state(top, file.parent).with_suffix(".journal").exists():
            file.rename(file.parent / re.sub(r",U=\d+", "", file.name))
    # A NO to APPEND is for the message; a BAD ends the run, as a refusal of another command does.
    failed = re.search(
        r"^(Error|IMAP error|Socket error|Cannot connect|IMAP command '(?!APPEND)|IMAP command .* error: BAD)",
        (top / f"run-{run}").read_text(), re.M)
    return stored == before and not failed and ended.returncode >= 0  # 1.4.4 may crash where a server says no UIDNEXT


def mbsync_state(top, cur):
    return top / ("state-" + str(cur.parent.relative_to(top / "mail")).replace("/", "!"))


def mbsync_stored(plan, account):
    """What mbsync's own state says: the UID in Exchange of each file that it has stored."""
    top = plan.dir(account)
    stored = {}
    for cur in (top / "mail").rglob("cur"):
        state = mbsync_state(top, cur)
        pairs = {}
        for line in state.read_text().splitlines() if state.exists() else ():
            if pair := re.match(r"(\d+) (\d+) ", line):
                pairs[pair[2]] = int(pair[1])
        for file in cur.iterdir():
            uid = re.search(r",U=(\d+)", file.name)
            if uid and pairs.get(uid[1], 0) > 0:
                stored[file] = pairs[uid[1]]
    return stored


def ours(plan, account, run):
    """One APPEND after the other. DIR/ACCOUNT/done.json has the answer to each message by its number, and
    DIR/ACCOUNT/lost.json the times at which a connection was lost with it."""
    record = plan.dir(account) / "done.json"
    done = json.loads(record.read_text()) if record.exists() else {}
    losses = losses_of(plan, account)
    left = {n: m for n, m in enumerate(plan.content(account)) if done.get(str(n), "")[:2] != "OK"}
    clean = True
    imap = made = None
    for n, m in left.items():
        for attempt in range(40):
            try:
                if imap is None:
                    imap, made = connect(plan.exgate, plan.ca, plan.login(account)), {"INBOX"}
                if m.folder not in made:
                    created = imap.create(quoted(m.folder))
                    if created[0] != "OK" and b"exists" not in created[1][0]:
                        raise imap.abort(created[1][0].decode())
                    made.add(m.folder)
                imap.literal = m.content
                status, data = imap._simple_command("APPEND", quoted(m.folder), f"({kept(m)})", m.date)
            except (OSError, imaplib.IMAP4.error) as err:  # it connects again, and sends the message again
                status, data, imap = "lost", [str(err).encode()], None
                losses[str(n)].append(time.time())
                (plan.dir(account) / "lost.json").write_text(json.dumps(losses))
            answer = f"{status} {data[0].decode(errors='replace')}"
            if status != "lost" and not re.search(r"\[(UNAVAILABLE|OVERQUOTA)\]|Server Unavailable", answer):
                break
            time.sleep(0.2)
        clean = clean and answer == done.get(str(n)) and status == "NO"
        done[str(n)] = answer
        record.write_text(json.dumps(done))
    try:
        if imap is not None:
            imap.logout()
    except imaplib.IMAP4.error:
        clean = False  # exgate was killed meanwhile: the next run looks again
    return clean


def losses_of(plan, account):
    file = plan.dir(account) / "lost.json"
    return collections.defaultdict(list, json.loads(file.read_text()) if file.exists() else {})


def unproven(plan, account, rows):
    """The equal messages that were taken for the ones before them, sent again: exgate was killed when the client had the
    answer to the first one and exgate no command after it (docs/ledger.md). How many of each Message-ID."""
    began, ended = (float(t) for t in (plan.top / "killed").read_text().split())
    taken = collections.Counter()
    if plan.client(account) == "ours":
        done = json.loads((plan.dir(account) / "done.json").read_text())
        losses, source = losses_of(plan, account), plan.content(account)
        for n, (first, second) in enumerate(zip(source, source[1:]), 1):
            uids = [re.search(r"\[APPENDUID [0-9 ]*\]", done[str(k)]) for k in (n - 1, n)]
            stored = {(r["exchange"], r["uid"]) for r in rows if r["message_id"] == message_id(second.content) and r["uid"]}
            is_taken = uids[1] and (uids[0][0] == uids[1][0] if uids[0] else len(stored) == 1)  # Exchange 2007 says no UID
            if first == second and is_taken and any(began <= at <= ended for at in losses[str(n)]):
                taken[message_id(second.content)] += 1
    if plan.client(account) == "mbsync":  # after a kill it looks for its messages by itself, and then sends the second one
        uids = collections.Counter((file.parent.parent, message_id(file.read_bytes()), uid) for file, uid in mbsync_stored(plan, account).items())
        for (_, key, uid), n in uids.items():
            if n == 2 and any(r["message_id"] == key and r["uid"] == uid and began - 2 <= r["at"] / 1000 <= ended for r in rows):
                taken[key] += 1
    return taken


def kept(m):
    """The flags without keywords, as a client does that has read PERMANENTFLAGS."""
    return " ".join(f for f in m.flags.split() if f.startswith("\\"))


def connect(port, ca, name):
    context = ssl.create_default_context(cafile=ca)
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context, timeout=120)
    imap.login(name, name.split("@")[0] + "pass")
    return imap


def await_exgate(plan):
    for _ in range(600):
        try:
            socket.create_connection(("localhost", int(plan.exgate)), timeout=60).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("migration.py: exgate has taken no connection for a minute")


def move(plan):
    runs = collections.Counter()

    def until_clean(account, most):
        for _ in range(most):
            await_exgate(plan)  # it may be on its way up again
            runs[account] += 1
            if globals()[plan.client(account)](plan, account, runs[account]):
                return True
        return False

    with concurrent.futures.ThreadPoolExecutor(plan.at_once) as pool:
        list(pool.map(lambda account: until_clean(account, TRIES), plan.accounts))
        (plan.top / "moved").touch()
        while not (plan.top / "quiet").exists():
            time.sleep(0.05)
        clean = dict(zip(plan.accounts, pool.map(lambda account: until_clean(account, TRIES), plan.accounts)))
    print(f"  {sum(runs.values())} runs of clients")
    for account in plan.accounts:
        if not clean[account]:
            print(f"FAIL {account}: {plan.client(account)} has not come to an end in {runs[account]} runs")
    return 0 if all(clean.values()) else 3


# ---- the comparison


def at_exchange(plan, account):
    """What the mailbox has, read from Exchange itself: by (folder, UID)."""
    imap = connect(plan.exchange, plan.exchange_ca, plan.login(account))
    found = {}
    for name, attributes in folders(imap, "list"):
        if "Noselect" in attributes:
            continue
        count = examine(imap, name)
        items = [i for i in ok(imap.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")) if isinstance(i, tuple)] if count else []
        if len(items) != count:
            sys.exit(f"migration.py: {account}: {len(items)} of {count} messages of {name} were fetched")
        for item in items:
            message = email.message_from_bytes(item[1], policy=email.policy.compat32)
            if "@e2e.example" not in str(message["Message-ID"]):
                continue
            found[name, int(re.search(rb"UID (\d+)", item[0])[1])] = {
                "id": str(message["Message-ID"]),
                "flags": sorted(KEPT & {f.decode() for f in imaplib.ParseFlags(item[0])}),
                "date": imaplib.Internaldate2tuple(item[0])[:6],
                "parts": parts(message),
            }
    imap.logout()
    return found


def sqlite(plan, query):
    out = subprocess.run(["sqlite3", "-readonly", "-json", plan.ledger, query], check=True, capture_output=True, text=True).stdout
    return json.loads(out or "[]")


def client_says(plan, account):
    """The messages that the client's own records call stored: how many of each Message-ID."""
    if plan.client(account) == "ours":
        done = json.loads((plan.dir(account) / "done.json").read_text())
        all_of_it = plan.content(account)
        return collections.Counter(message_id(all_of_it[int(n)].content) for n, answer in done.items() if answer[:2] == "OK")
    if plan.client(account) == "mbsync":
        return collections.Counter(message_id(file.read_bytes()) for file in mbsync_stored(plan, account))
    ids, last = {}, collections.Counter()  # by folder and UID in the source, whose UIDs count from 1
    for m in plan.content(account):
        last[m.folder] += 1
        ids[m.folder, last[m.folder]] = message_id(m.content)
    copied = collections.Counter()
    for log in plan.dir(account).glob("run-*[0-9]"):
        text = log.read_text(errors="replace")
        found = re.findall(r"^msg (.+)/(\d+) \{\d+\} +copied to ", text, re.M)
        copied.update(ids[folder, int(uid)] for folder, uid in found)
        if imapsync_said(log).get("Messages transferred", len(found)) != len(found):
            sys.exit(f"migration.py: {log}: the summary does not say {len(found)} messages")
    return copied


def compare(plan):
    faults = []
    rows = collections.defaultdict(list)
    for row in sqlite(plan, "SELECT account, outcome, m.exchange, m.at, uid, message_id, size FROM messages m JOIN sessions s ON s.id = session_id"):
        rows[row["account"].split("@")[0]].append(row)
    report = json.loads((plan.top / "report.json").read_text())
    groups = {g["account"].split("@")[0]: g for g in report["accounts"]}
    left_behind = collections.defaultdict(list)
    for m in report["left_behind"]:
        left_behind[m["account"].split("@")[0]].append(m)
    totals = collections.defaultdict(collections.Counter)
    again, later, equal = collections.Counter(), collections.Counter(), collections.Counter()
    outcomes = collections.Counter(row["outcome"] for all_of_it in rows.values() for row in all_of_it)

    for account in plan.accounts:
        fault = lambda text: faults.append(f"{account} ({plan.client(account)}): {text}")
        source = plan.content(account)
        sent = {message_id(m.content): m for m in source}
        copies = collections.Counter(message_id(m.content) for m in source)
        there = at_exchange(plan, account)
        arrived = collections.Counter(m["id"] for m in there.values())

        # the client, and the source and Exchange
        says, missing, taken = client_says(plan, account), [], unproven(plan, account, rows[account])
        equal.update(taken)
        copies, says = copies - taken, says - taken
        for key, m in sent.items():
            if arrived[key] == 0 and may_be_left(m.name):
                missing.append(m)
            elif plan.client(account) == "imapsync" and arrived[key] == says[key] > copies[key]:
                # It has lost its connection while it read what is there, has taken the folder for empty,
                # and says that it has sent the message once more (docs/clients.md).
                again[account] += arrived[key] - copies[key]
            elif arrived[key] != copies[key]:
                fault(f"{m.name} in {m.folder}: sent {copies[key]} times, there {arrived[key]} times")
            elif plan.client(account) == "imapsync" and says[key] < arrived[key]:
                later[account] += arrived[key] - says[key]  # it lost the answer, and its next run has seen the message
                says[key] = arrived[key]
        if says != arrived:
            fault(f"the client says {says.total()} are stored, Exchange has {len(there)}: {(says - arrived) + (arrived - says)}")
        for m in there.values():
            want = sent.get(m["id"])
            if want is None:
                fault(f"{m['id']} is not in the source")
                continue
            for what, was in (
                ("flags", sorted(KEPT & set(want.flags.split()))),
                ("date", imaplib.Internaldate2tuple(b"INTERNALDATE " + want.date.encode())[:6]),
                ("parts", parts(email.message_from_bytes(want.content, policy=email.policy.compat32))),
            ):
                if m[what] != was:
                    fault(f"{want.name} in {want.folder}: {what} were {was}, are {m[what]}")

        # the ledger and Exchange, row by row
        stored = [row for row in rows[account] if row["outcome"] == "stored"]
        known = {(row["exchange"].lower(), row["uid"]): row for row in stored if row["uid"]}
        nameless = collections.Counter(row["message_id"] for row in stored if not row["uid"])
        if len(known) + nameless.total() != len(stored):
            fault("two rows of the ledger name the same message")
        for (name, uid), m in there.items():
            row = known.get((name.lower(), uid))
            if row and row["message_id"] != m["id"]:
                fault(f"UID {uid} of {name}: the ledger says {row['message_id']}, it is {m['id']}")
            elif not row and nameless[m["id"]]:
                nameless[m["id"]] -= 1
            elif not row:
                fault(f"UID {uid} of {name}, {m['id']}: no row of the ledger says stored: "
                    f"{[r for r in rows[account] if r['message_id'] == m['id']]}")
        for name, uid in known.keys() - {(name.lower(), uid) for name, uid in there}:
            fault(f"UID {uid} of {name}: the ledger says stored, and it is not there")
        for key in +nameless:
            fault(f"{key}: the ledger says stored, and it is not there")

        # the report
        group = groups[account]
        if group["stored"] != len(there):
            fault(f"the report says {group['stored']} stored, Exchange has {len(there)}")
        if group["stored"] != group["untouched"] + group["repaired"]:
            fault("the report's untouched and repaired are not its stored")
        if group["unknown"] or group["pending"]:
            fault(f"the report says {group['unknown']} unknown, {group['pending']} on their way")
        was = [m["message_id"] or m["size"] for m in left_behind[account]]
        behind = collections.Counter(m["message_id"] for m in left_behind[account] if m["message_id"])
        unread = collections.Counter(m["size"] for m in left_behind[account] if not m["message_id"])
        for m in missing:
            if behind[message_id(m.content)]:
                behind[message_id(m.content)] -= 1
            elif any(unread[size] for size in sizes(m)):
                unread[next(size for size in sizes(m) if unread[size])] -= 1
            else:
                fault(f"{m.name} is not there, and not in the report's list {was}")
        if (+behind).total() + (+unread).total() or group["left_behind"] != len(missing):
            fault(f"the report says {group['left_behind']} left behind: {was}; missing are {[m.name for m in missing]}")

        for who in (plan.client(account), "all"):
            totals[who].update(accounts=1, source=len(source), exchange=len(there), ledger=len(stored), report=group["stored"],
                client=says.total(), left=group["left_behind"], missing=len(missing))  # fmt: skip

    print(f"{'':10}{'accounts':>9}{'source':>9}{'Exchange':>9}{'ledger':>9}{'report':>9}{'client':>9}{'left':>9}{'missing':>9}")
    for who, total in totals.items():
        if who != "all":
            print(f"{who:10}" + "".join(f"{n:9}" for n in total.values()))
    print(f"{'all':10}" + "".join(f"{n:9}" for n in totals["all"].values()))
    print("ledger:", ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common()))
    if equal:
        print(f"taken for the message before, whose answer was not proven when exgate was killed: {list(equal)}")
    if again:
        print(f"imapsync says that it has sent {again.total()} messages twice, since it lost its connection amid its look: {dict(again)}")
    if later:
        print(f"imapsync lost the answer to {later.total()} messages, and its next run has seen them: {dict(later)}")
    if report["total"]["stored"] != totals["all"]["exchange"] or report["left_behind_count"] != totals["all"]["missing"]:
        faults.append("the totals of the report are not those of Exchange")
    if report["ledger_lost"]:
        faults.append(f"the ledger has lost {report['ledger_lost']} rows")
    for text in faults[:40]:
        print("FAIL", text[:600])
    print(f"{len(faults)} differences")
    return 3 if faults else 0


def sizes(m):
    """How large a message is as the client announces it: mbsync adds a header field of its own."""
    return len(m.content), len(m.content) + len("X-TUID: 123456789012\r\n")


if __name__ == "__main__":
    verbs = {"seed": seed, "move": move, "compare": compare}
    if len(sys.argv) != 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[sys.argv[1]](Plan(sys.argv[2])))
