package proxy

import (
	"strings"

	"exgate/backend/wire"
)

// command is one command of the client's.
type command struct {
	tag   string
	verb  string // upper case, with UID
	args  string // what follows the verb on the first line, less a literal's announcement
	route *route // nil for an unknown verb

	bodies   bool      // a FETCH that asks for messages
	examined *examined // observe: the APPENDed message, as it passes by

	// What follows is of a direct command in flight, guarded by conn.mu.
	asks    bool // it awaits a "+"
	swallow bool // that "+" answers a literal of our making, and is not the client's
	mid     bool // bytes of a literal are on their way
	granted bool // the "+" has come
	done    bool // the tagged reply has come
	counted bool // a message that it brought has been counted
	opens   view // what SELECT opens
	status  wire.Status
}

func (cmd *command) effect() effect {
	if cmd.route == nil {
		return keepsView
	}
	return cmd.route.effect
}

// asksForBodies tells whether the items of a FETCH ask for messages, not only
// for their headers and flags. A piece after the first of one that is fetched
// piece by piece, as Thunderbird does, is no message more.
func asksForBodies(args string) bool {
	args = strings.ToUpper(args)
	for _, item := range []string{"BODY[]", "BODY.PEEK[]", "BODY[TEXT]", "BODY.PEEK[TEXT]", "BINARY[]", "BINARY.PEEK[]"} {
		if _, after, ok := strings.Cut(args, item); ok && (!strings.HasPrefix(after, "<") || strings.HasPrefix(after, "<0.")) {
			return true
		}
	}
	for item := range strings.FieldsFuncSeq(args, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		switch item {
		case "RFC822", "RFC822.PEEK", "RFC822.TEXT":
			return true
		}
	}
	return false
}

// opened reads what a SELECT or EXAMINE opens.
func opened(args *wire.Args, verb string) view {
	args.Space()
	name, ok := args.String()
	if !ok {
		return view{}
	}
	return view{mailbox: name, readWrite: verb == "SELECT"}
}
