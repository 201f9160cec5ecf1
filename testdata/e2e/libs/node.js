// What node-imap and imapflow make of answers of Exchange's: one line for each case, "CASE: ok" or what went wrong.
//
//   node.js node-imap|imapflow LIMIT NUMBER CASE:PORT:CA...    LIMIT is the seconds for a case, NUMBER the message
// to move
'use strict';
const fs = require('fs');

const [library, seconds, number, ...entries] = process.argv.slice(2);
const load = name => require(require.resolve(name, { paths: [process.cwd()] }));
const limit = 1000 * Number(seconds);
let port, ca; // of the case
const message = 'Subject: x\r\n\r\ny\r\n';
const account = { user: 'alice@example.com', pass: 'alicepass' };
const longSet = Array.from({ length: 2400 }, (_, i) => 5 * i + 2).join(',');
const six = Array.from({ length: 6 }, (_, i) => i + 1).join();

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('no answer')), limit); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// refused runs what the server may refuse, as long as the connection lasts.
async function refused(run, isLost) {
  try {
    await run();
    return false;
  } catch (err) {
    if (isLost(err)) throw err;
    return true;
  }
}

const imapflow = {
  async open(isToken) {
    const { ImapFlow } = load('imapflow');
    const auth = isToken ? { user: account.user, accessToken: 'wrong' } : account;
    const client = new ImapFlow({ host: 'localhost', port: Number(port), secure: true, tls: { ca: fs.readFileSync(ca) }, auth, logger: false });
    client.on('error', () => {});
    await client.connect();
    return client;
  },
  close(client) { client.close(); },
  lost(err) { return ['NoConnection', 'EConnectionClosed'].includes(err.code) || /closed|not available/i.test(err.message); },
  cases: {
    async status(c) { return (await c.status('Drafts', { messages: true })).messages === 0; },
    async strays(c) { await c.noop(); return (await c.mailboxOpen('Work')).exists > 0; },
    async unavailable(c) {
      if (!await refused(() => c.mailboxOpen('Drafts', { readOnly: true }), imapflow.lost)) return 'no error';
      await c.noop();
      return true;
    },
    async structure(c) {
      await c.mailboxOpen('Work');
      const { bodyStructure } = await c.fetchOne('1', { bodyStructure: true });
      return bodyStructure.dispositionParameters?.filename === 'report.pdf' || 'no file name';
    },
    async envelope(c) { await c.mailboxOpen('Work'); return (await c.fetchOne('1', { envelope: true })).envelope.to.length === 2; },
    async copyuid(c) { await c.mailboxOpen('Work'); await c.messageCopy('999', 'Drafts', { uid: true }); await c.noop(); return true; },
    async move(c) {
      await c.mailboxOpen('Work');
      const moved = await c.messageMove(number, 'Drafts', { uid: true });
      await c.noop();
      return moved.uidMap?.size === 1 || 'moved, and the new UID is not told';
    },
    async store(c) { await c.mailboxOpen('Work'); return c.messageFlagsAdd('2', ['\\Seen'], { uid: true }); },
    async partial(c) {
      await c.mailboxOpen('Work');
      const { source } = await c.fetchOne('1', { source: { start: 0, maxLength: 5 } });
      return source.length === 5 || `the whole message, ${source.length} bytes`;
    },
    async holes(c) {
      await c.mailboxOpen('Work');
      let count = 0;
      for await (const m of c.fetch('1:6', { source: true })) if (m.source) count++;
      return count === 6 || `${count} of 6 messages`;
    },
    async numbers(c) { await c.mailboxOpen('Work'); const n = await c.search({ all: true }); return n.join() === six || `messages ${n} of 6`; },
    async names(c) {
      await c.mailboxCreate(`a "b" \\c ${number}`);
      await c.mailboxOpen(`a "b" \\c ${number}`);
      return (await c.list()).some(f => f.path === `a "b" \\c ${number}`);
    },
    async longset(c) { await c.mailboxOpen('Work'); return Boolean(await c.messageCopy(longSet, 'Drafts', { uid: true })) || 'refused'; },
    async largecopy(c) {
      await c.mailboxOpen('Work');
      await c.messageCopy('1:120', 'Drafts', { uid: true });
      const { messages } = await c.status('Drafts', { messages: true });
      return messages >= 120 || `${messages} of 120 copied`;
    },
    async keywords(c) {
      await c.mailboxOpen('Work');
      for (let i = 0; i < 12; i++) await refused(() => c.messageFlagsAdd('1', ['\\Seen', '$Forwarded']), imapflow.lost);
      await c.noop();
      return c.usable || 'the connection is lost';
    },
    async unknown(c) {
      await c.mailboxOpen('Work');
      for (let i = 0; i < 12; i++) await refused(() => c.search({ keyword: 'x' }), imapflow.lost);
      await c.noop();
      return c.usable || 'the connection is lost';
    },
    async date(c) { return Boolean(await c.append('Work', message, [], new Date(Date.UTC(1899, 11, 30)))) || 'refused'; },
    async errorok(c) { await c.noop(); return true; },
    async inbox(c) { return (await c.status('Drafts', { messages: true })).messages === 0; },
    async namespace(c) { await c.noop(); return c.namespace?.delimiter === '/' && c.usable; },
    async address(c) { await c.mailboxOpen('Work'); return (await c.search({ from: 'ann@example.com' })).length === 6 || 'not found'; },
    async folders(c) {
      const names = (await c.list()).map(f => f.path);
      return names.includes('Da\tOggetto') && names.includes('Public Folders') || `folders ${JSON.stringify(names)}`;
    },
    async idle(c) {
      await c.mailboxOpen('Work');
      const news = new Promise(resolve => c.once('exists', resolve));
      const other = await imapflow.open();
      await other.append('Work', message);
      other.close();
      c.idle().catch(() => {});
      await news;
      await c.noop();
      return true;
    },
  },
  async token() {
    try {
      await imapflow.open(true);
    } catch (err) {
      return err.authenticationFailed === true || `${err.code}: ${err.message}`;
    }
    return 'no error';
  },
};

const call = (client, name, ...args) => new Promise((resolve, reject) => {
  client.once('error', reject);
  client.once('close', () => reject(new Error('the connection is closed')));
  client[name](...args, (err, value) => err ? reject(err) : resolve(value));
});

// fetched collects what comes of a FETCH: sizes of texts, and attributes.
const fetched = fetch => new Promise((resolve, reject) => {
  const got = [];
  fetch.on('message', m => {
    const one = { bytes: 0 };
    m.on('body', stream => stream.on('data', chunk => { one.bytes += chunk.length; one.text = true; }));
    m.once('attributes', attributes => { one.attributes = attributes; });
    m.once('end', () => got.push(one));
  });
  fetch.once('error', reject);
  fetch.once('end', () => resolve(got));
});

const nodeImap = {
  open(isToken) {
    const Imap = load('imap');
    const xoauth2 = Buffer.from(`user=${account.user}\x01auth=Bearer wrong\x01\x01`).toString('base64');
    const auth = isToken ? { user: account.user, xoauth2 } : { user: account.user, password: account.pass };
    const client = new Imap({ ...auth, host: 'localhost', port: Number(port), tls: true, tlsOptions: { ca: fs.readFileSync(ca) } });
    return new Promise((resolve, reject) => {
      client.once('error', reject);
      client.once('ready', () => resolve(client));
      client.connect();
    });
  },
  close(client) { client.on('error', () => {}); client.destroy(); },
  lost(err) { return /closed|ended/.test(err.message); },
  cases: {
    async status(c) { return (await call(c, 'status', 'Drafts')).messages.total === 0; },
    async strays(c) { return (await call(c, 'openBox', 'Work')).messages.total > 0; },
    async unavailable(c) {
      if (!await refused(() => call(c, 'openBox', 'Drafts', true), nodeImap.lost)) return 'no error';
      return (await call(c, 'status', 'Drafts')).messages.total === 0;
    },
    async structure(c) {
      await call(c, 'openBox', 'Work');
      const [one] = await fetched(c.seq.fetch('1', { struct: true }));
      return JSON.stringify(one?.attributes.struct ?? '').includes('report.pdf') || 'no file name';
    },
    async envelope(c) {
      await call(c, 'openBox', 'Work');
      const [one] = await fetched(c.seq.fetch('1', { envelope: true }));
      return one.attributes.envelope.to.length === 2;
    },
    async copyuid(c) { await call(c, 'openBox', 'Work'); await call(c, 'copy', '999', 'Drafts'); await call(c, 'search', ['ALL']); return true; },
    async move(c) { await call(c, 'openBox', 'Work'); await call(c, 'move', number, 'Drafts'); await call(c, 'search', ['ALL']); return true; },
    async holes(c) {
      await call(c, 'openBox', 'Work');
      const count = (await fetched(c.seq.fetch('1:6', { bodies: '' }))).filter(m => m.text).length;
      return count === 6 || `${count} of 6 messages`;
    },
    async numbers(c) {
      await call(c, 'openBox', 'Work');
      const n = await new Promise((resolve, reject) => c.seq.search(['ALL'], (err, found) => err ? reject(err) : resolve(found)));
      return n.join() === six || `messages ${n} of 6`;
    },
    async names(c) {
      await call(c, 'addBox', `a "b" \\c ${number}`);
      await call(c, 'openBox', `a "b" \\c ${number}`);
      return `a "b" \\c ${number}` in await call(c, 'getBoxes');
    },
    async longset(c) { await call(c, 'openBox', 'Work'); await call(c, 'copy', longSet.split(','), 'Drafts'); return true; },
    async largecopy(c) {
      await call(c, 'openBox', 'Work');
      await call(c, 'copy', '1:120', 'Drafts');
      return (await call(c, 'status', 'Drafts')).messages.total >= 120;
    },
    async keywords(c) {
      await call(c, 'openBox', 'Work');
      for (let i = 0; i < 12; i++) await refused(() => call(c, 'addKeywords', '1', ['$Forwarded']), nodeImap.lost);
      await call(c, 'search', ['ALL']);
      return true;
    },
    async unknown(c) {
      await call(c, 'openBox', 'Work');
      for (let i = 0; i < 12; i++) await refused(() => call(c, 'search', [['KEYWORD', 'x']]), nodeImap.lost);
      await call(c, 'search', ['ALL']);
      return true;
    },
    async date(c) { await call(c, 'append', message, { mailbox: 'Work', date: new Date(Date.UTC(1899, 11, 30)) }); return true; },
    async errorok(c) { return (await call(c, 'status', 'Drafts')).messages.total === 0; },
    async inbox(c) { return (await call(c, 'status', 'Drafts')).messages.total === 0; },
    async namespace(c) { return c.namespaces?.personal[0].delimiter === '/'; },
    async address(c) { await call(c, 'openBox', 'Work'); return (await call(c, 'search', [['FROM', 'ann@example.com']])).length === 6 || 'not found'; },
    async folders(c) {
      const names = Object.keys(await call(c, 'getBoxes'));
      return names.includes('Da\tOggetto') && names.includes('Public Folders') || `folders ${JSON.stringify(names)}`;
    },
    async idle(c) { // node-imap begins IDLE by itself
      await call(c, 'openBox', 'Work');
      const news = new Promise(resolve => c.once('mail', resolve));
      const other = await nodeImap.open();
      await call(other, 'append', message, { mailbox: 'Work' });
      nodeImap.close(other);
      await news;
      await call(c, 'search', ['ALL']);
      return true;
    },
  },
  async token() {
    try {
      await nodeImap.open(true);
    } catch (err) {
      return err.source === 'authentication' || `${err.source}: ${err.message}`;
    }
    return 'no error';
  },
};

async function main() {
  const lib = library === 'imapflow' ? imapflow : nodeImap;
  process.on('uncaughtException', () => {}); // thrown on a socket's event; the case ends with its time
  for (const entry of entries) {
    let name, client, outcome;
    [name, port, ca] = entry.split(':');
    if (name !== 'token' && !lib.cases[name]) continue; // it never sends such a command
    try {
      outcome = await within(name === 'token' ? lib.token() : (async () => {
        client = await lib.open();
        return lib.cases[name](client);
      })());
    } catch (err) {
      outcome = `${err.code ?? err.name}: ${err.message} ${err.responseText ?? ''}`.trim();
    }
    console.log(`${name}: ${outcome === true ? 'ok' : outcome || 'wrong'}`);
    if (client) lib.close(client);
  }
  process.exit(0);
}

main();
