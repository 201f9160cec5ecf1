// Package backend is the side of the gateway that knows Exchange.
//
// # The path of a login
//
//	LoginOptions.Resolve  what a client's name means: an Identity (names.go)
//	Upstream.Credential   what proves it: the client's password or token, or
//	                      what the gateway holds (credential.go, held.go)
//	Upstream.Open         dials, and logs in by the forms that suit this
//	                      Exchange, within the bound on failures (login.go)
//	  Dialer.Dial           TCP, TLS, greeting (dial.go, tlsconfig.go)
//	  forms                 how a name is written for Exchange (forms.go); the
//	                        one that worked is remembered (remembered.go)
//	  OAuth2                tokens, where those are wanted (oauth*.go,
//	                        token_store.go)
//	Conn                  the connection: one reader for what comes, Do for
//	                      requests of exgate's own, Write for what is relayed
//	                      (conn.go, call.go, request.go)
//
// Probe makes the same way once and tells all that it shows, for exgate check.
//
// # What Exchange says, and what it takes
//
// Classify tells what a reply of Exchange's means (failure.go): its kind
// decides what the client reads, what the log records and whether anything is
// tried again. Package knowledge has the long answers. Detect tells the
// versions apart. Replies name the repairs of what Exchange answers, which
// package proxy makes.
//
// An Account is what the sessions of one mailbox share: its Throttle, for as
// long as Exchange asks for, and its Paces (pace.go; flow.go for bytes).
//
// Package wire, used by the client's side too, frames; package folders maps
// names of mailboxes; package exchangesim is a simulated Exchange, which shares
// no code with any of this.
package backend
