package proxy

import (
	"strings"

	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// command is one command of the client's.
type command struct {
	tag  string
	verb string // upper case, with UID
	args string // what follows the verb on the first line, less a literal's announcement
	rule *rule  // nil for an unknown verb

	bodies   bool               // a FETCH that asks for messages
	examined *delivery.Examined // observe: the APPENDed message, as it passes by

	// What the amended lane knows of it.
	mailbox string                            // the one that it is about, as the client named it
	editor  replies.Editor                    // of what it is answered; nil: nothing is changed
	landed  func(wire.Status)                 // called when its tagged reply has come, with link.mu held; may be nil
	finish  func(wire.Status) replies.Verdict // called before, to decide on that reply; may be nil

	flight flight // what has become of it upstream; guarded by link.mu
}

// name is the command's verb for logs and replies; of an unknown one, which may
// be part of a password, it is not told.
func (cmd *command) name() string {
	if cmd.rule == nil {
		return "an unknown command"
	}
	return cmd.verb
}

func (cmd *command) effect() effect {
	if cmd.rule == nil {
		return keepsView
	}
	return cmd.rule.effect
}

// isRepeatable tells whether the command may be sent again to an upstream that may
// have run it already.
func (cmd *command) isRepeatable() bool {
	return cmd.rule != nil && cmd.rule.repeats && cmd.flight.isKept() &&
		// A second STORE would fail by the first one's change (RFC 7162).
		!strings.Contains(strings.ToUpper(cmd.args), "UNCHANGEDSINCE")
}

// asksForBodies tells whether the items of a FETCH ask for messages, not only
// for their headers and flags. A piece after the first of one that is fetched
// piece by piece, as Thunderbird does, is no message more.
func hasBodyItem(args string) bool {
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

// opening reads what a SELECT or EXAMINE opens.
func openedView(args *wire.Args, verb string) mailbox.View {
	args.Space()
	name, ok := args.String()
	if !ok {
		return mailbox.View{}
	}
	return mailbox.View{Mailbox: name, ReadWrite: verb == "SELECT"}
}

// binding tells why a session in which the command has been used cannot go on
// with another upstream connection: what it set up there, and what the client
// would miss, is not known here. "" if nothing speaks against it.
func pinReason(verb, args string) string {
	args = strings.ToUpper(args)
	has := func(words ...string) string {
		for _, word := range words {
			if strings.Contains(args, word) {
				return verb + " " + word
			}
		}
		return ""
	}
	switch verb {
	case "NOTIFY", "LANGUAGE", "COMPARATOR":
		return verb
	case "ENABLE", "SELECT", "EXAMINE": // RFC 7162
		return has("CONDSTORE", "QRESYNC")
	case "SEARCH", "UID SEARCH", "SORT", "UID SORT", "THREAD", "UID THREAD": // RFC 5182, RFC 5267
		return has("(SAVE", "SAVE)", "(UPDATE", "UPDATE)", "(CONTEXT", "CONTEXT)")
	}
	return ""
}
