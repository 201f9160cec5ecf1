package exchangesim

import (
	"strings"
)

// status is the tagged reply to a command, and for the log the reason.
type status struct {
	kind  string // OK, NO or BAD
	text  string
	why   string
	close bool         // BYE Connection closed. 14 follows at once
	bye   bool         // the connection ends, BYE has been said
	then  func() error // what has to wait until the reply is sent
}

func completed(command string) status { return status{kind: "OK", text: command + " completed."} }

// The refusals of Exchange; docs/exchange.md#errors is their source.

func badCommand(why string) status {
	return status{kind: "BAD", text: "Command Error. 10", why: why}
}

func badArgument(why string) status {
	return status{kind: "BAD", text: "Command Argument Error. 11", why: why}
}

func badState(why string) status {
	return status{kind: "BAD", text: "Command received in Invalid state.", why: why}
}

func badMessageSet(why string) status {
	return status{kind: "BAD", text: "The specified message set is invalid.", why: why}
}

func notConnected() status {
	return status{kind: "BAD", text: "User is authenticated but not connected.", why: "quirk EX-03: the mailbox " +
		"could not be opened"}
}

// noMailbox is seen for SELECT (RainLoop/rainloop-webmail#1777) and inferred
// for the rest.
func noMailbox(name string) status {
	return status{kind: "NO", text: printable(name) + " doesn't exist.", why: "no such mailbox"}
}

// lacks reports whether name is an INBOX that does not open (quirk EX-81).
func (c *conn) lacks(name string) bool {
	return c.srv.quirks[quirkInboxMissing] && strings.EqualFold(name, "INBOX")
}

// printable is what can be repeated of a client's word: a line end in it, from
// a literal, must not become one of ours.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// tryCreate is noMailbox for APPEND, COPY and MOVE, with the code that RFC
// 3501 section 7.1 asks for. Inferred: no log of Exchange was found.
func tryCreate(name string) status {
	st := noMailbox(name)
	st.text = "[TRYCREATE] " + st.text
	return st
}

// failed is a refusal for which no log was found. Inferred.
func failed(command, why string) status {
	return status{kind: "NO", text: command + " failed.", why: why}
}
