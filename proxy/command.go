package proxy

import (
	"strings"

	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// command is one command from the client.
type command struct {
	tag  string
	verb string // upper case, with UID
	args string // rest of the first line after the verb, without "{n}" at its end
	rule *rule  // the verb's row of the command table; nil for an unknown verb

	bodies   bool               // it is a FETCH of whole messages
	examined *delivery.Examined // copy of an APPENDed message, for mode: observe; else nil

	// Set by the amended lane.
	mailbox string                            // its mailbox, by the client's name
	editor  replies.Editor                    // changes its untagged replies; nil: none is changed
	landed  func(wire.Status)                 // called after the tagged reply, with link.mu held; may be nil
	finish  func(wire.Status) replies.Verdict // decides on the tagged reply, before landed; may be nil

	flight flight // its progress upstream; guarded by link.mu
}

// name returns the command's verb for logs and replies. It does not return an
// unknown verb, which may be part of a password.
func (cmd *command) name() string {
	if cmd.rule == nil {
		return "an unknown command"
	}
	return cmd.verb
}

// notYet returns the status word of a command that has failed for a time, for no fault of its own:
// BAD for APPEND (replies.NotYet).
func (cmd *command) notYet() string {
	if cmd.verb == "APPEND" {
		return "BAD"
	}
	return "NO"
}

func (cmd *command) effect() effect {
	if cmd.rule == nil {
		return keepsView
	}
	return cmd.rule.effect
}

// isRepeatable reports whether the command may be sent again although the
// upstream may have run it already.
func (cmd *command) isRepeatable() bool {
	return cmd.rule != nil && cmd.rule.repeats && cmd.flight.text.canBeRepeated() &&
		// A second STORE would fail because of the change that the first one made (RFC 7162).
		!strings.Contains(strings.ToUpper(cmd.args), "UNCHANGEDSINCE")
}

// hasBodyItem reports whether a FETCH asks for whole messages. Thunderbird
// fetches a long message piece by piece: only the first piece counts.
func hasBodyItem(args string) bool {
	args = strings.ToUpper(args)
	for _, item := range []string{"BODY[]", "BODY.PEEK[]", "BODY[TEXT]", "BODY.PEEK[TEXT]", "BINARY[]",
		"BINARY.PEEK[]"} {
		_, after, ok := strings.Cut(args, item)
		if isPiece := strings.HasPrefix(after, "<"); ok && (!isPiece || strings.HasPrefix(after, "<0.")) {
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

// openedView returns the mailbox that a SELECT or EXAMINE opens.
func openedView(args *wire.Args, verb string) mailbox.View {
	args.Space()
	name, ok := args.String()
	if !ok {
		return mailbox.View{}
	}
	return mailbox.View{Mailbox: name, ReadWrite: verb == "SELECT"}
}

// pinReason returns the command if it pins the session to its connection: the
// command sets up state in the server that exgate does not know and could not
// restore on another connection. It returns "" for other commands.
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
