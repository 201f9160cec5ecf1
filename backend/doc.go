// Package backend is the side of the gateway that knows Exchange.
//
// # The path of a login
//
//	LoginOptions.Resolve  decides what a client's name means: an Identity (names.go)
//	Upstream.Credential   returns what proves the login: the client's password or
//	                      token, or the gateway's credential (credential.go, held.go)
//	Upstream.Open         dials, and logs in by the forms that suit this Exchange,
//	                      within the limit on failures (login.go)
//	  Dialer.Dial           TCP, TLS, greeting (dial.go, tlsconfig.go)
//	  forms                 how a name is written for Exchange (forms.go); the
//	                        one that worked is remembered (remembered.go)
//	  OAuth2                tokens, where those are wanted (oauth*.go,
//	                        token_store.go)
//	Conn                  the connection: one reader for what comes, Do for
//	                      requests of exgate's own, Write for what is relayed
//	                      (conn.go, call.go, request.go)
//
// Probe takes the same path once and reports everything that it finds, for exgate
// check.
//
// # Exchange's replies and limits
//
// Classify returns the meaning of a reply of Exchange (failure.go). Its kind decides
// what the client reads, what the log records, and whether the command is repeated.
// Package knowledge has the long explanations. Detect finds the version of Exchange.
// Replies lists the repairs of Exchange's replies, which package proxy makes.
//
// An Account is the state that the sessions of one mailbox share: its Throttle, which
// waits out a back-off, and its Paces (pace.go; flow.go for bytes).
//
// Package wire reads and frames IMAP, also for the client's side. Package folders maps
// names of mailboxes. Package exchangesim is a simulated Exchange, which shares no code
// with the other packages.
package backend
