package proxy

import (
	"strings"

	"exgate/backend/wire"
	"exgate/proxy/amend"
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

	amend.Handling       // of its replies, by the amended lane
	c              *conn // its session, once it has an editor

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

// notYet is replies.NotYetWord.
func (cmd *command) notYet() string { return replies.NotYetWord(cmd.verb) }

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
