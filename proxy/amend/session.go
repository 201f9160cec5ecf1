package amend

import (
	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// Session is what an editor needs of the session, for one command of the client. Most editors only count what they
// have repaired. The others carry out the command by several requests.
type Session interface {
	// Repaired counts the use of a reply fix. Any goroutine may call it.
	Repaired(fix string)
	// Mailbox returns what the client has been told of its selected mailbox.
	Mailbox() Mailbox
	// Say writes a line to the client.
	Say(format string, args ...any) error
	// Send sends the client's command with these pieces, and waits until the tagged reply to it has come. It may be
	// called several times: the command is then carried out in parts. The status is empty if the connection was lost,
	// so that the client has its answer.
	Send(pieces []Piece, how Handling) (Reply, error)
	// Ask sends a request of exgate's own, with no command in flight, and returns the reply. A client that has to wait
	// is told the reason.
	Ask(reason string, request func() *backend.Request) (wire.Status, error)
	// Read is Ask for a request that only reads: it is sent again if the connection is lost before the reply.
	Read(reason string, request func() *backend.Request) (wire.Status, error)
	// Lost returns the answer to the command, for the error of Ask or Read.
	Lost(err error) error
	// Asks reports whether the command waits for a continuation request. The session's lock is held.
	Asks() bool
}

// Mailbox is what the client has been told of its selected mailbox.
type Mailbox struct {
	mailbox.View
	Highest  uint32 // the number of messages; 0 if no mailbox is selected, or not for certain
	Expunged int    // messages that were expunged in the session
}

// Handling says what becomes of the replies to a command.
type Handling struct {
	Mailbox string                      // its mailbox, by the client's name
	Editor  replies.Editor              // changes its untagged replies; nil: none is changed
	Landed  func(wire.Status)           // called after the tagged reply, with the session's lock held; may be nil
	Finish  func(Reply) replies.Verdict // decides on the tagged reply, before Landed; may be nil
}

// Reply is the tagged reply to a command.
type Reply struct {
	Status wire.Status
	Sent   int // messages that had been expunged in the session when the command was sent
	Now    int // and those when the reply came
}

// onOK returns a Handling.Landed that calls do if the reply is OK.
func onOK(do func()) func(wire.Status) {
	return func(s wire.Status) {
		if s.Word == "OK" {
			do()
		}
	}
}

// endsSession is an error that ends the session: the command gets no other answer.
type endsSession interface{ EndsSession() }
