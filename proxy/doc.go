// Package proxy is the gateway: it stands between IMAP clients and an Exchange
// server.
//
// # The path of one connection
//
//	Server.Serve     accepts a client, and starts a goroutine for it
//	conn.serve       owns both sockets; TLS, greeting
//	conn.next        reads one line
//	conn.route       looks the command up in the table of router.go
//	  conn.beforeLogin   what a client may say without a login; LOGIN and
//	                     AUTHENTICATE go to the own lane (login.go)
//	  conn.direct        relays the command's bytes upstream (direct.go)
//	  conn.amended       reads the arguments, has the editor of the command's
//	                     row change them, then direct (amend*.go); a command
//	                     whose editor is not wanted is direct
//	  conn.append        takes the message into the spool, then to the own
//	                     lane (append.go, session_append.go); what Exchange
//	                     refuses is repaired further (escalate.go), and kept
//	                     where it loses something (quarantine.go)
//	  conn.refuse        answers what no mode relays
//
// The own lane (own.go) is go-imap's imapserver, fed one command at a time
// through a net.Conn of ours; session.go has the methods it calls. Nothing of
// it exists while a client idles. What the upstream says is brought to the
// client by relay (relay.go), through the editor that an amended command may
// have for its replies.
//
// Names of mailboxes are the client's on its side and Exchange's on the other:
// backend/folders maps them, names.go knows what an account has, and the view
// keeps both.
//
// # Goroutines
//
//	            ┌──────────── conn.serve ─────────────┐
//	client ────▶│ next ─▶ direct ─────────────────────┼────▶ upstream
//	            │   └───▶ fire ─▶ shot ┐              │
//	            └──────────────────────┼──────────────┘
//	                                   ▼
//	                    imapserver, for one command: session.Append …
//	                                   │ backend.Conn.Do
//	client ◀── clientWriter ◀─┬────────┘
//	                          └─ relay ◀── backend.Conn.read ◀── upstream
//
// An idle session has two: conn.serve, which reads the client, and the
// upstream connection's reader (backend.Conn.read), which calls relay. During
// an owned command there is a third, the library's: it speaks to the upstream
// while conn.serve is parked in await, which watches the client and wakes when
// the command is done. While the session is resumed there is a third too, of
// conn.aside, which is awaited in the same way. conn.close waits for all of
// them.
//
// # A lost upstream
//
//	relay.End          notes the end, and wakes conn.serve
//	conn.attend        with commands in flight: resumes the session at once
//	conn.ready         else: before the next command is sent
//	  conn.resume        logs in again, opens the mailbox, proves its numbering,
//	                     and sends again what may be repeated (resume.go)
//
// A new connection's relay keeps books of its own until conn.takeOver makes it
// the session's; before that, and once another has taken over, nothing of it
// reaches the client. conn.renewIfDue uses the same way to leave a connection
// whose errors Exchange has nearly counted to ten.
//
// # Who may write where
//
//   - To the client: whoever has the turn of clientWriter, for one whole response. The
//     relay keeps it from the first byte of a response to the last, so that
//     nothing else ever stands inside a literal.
//   - To the upstream: conn.serve, or the own lane while conn.serve is parked.
//   - What both sides know (commands in flight, the view of the mailbox, the
//     end of the upstream) is guarded by conn.mu, which is never held while
//     writing to a socket.
package proxy
