// What thunderbird.py has Thunderbird do, run inside of it; "done" is said by
// the wrapper at the end of that file.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

const flags = Ci.nsMsgFolderFlags;

// until asks again until there is an answer; the deadline is the script's own.
async function until(ask) {
  for (;;) {
    const answer = ask();
    if (answer) {
      return answer;
    }
    await new Promise(again => setTimeout(again, 50));
  }
}

function failed(status) {
  return !Components.isSuccessCode(status) && new Error(`status 0x${(status >>> 0).toString(16)}`);
}

// finished starts something that reports to an nsIUrlListener, and awaits it.
function finished(start) {
  return new Promise((resolve, reject) => {
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
      OnStartRunningUrl() {},
      OnStopRunningUrl(url, status) {
        failed(status) ? reject(failed(status)) : resolve();
      },
    });
  });
}

// copied does so for the copy service.
function copied(start) {
  return new Promise((resolve, reject) => {
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId() {
        return null;
      },
      onStopCopy(status) {
        failed(status) ? reject(failed(status)) : resolve();
      },
    });
  });
}

function server() {
  return MailServices.accounts.allServers.find(s => s.type == "imap");
}

function folder(name) {
  return server().rootFolder.descendants.find(f => f.name.toLowerCase() == name.toLowerCase());
}

function special(flag) {
  return server().rootFolder.getFolderWithFlags(flag);
}

function message(where, id) {
  return [...where.messages].find(m => m.messageId == id);
}

async function update(where) {
  await finished(l => where.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, l));
}

// account sets the account up, and returns the folders once they are known.
async function account(port, user, password, authority) {
  Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(authority, "CT,,");
  MailServices.accounts.createLocalMailAccount();
  const incoming = MailServices.accounts.createIncomingServer(user, "localhost", "imap");
  incoming.port = port;
  incoming.socketType = Ci.nsMsgSocketType.SSL;
  incoming.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  incoming.password = password;
  const identity = MailServices.accounts.createIdentity();
  identity.email = "bob@example.com";
  const made = MailServices.accounts.createAccount();
  made.addIdentity(identity);
  made.incomingServer = incoming;
  incoming.performExpand(null);
  await until(() => special(flags.Inbox) && special(flags.Trash) && special(flags.SentMail));
  await update(special(flags.Inbox));
  return folders();
}

function folders() {
  const kinds = ["Inbox", "SentMail", "Drafts", "Trash", "Junk", "Archive", "Templates"];
  return server().rootFolder.descendants.map(f => [f.name, kinds.filter(k => f.getFlag(flags[k])).join(" ")]);
}

// list opens a folder; its messages as [id, subject].
async function list(name) {
  await update(folder(name));
  return [...folder(name).messages].map(m => [m.messageId, m.mime2DecodedSubject]);
}

// source is a message's text as Thunderbird gets it from the server.
async function source(name, id) {
  const uri = folder(name).getUriForMsg(message(folder(name), id));
  const text = await new Promise((resolve, reject) => {
    const parts = [];
    MailServices.messageServiceFromURI(uri).streamMessage(
      uri,
      {
        QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
        onStartRequest() {},
        onDataAvailable(request, stream, offset, count) {
          const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
          binary.setInputStream(stream);
          parts.push(binary.readBytes(count));
        },
        onStopRequest(request, status) {
          failed(status) ? reject(failed(status)) : resolve(parts.join(""));
        },
      },
      null,
      null,
      false,
      "",
      false
    );
  });
  return btoa(text);
}

// mark stars a message, marks it read, and gives it a tag.
async function mark(name, id) {
  const m = message(folder(name), id);
  folder(name).markMessagesFlagged([m], true);
  folder(name).markMessagesRead([m], true);
  folder(name).addKeywordsToMessages([m], "$label1");
}

async function create(name) {
  server().rootFolder.createSubfolder(name, null);
  await until(() => folder(name));
}

async function rename(name, to) {
  folder(name).rename(to, null);
  await until(() => folder(to) && !folder(name));
  await update(folder(to));
}

// upload copies messages, in base64, from a local folder into one of the server.
async function upload(messages, starred, name) {
  const local = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
  const from = local.createLocalSubfolder(`for ${name}`).QueryInterface(Ci.nsIMsgLocalMailFolder);
  for (const text of messages) {
    from.addMessage(atob(text));
  }
  const all = [...from.messages];
  from.markMessagesFlagged(
    all.filter(m => starred.includes(m.messageId)),
    true
  );
  await copied(l => MailServices.copy.copyMessages(from, all, folder(name), false, l, null, false));
  return all.length;
}

// draft saves one as the composer does.
async function draft(text) {
  const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
  file.append("draft.eml");
  file.createUnique(Ci.nsIFile.NORMAL_FILE_TYPE, 0o600);
  await IOUtils.write(file.path, Uint8Array.from(atob(text), c => c.charCodeAt(0)));
  await copied(l => MailServices.copy.copyFileMessage(file, special(flags.Drafts), null, true, 0, "", l, null));
}

async function move(from, ids, to) {
  const all = ids.map(id => message(folder(from), id));
  await copied(l => MailServices.copy.copyMessages(folder(from), all, folder(to), true, l, null, false));
}

async function remove(name, id) {
  const gone = [message(folder(name), id)];
  await copied(l => folder(name).deleteMessages(gone, null, false, false, l, false));
}

// search asks the server for a word in the bodies.
async function search(name, word) {
  const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(name));
  const term = session.createTerm();
  const value = term.value;
  term.attrib = value.attrib = Ci.nsMsgSearchAttrib.Body;
  term.op = Ci.nsMsgSearchOp.Contains;
  value.str = word;
  term.value = value;
  session.appendTerm(term);
  return new Promise((resolve, reject) => {
    const hits = [];
    session.registerListener({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
      onNewSearch() {},
      onSearchHit(m) {
        hits.push(m.messageId);
      },
      onSearchDone(status) {
        failed(status) ? reject(failed(status)) : resolve(hits);
      },
    });
    session.search(null);
  });
}
