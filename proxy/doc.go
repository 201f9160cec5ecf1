// Package proxy is the gateway: it stands between IMAP clients and an Exchange server.
//
// docs/design.md has the decisions, and a glossary. This page is a map of the code: in its lists, each line has a
// function and its file, in the order of the calls. doc_test.go checks that each function is in its file.
//
// # Packages
//
// The packages below proxy do not know it; arrows between them go one way.
//
//	capability   the capabilities that clients are told of
//	certificate  the self-signed certificate of a gateway that has no other
//	counters     what sessions count, for the log and the metrics
//	delivery     repairs a message, sends it, and finds out what became of it
//	guard        refuses and slows down clients that guess passwords or take too much
//	mailbox      what the client knows of its selected mailbox, and proves that it still holds
//	names        maps mailbox names between the client and Exchange
//	quarantine   keeps originals of changed messages, and remembers messages that Exchange took for commands
//	replies      changes what Exchange replies, and writes replies of the gateway
//	routing      decides which upstream a login goes to, and as whom
//	slots        limits the connections to an upstream, and queues the sessions that wait for one
//	spool        holds an uploaded message, in memory or in a file, charged to budgets
//	testkit      helpers for tests
//	users        the users file: callers, and the mailboxes that each may open
//	watchfile    notices that a file has changed
//
// # The path of a connection
//
//	Server.Serve          server.go    accepts a client, and starts a goroutine for it
//	Server.serve          server.go    counts the client's address, and recovers a panic
//	conn.serve            conn.go      owns both sockets until close
//	conn.run              conn.go      sends the greeting after the handshake, then calls next in a loop
//	conn.handshake        starttls.go  TLS, on a port for TLS
//	conn.next             conn.go      reads the first line of a command
//	conn.waitForClient    conn.go      waits for the client, and handles what happens upstream
//	conn.dispatch         conn.go      parses the line
//	conn.beforeLogin      login.go     handles every command before the login
//	conn.laneOf           conn.go      finds the lane, in the routing table of router.go
//	conn.relayDirect      direct.go    direct lane: the bytes go upstream
//	conn.relayAmended     amend.go     amended lane: an editor changes the command, then relayDirect
//	conn.takeAppend       append.go    own lane: APPEND
//	conn.proxyAuth        proxyauth.go own lane: PROXYAUTH
//	conn.refuse           conn.go      BAD
//	conn.close            conn.go      ends the goroutines, and logs the end
//
// # The path of LOGIN and AUTHENTICATE
//
//	conn.beforeLogin      login.go
//	conn.logIn            login.go     refuses a password in plain text
//	conn.canonicalLogin   login.go     reads the arguments, and writes them as the library's parser takes them
//	conn.fire             own.go       hands a shot to the own lane, and waits
//	newLaneSession        session.go   called by the library
//	laneSession.Login     session.go   called by the library; or laneSession.Authenticate
//	conn.open             login.go
//	conn.guardLogin       guesses.go   slows or refuses guessing
//	conn.openBounded      login.go
//	conn.grant            grant.go     settles identity, upstream and credential
//	conn.takeSeat         seat.go      waits for a slot of the upstream
//	conn.openUpstream     login.go     logs in at Exchange, by package backend
//	settings.newLogin     settings.go  profile, mapping of names, account
//	link.open             link.go      the connection becomes the session's
//	shot.reply            own.go       gives the client the tagged reply
//
// # The path of APPEND
//
//	conn.takeAppend       append.go
//	conn.readAppend       append.go    the arguments
//	conn.upstreamMailbox  names.go     the mailbox's name in Exchange
//	conn.readLiteral      conn.go      the message, into the spool
//	conn.endOfAppend      append.go
//	conn.awaitFlight      direct.go    waits until no command is in flight
//	conn.ready            resume.go    resumes a lost session, renews a worn connection
//	conn.fire             own.go
//	laneSession.Append    sends.go     called by the library
//	Sender.Append         delivery/send.go      flags, date, repairs
//	Sender.deliver        delivery/escalate.go  sends, and repairs further what Exchange refuses
//	Sender.sendMessage    delivery/send.go      paces and sends
//	Sender.settle         delivery/settle.go    after a lost reply: looks for the message
//	sending.Do            sends.go     a request of the sender goes upstream
//	shot.reply            own.go
//
// APPEND takes the direct lane in mode: observe, and if neither a fix nor a filter concerns it (conn.laneOf).
//
// # The path of LIST
//
//	conn.relayAmended     amend.go
//	editListNames         amend_list.go
//	conn.folderList       names.go     the account's list of folders
//	conn.askUpstream      names.go     reads the list, if the account has none
//	conn.sendAmended      amend.go
//	conn.relayDirect      direct.go
//	conn.admit            direct.go    waits for the pipeline, the pace and the upstream
//	link.launch           flight.go    puts the command in flight
//	conn.sendLine         direct.go
//	relay.Take            relay.go     gets the replies, on the reader's goroutine
//	relay.begin           relay.go
//	link.editorOf         flight.go    finds the editor of the command
//	Listing.Edit          replies/listing.go
//	conn.completed        relay.go     the tagged reply
//	link.land             flight.go    takes the command out of flight, and wakes serve
//
// # The path of a lost upstream
//
//	relay.End             relay.go     on the reader's goroutine
//	link.end              link.go      notes the cause
//	bell.alarm            bell.go      wakes serve, from conn.waitForClient or conn.await
//	conn.attend           resume.go    resumes at once if commands are in flight
//	conn.ready            resume.go    else: before the next command
//	conn.resume           resume.go
//	conn.answerLost       resume.go    NO to commands that cannot be repeated
//	conn.reestablish      reconnect.go
//	conn.reconnect        reconnect.go logs in again, with jitter and pauses
//	conn.bring            reconnect.go opens the mailbox, and proves its numbering
//	conn.takeOver         reconnect.go
//	link.replace          link.go      the new connection becomes the session's
//	conn.sendAgain        repeat.go    sends the commands in flight once more
//
// conn.renewIfDue (reconnect.go) goes the same way from conn.reestablish on, to leave a connection whose errors
// Exchange has nearly counted to ten.
//
// # Why go-imap's server is in the path of LOGIN and APPEND
//
// A login needs SASL and typed errors, and APPEND is answered by the gateway. The own lane leaves both to go-imap's
// imapserver, which calls the methods in session.go and sends.go. It gets one command at a time, complete and in
// canonical form, by a connection that exists for that command only: see docs/design.md#one-shot-lane. The library
// is not in the path of other commands. Its parser refuses or changes what Exchange accepts, and its deadlines and
// limits do not fit: docs/design.md#go-imap-server has the measurements.
//
// # Goroutines, and who ends them
//
//	Server.watch          one; looks at routes_file and users_file. Server.Close waits for it.
//	conn.serve            one per client; reads the client, runs commands. Server.Close waits for it.
//	backend.Conn.read     one per upstream connection; calls relay. Whoever closes the connection waits for it:
//	                      conn.close, conn.giveAway, conn.takeOver, side.close.
//	conn.aside            one, while a session is resumed or exgate asks Exchange something. conn.aside waits for it.
//	ownLane.serve         one; the library's accept loop. ownLane.Close waits for it.
//	(the library)         one per shot; calls laneSession. conn.fire waits until it closes the shot.
//	Server.Drain          one, while the gateway drains. Server.Drain waits for it.
//
// Functions that timers and contexts call (conn.watchEnds, conn.patiently, conn.waitFor) only cancel a context or wake
// serve. An idle session has two goroutines: conn.serve and backend.Conn.read.
//
// # Who may write where
//
//   - To the client: the holder of clientWriter.mu, for whole responses. The relay holds it from the first byte of a
//     response to the last, so that nothing is ever written inside a literal. The others that write are conn.serve,
//     the library's goroutine during a shot, and conn.takeOver.
//   - To the upstream: conn.serve, or the library's goroutine or that of conn.aside while conn.serve waits for it.
//   - To the account's side connection (side.go): the holder of side.turn.
//
// # Locks
//
//	link.mu           the upstream link, commands in flight, deadlines of the client's socket. It is locked in link.go,
//	                  flight.go and bell.go only, and never held while something is written to a socket.
//	clientWriter.mu   writing to the client (writer.go)
//	waiting.mu        the text of the keep-alive (waiting.go)
//	repairs           the counts of reply fixes (tally.go)
//	Tracer.mu         the wire trace, and the tags that it has shown (trace.go)
//	Server.mu         live sessions, and the pools of slots (server.go)
//	openSessions.mu   sessions that are logged in (watch.go)
//	accounts.mu       accounts with sessions (accounts.go)
//
// A goroutine that holds Server.mu, openSessions.mu or clientWriter.mu may lock link.mu. A goroutine that holds
// link.mu locks none of these but repairs, when command.finish counts a fix.
package proxy
