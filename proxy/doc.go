// Package proxy is the gateway: it stands between IMAP clients and an Exchange server.
//
// docs/design.md has the decisions, docs/glossary.md the words. This page is a map of the code: in the lists of the
// paths, each line has a function and its file, in the order of the calls. doc_test.go checks that each function is in
// its file.
//
// # Packages
//
// The packages below proxy do not import it. The rules for mailbox names are in backend/folders, those for messages in
// rewrite.
//
//	amend        changes commands for Exchange: an editor for each command of the amended lane
//	audit        says what would become of mailboxes that are to be moved
//	budget       limits what is stored in a day
//	capability   the capabilities that clients are told of
//	certificate  the self-signed certificate of a gateway that has no other
//	cluster      what several gateways share through Redis or Valkey
//	control      the socket by which an operator looks at the gateway and steers it
//	counters     what sessions count, for the log and the metrics
//	delivery     repairs a message, sends it, and finds out what became of it
//	guard        refuses and slows down clients that guess passwords or take too much
//	handover     lets another exgate take over the listening sockets
//	ledger       records in a file what became of each message
//	logqueue     writes the log and the trace, so that no session waits for them
//	mailbox      what the client knows of its selected mailbox, and the proof that it is unchanged
//	names        maps mailbox names between the client and Exchange
//	orders       the orders of the operator: whose commands wait, whose sessions are traced
//	progress     what became of the messages of each account, and the last refusals, for the operator
//	quarantine   keeps originals of changed messages, and remembers messages that Exchange took for commands
//	replies      changes what Exchange replies, and writes replies of the gateway
//	report       says what a ledger has of a migration
//	routing      decides which upstream a login goes to, and as whom
//	slots        limits the connections to an upstream, and queues the sessions that wait for one
//	source       reads the mailboxes of an IMAP account before they are moved
//	spool        holds an uploaded message, in memory or in a file, charged to budgets
//	status       the snapshot of the gateway for the operator
//	statuspage   the page that shows the snapshot in a browser
//	testkit      helpers for tests
//	trace        the wire trace: what both sides say, without secrets
//	users        the users file: callers, and the mailboxes that each may open
//	watchfile    notices that a file has changed
//	words        writes numbers for people
//
// # The path of a connection
//
//	Server.Serve          server.go    accepts a client, and starts a goroutine for it
//	Server.serve          server.go    counts the client's address, and recovers a panic
//	Server.clientBehind   proxy_protocol.go reads the client's address, where a proxy sends it
//	Server.newConn        server.go    makes the session
//	conn.enlist           server.go    ends it with the gateway
//	conn.serve            conn.go      owns both sockets until close
//	conn.run              conn.go      sends the greeting after the handshake, then calls next in a loop
//	conn.handshake        starttls.go  TLS, on a port for TLS
//	conn.next             conn.go      runs one command
//	conn.waitForClient    conn.go      waits for the client, and handles what happens upstream
//	conn.nextLine         conn.go      reads its first line
//	conn.dispatch         conn.go      parses the line
//	conn.beforeLogin      login.go     handles every command before the login
//	conn.laneOf           conn.go      finds the lane, in the table of command_table.go
//	conn.relayDirect      direct.go    direct lane: the bytes go upstream
//	conn.relayAmended     amended.go   amended lane: an editor changes the command, then relayDirect
//	conn.takeAppend       append.go    own lane: APPEND
//	conn.proxyAuth        proxyauth.go own lane: PROXYAUTH
//	conn.refuse           conn.go      BAD
//	conn.close            conn.go      ends the goroutines, and logs the end
//
// A command of the direct lane goes on from conn.relayDirect:
//
//	conn.admit            direct.go    waits for the pipeline, a pause, the pace and the upstream
//	link.launch           flight.go    puts the command in flight
//	conn.observeNames     observe.go   in mode: observe, tells what the mapping of names would have done
//	link.keepLine         flight.go    keeps the line, in case it has to be sent again
//	conn.relayLine        direct.go    for the line, and for each literal after it
//	conn.sendLine         direct.go
//	conn.toUpstream       direct.go    writes to the upstream's socket
//
// # The path of LOGIN and AUTHENTICATE
//
//	conn.dispatch         conn.go      parses the line
//	conn.beforeLogin      login.go
//	conn.logIn            login.go     refuses a password in plain text
//	conn.readLogin        login.go     reads the arguments, and writes them as the library's parser takes them
//	conn.fire             own.go       hands a shot to the own lane, and waits
//	ownLane.hand          own.go       the library takes the shot
//	newLaneSession        lane_session.go called by the library
//	laneSession.Login     lane_session.go called by the library; or laneSession.Authenticate
//	conn.open             login.go
//	conn.awaitHoldOf      holds.go     waits while the user is paused
//	conn.guardLogin       guesses.go   slows or refuses guessing
//	conn.logInUpstream    login.go
//	conn.grant            grant.go     settles identity, upstream and credential
//	conn.awaitAccount     await_forerunner.go waits for the gateway before this one, while that drains
//	conn.takeSeat         seat.go      waits for a slot of the upstream
//	conn.openUpstream     login.go     backend.Upstream.OpenAgain: LOGIN in a form that Exchange takes, STATUS INBOX
//	settings.newLogin     settings.go  profile, mapping of names, account
//	link.open             link.go      the connection becomes the session's
//	shot.Write            own.go       gets what the library replies
//	shot.reply            own.go       gives the client the tagged reply
//	conn.loginCapabilities login.go    puts the capabilities into it
//
// # The path of APPEND
//
//	conn.dispatch         conn.go      parses the line
//	conn.proveAnswers     journal.go   the client has its earlier answers: the ledger notes that
//	conn.takeAppend       append.go
//	conn.readAppend       append.go    the arguments
//	conn.upstreamMailbox  amended.go   the mailbox's name in Exchange
//	Command.UpstreamMailbox amend/mailboxes.go
//	conn.takeShare        budgets.go   the message's share of the budget of a day
//	conn.readLiteral      conn.go      the message, into the spool
//	conn.endOfAppend      append.go
//	conn.awaitFlight      direct.go    waits until no command is in flight
//	conn.awaitHold        holds.go     waits while the user is paused
//	conn.makeReady        resume.go    resumes a lost session, renews a worn connection
//	conn.fire             own.go
//	laneSession.Append    lane_session.go called by the library
//	conn.awaitTurn        await_forerunner.go waits for the gateway before this one, while that drains
//	Sender.Append         delivery/send.go records what becomes of the message
//	Sender.store          delivery/send.go flags and date; \Flagged afterwards
//	Sender.deliver        delivery/escalate.go sends, and repairs further what Exchange refuses
//	delivery.resent       delivery/resent.go asks the ledger for an earlier attempt, and looks for it in Exchange
//	delivery.attempt      delivery/escalate.go rewrite.NewPlan repairs the message
//	Sender.sendMessage    delivery/send.go
//	transfer.try          delivery/send.go paces
//	transfer.prepare      delivery/send.go
//	Sender.claimPlace     delivery/settle.go claims the place of the message in the mailbox
//	Sender.intend         delivery/record.go begins to write to the ledger that the message goes up
//	Sender.send           delivery/send.go sends
//	deliverySession.Do    delivery_session.go backend.Conn.Do sends the request and waits for the reply
//	recorded.WriteTo      delivery/record.go sends the message; its last piece waits until the ledger is on the disk
//	Sender.settle         delivery/settle.go only after a lost reply: looks for the message
//	Sender.record         delivery/record.go writes to the ledger what became of the message
//	shot.reply            own.go       and tells the ledger that the client has the answer
//
// APPEND takes the direct lane in mode: observe, and if neither a fix, a filter nor a budget of a day concerns it
// (conn.laneOf).
//
// # The path of LIST
//
//	conn.relayAmended     amended.go   reads the command whole
//	Command.Edit          amend/amend.go
//	editListNames         amend/list.go
//	Command.readListQuery amend/list.go the arguments
//	Command.folderList    amend/mailboxes.go the account's list of folders
//	amending.Read         amended.go
//	conn.readUpstream     ask.go       reads the list, if the account has none
//	conn.askUpstream      ask.go       waits out a throttle
//	conn.askOnce          ask.go       sends the request by conn.aside
//	Command.askForNames   amend/list.go writes the patterns that Exchange gets
//	conn.sendCommand      amended.go
//	conn.relayDirect      direct.go
//	conn.admit            direct.go    waits for the pipeline, a pause, the pace and the upstream
//	link.launch           flight.go    puts the command in flight
//	conn.relayLine        direct.go
//	conn.sendLine         direct.go
//	relay.Take            relay.go     gets the replies, on the goroutine of backend.Conn.read
//	relay.begin           relay_responses.go
//	link.editorOf         flight.go    finds the editor of the command
//	relay.edit            relay.go
//	Listing.Edit          replies/listing.go
//	Listing.shown         replies/listing.go folders.Pass.Told maps each name
//	relay.write           relay.go     writes to the client's socket
//	relay.WritePipe       relay.go     instead, a part of a long literal in a pipe of the kernel
//	relay.tagged          relay_responses.go the tagged reply
//	relay.completed       relay_responses.go
//	link.land             flight.go    takes the command out of flight, and wakes serve
//
// # The path of a lost upstream
//
//	relay.End             relay.go     called by backend.Conn.read, on its goroutine
//	link.end              link.go      notes the cause
//	bell.alarm            bell.go      wakes serve, from conn.waitForClient or conn.await
//	conn.attend           resume.go    resumes at once if commands are in flight
//	conn.makeReady        resume.go    else: before the next command
//	conn.byeIfOver        resume.go    ends the session with BYE if it cannot be resumed
//	conn.resume           resume.go
//	conn.answerLost       resume.go    NO to commands that cannot be repeated, BAD to APPEND
//	conn.aside            await.go     runs the lines below on a goroutine, and watches the client meanwhile
//	conn.reestablish      reconnect.go
//	conn.reconnect        reconnect.go logs in again, with jitter and pauses
//	conn.install          reconnect.go brings the new connection into the session, or closes it
//	conn.bring            reconnect.go opens the mailbox, and asks for the UIDs that prove its numbering
//	conn.takeOver         reconnect.go
//	link.switchTo         link.go      proves the numbering; the new connection becomes the session's
//	conn.sendAgain        repeat.go    sends the commands in flight once more
//	conn.sendPieces       repeat.go
//
// conn.renewIfDue (reconnect.go) joins this path at conn.reestablish. It replaces a connection that has nearly ten
// errors, after which Exchange would close it.
//
// # Why go-imap's server is in the path of LOGIN and APPEND
//
// A login needs SASL and typed errors, and APPEND is answered by the gateway. The own lane leaves both to go-imap's
// imapserver, which calls the methods in lane_session.go. It gets one command at a time, complete and in canonical
// form, by a connection that no client owns: see docs/design.md#one-shot-lane. PROXYAUTH, which the
// library does not know, comes to it as an AUTHENTICATE. The library is not in the path of other commands. Its parser
// refuses or changes what Exchange accepts, and its deadlines and limits do not fit: docs/design.md#go-imap-server has
// the measurements.
//
// # Goroutines, and who ends them
//
//	Server.watch          one; looks at routes_file and users_file, and writes the refusals that wait for
//	                      the log. Server.Close waits for it.
//	Server.recall         one, at the start; reads the history of the ledger, until it has it or the gateway
//	                      drains. Server.Close waits for it.
//	conn.serve            one per client; reads the client, runs commands. Server.Close waits for it, twice
//	                      limits.Farewell at most.
//	backend.Conn.read     one per upstream connection; calls relay. Whoever closes the connection waits for it:
//	                      conn.close, conn.giveAway, conn.takeOver, conn.install, conn.leaveUpstream, side.close,
//	                      Sender.settle, and backend.Upstream.Open if the login fails.
//	conn.aside            one, while a session is resumed or renewed, a command is sent on a fresh connection,
//	                      or exgate asks Exchange something. conn.aside waits for it.
//	ownLane.serve         one; the library's accept loop. ownLane.Close waits for it.
//	(the library)         one per laneConn; calls laneSession. conn.fire waits until it has done with the shot.
//	                      Those that wait for another APPEND end with ownLane.Close.
//	Server.reachAny       one for each upstream, during a try to reach them. reachAny waits for them.
//	Server.ended          one for Server.Drain, one for Server.Close; ends with the last session.
//	logqueue.Queue.run    one for the log, one for the trace, and one for each session that exgate trace traces.
//	                      Queue.Close ends it; conn.endTrace closes that of a session.
//	Forerunner.Follow     one, while the gateway before this one drains. forerunner.close (package main) ends it.
//	cluster.Cluster.beatOn, listen, do  where gateways share their limits, one of each and two of do, and one for each
//	                      message that Redis is told of. Cluster.Close ends them.
//
// Timers and contexts call functions, too. conn.patiently and conn.waitFor cancel a context or wake serve.
// conn.enlist also starts the timer of the farewell, which calls conn.cutOff, and that closes both sockets. The
// timer of side.within cuts the side connection. An idle session has two goroutines: conn.serve and backend.Conn.read.
//
// # Who may write where
//
//   - To the client: the holder of clientWriter's turn, for whole responses. The relay holds it from the first byte
//     of a response to the last, so that nothing is ever written inside a literal. The others that write are
//     conn.serve, the library's goroutine during a shot, and conn.takeOver.
//   - To the upstream: conn.serve, or the library's goroutine or that of conn.aside while conn.serve waits for it.
//   - To the account's side connection (side.go): the holder of side.turn.
//
// # Locks
//
//	link.mu           the upstream link, commands in flight, deadlines of the client's socket. Only methods of link lock
//	                  it. It is never held while something is written to a socket. The functions that conn gives to
//	                  conn.await and conn.awaitFlight are called with it held.
//	farewell.mu       the end of a session (farewell.go)
//	waiting.mu        what the session waits for (waiting.go)
//	tally.mu          the counters that the session has published (tally.go)
//	repairs           the counts of reply fixes (tally.go)
//	trace.Wire.mu     the wire trace
//	trace.Session.mu  the tags that a session's trace has shown, and its own file
//	progress.Board.mu what became of the messages of each account, and the last refusals
//	readiness.mu      whether an upstream could be reached; held during the try (ready.go)
//	orders.Holds.mu   the users that the operator has paused
//	orders.Traced.mu  the users that the operator traces
//	ownLane.mu        how many connections of the library wait (own.go)
//	Queue.mu          the lines that wait to be written to the log or the trace
//	slots.Pool.mu     the sessions that hold or await a slot
//	folders.List.mu   the names of an account's mailboxes
//	Known.mu          what an account knows of its mailboxes (package names)
//	Server.mu         the sessions, and the pools of slots (server.go)
//	logins.mu         the sessions that are logged in (watch.go)
//	accounts.mu       accounts with sessions (accounts.go)
//	Forerunner.adopting, then Forerunner.mu  the gateway before this one (package handover); adopting is held while
//	                  the ledger is asked
//	backend.Accounts.mu, Guesses.mu, Proofs.mu (package guard), Poisons.mu, Remembered.mu, Books.mu, keeper.mu,
//	                  Cluster.mu, members.mu, chores.mu, meter.mu, local.mu, appends.mu,
//	                  lease.mu (package cluster)  never held while
//	                  Redis is asked
//
// A goroutine that holds Server.mu, logins.mu, clientWriter's turn or slots.Pool.mu may lock link.mu: Pool asks a
// session whether it idles. A goroutine that holds link.mu may lock folders.List.mu and Known.mu, when a command has
// landed, orders.Holds.mu, repairs, when command.Finish counts a fix, and backend.Conn.mu (Err, Expect), whose holder
// calls nothing of link. It locks no other of the list. Listing.Edit locks folders.List.mu under clientWriter's turn.
// A lock that is not in the list is a leaf: its holder locks nothing else.
package proxy
