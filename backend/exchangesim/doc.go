// Package exchangesim is a simulated Microsoft Exchange IMAP4 service. It greets, answers,
// refuses and stores like the real service in logs and documents, so that clients and
// gateways can be tested without one.
//
// Everything here is written by hand from the command line down, over a small
// store in memory, and shares no code with the gateway: a bug of one side
// cannot hide on the other. Of go-imap it uses only the helpers that take a
// message apart (ENVELOPE, BODYSTRUCTURE, BODY[...]): its server would choose
// the words, the errors and the framing, which are what is simulated here.
//
// # The life of a connection
//
//	Server.Serve → conn.serve → conn.next → the handler in commands.go
//
// One goroutine per connection reads, runs and answers one command after the
// other, and is the only one to write; while it reads in IDLE, a second one
// writes what changed in the mailbox, and has ended before the first goes on.
// Server.Close ends and awaits all of them. The store has one lock, never held
// while something is written to a socket.
//
// # Where to find what
//
// The texts and numbers of each version are one table in profiles.go, the ways
// in which Exchange differs from the RFCs are listed with id and source in
// quirks.go, and the accidents that a test may order are in faults.go. Texts
// marked "inferred" there were not found in any log.
//
// A fault is a row in faults.go and a call of conn.strike where it strikes:
// fault_strike.go has those in the place of a command, fault_cut.go those
// amid one, fault_waiting.go those between two, fault_throttle.go the rules by
// which an account is throttled and intruder.go what other clients do.
// fault_random.go draws them for one command by seed.
package exchangesim
