package amend

import (
	"slices"
	"strings"

	"exgate/backend"
)

// Commands of extensions that an Exchange has not announced are answered here. Exchange
// would answer BAD too, and count each as one of the ten errors after which it closes the
// connection (docs/exchange.md#ten-errors).

// extensionOf has the capabilities of which one announces the verb. One that ends in "="
// stands for all that begin so.
var extensionOf = map[string][]string{
	"SORT": {"SORT"}, "UID SORT": {"SORT"}, // RFC 5256
	"THREAD": {"THREAD="}, "UID THREAD": {"THREAD="}, // RFC 5256
	"GETQUOTA": {"QUOTA"}, "GETQUOTAROOT": {"QUOTA"}, "SETQUOTA": {"QUOTA", "QUOTASET"}, // RFC 9208
	"GETACL": {"ACL"}, "LISTRIGHTS": {"ACL"}, "MYRIGHTS": {"ACL"}, "SETACL": {"ACL"}, "DELETEACL": {"ACL"}, // RFC 4314
	"GETMETADATA": {"METADATA", "METADATA-SERVER"}, "SETMETADATA": {"METADATA", "METADATA-SERVER"}, // RFC 5464
	"GETANNOTATION": {"ANNOTATEMORE"}, "SETANNOTATION": {"ANNOTATEMORE"}, // a draft of RFC 5464
	"ESEARCH":      {"MULTISEARCH"},                         // RFC 7377
	"NOTIFY":       {"NOTIFY"},                              // RFC 5465
	"CANCELUPDATE": {"CONTEXT="},                            // RFC 5267
	"LANGUAGE":     {"LANGUAGE"},                            // RFC 5255
	"COMPARATOR":   {"I18NLEVEL=2"},                         // RFC 5255
	"RLIST":        {"MAILBOX-REFERRALS"},                   // RFC 2193
	"RLSUB":        {"MAILBOX-REFERRALS"},                   // RFC 2193
	"CONVERT":      {"CONVERT"}, "UID CONVERT": {"CONVERT"}, // RFC 5259
	"CONVERSIONS":   {"CONVERT"},    // RFC 5259
	"GETJMAPACCESS": {"JMAPACCESS"}, // RFC 9698
}

// Extension returns the edits of a command of an extension, which has the edits inner if
// the upstream announces it.
func Extension(inner Edits) Edits {
	return Edits{
		args: func(cmd *Command) (done bool, err error) {
			if cmd.lacks(extensionOf[cmd.Verb]...) {
				return false, cmd.refuseForeign(cmd.Verb)
			}
			if inner.AreWanted(&cmd.Login) {
				return inner.args(cmd)
			}
			return false, nil
		},
		names: inner.names, Named: inner.Named, fixes: append(slices.Clone(inner.fixes), backend.FixRefusals),
	}
}

// lacks reports whether exgate answers in place of an upstream that announces none of the
// capabilities. An upstream that has announced nothing at all is asked.
func (cmd *Command) lacks(capabilities ...string) bool {
	l := &cmd.Login
	return cmd.hasFix(backend.FixRefusals) && len(l.Capabilities) > 0 && !slices.ContainsFunc(capabilities, l.announces)
}

// announces reports whether the upstream has a capability, or one that begins with it if it
// ends in "=".
func (l *Login) announces(capability string) bool {
	if !strings.HasSuffix(capability, "=") {
		return l.has(capability)
	}
	return slices.ContainsFunc(l.Capabilities, func(c string) bool {
		return len(c) > len(capability) && strings.EqualFold(c[:len(capability)], capability)
	})
}

// refuseForeign returns the refusal of a command, or of a part of one, that Exchange does
// not know.
func (cmd *Command) refuseForeign(what string) error {
	cmd.Session.Repaired("refusals")
	return refuse("BAD Exchange does not know %s, and would count it as an error", what)
}

// foreign is a word of a command, or the beginning of one, that Exchange does not know
// unless it announces the capability.
type foreign struct{ word, capability string }

// statusItems are items of STATUS of extensions. Thunderbird and others ask for SIZE and
// HIGHESTMODSEQ.
var statusItems = []foreign{
	{"HIGHESTMODSEQ", "CONDSTORE"}, // RFC 7162
	{"SIZE", "STATUS=SIZE"},        // RFC 8438
	{"DELETED", "IMAP4rev2"},       // RFC 9051 section 6.3.11; also DELETED-STORAGE of RFC 9208
	{"MAILBOXID", "OBJECTID"},      // RFC 8474
	{"APPENDLIMIT", "APPENDLIMIT"}, // RFC 7889
}

// isForeign reports whether the word is of the list, and the upstream does not announce it.
func (cmd *Command) isForeign(list []foreign, word string) bool {
	return slices.ContainsFunc(list, func(f foreign) bool {
		return len(word) >= len(f.word) && strings.EqualFold(word[:len(f.word)], f.word) && cmd.lacks(f.capability)
	})
}

// Status has the edits of STATUS.
var Status = Edits{
	args: editStatus, names: mappedNames, Named: firstName, fixes: []backend.ReplyFix{backend.FixRefusals},
}

// editStatus removes the items that Exchange does not know: the client gets the others.
func editStatus(cmd *Command) (done bool, err error) {
	if err := cmd.readMailbox(); err != nil {
		return false, err
	}
	cmd.args.Space()
	from := cmd.here()
	items, ok := cmd.args.List()
	if !ok || items == nil {
		return false, nil // not understood here: Exchange judges it
	}
	keep := cmd.knownItems(items)
	switch {
	case len(items) > 0 && len(keep) == 0:
		return false, cmd.refuseForeign(strings.Join(items, " "))
	case len(keep) < len(items):
		cmd.Session.Repaired("refusals")
		cmd.replace(from, "("+strings.Join(keep, " ")+")")
	}
	return false, nil
}

// knownItems returns the items of STATUS that Exchange knows.
func (cmd *Command) knownItems(items []string) []string {
	return slices.DeleteFunc(slices.Clone(items), func(item string) bool { return cmd.isForeign(statusItems, item) })
}

// readMailbox reads the name of a mailbox as the first argument, and maps it if the login
// maps names.
func (cmd *Command) readMailbox() error {
	if cmd.Login.hasNames() {
		_, err := editFirstName(cmd)
		return err
	}
	cmd.args.Space()
	if _, ok := cmd.args.String(); !ok {
		return errNoMailbox(cmd.Verb)
	}
	return nil
}

// Select has the edits of SELECT and EXAMINE.
var Select = Edits{
	args: editSelect, names: mappedNames, Named: firstName, fixes: []backend.ReplyFix{backend.FixRefusals},
}

// editSelect removes the parameter CONDSTORE (RFC 7162 section 3.1.8), which asks only that
// the server tell more than otherwise. Other parameters are refused here.
func editSelect(cmd *Command) (done bool, err error) {
	if err := cmd.readMailbox(); err != nil || cmd.args.IsEmpty() {
		return false, err
	}
	from := cmd.here()
	cmd.args.Space()
	if cmd.args.Peek() != '(' || !cmd.lacks("CONDSTORE", "QRESYNC") {
		return false, nil
	}
	params, ok := cmd.args.List()
	for _, param := range params {
		if !strings.EqualFold(param, "CONDSTORE") {
			return false, cmd.refuseForeign(param)
		}
	}
	if !ok {
		return false, cmd.refuseForeign("these parameters")
	}
	cmd.Session.Repaired("refusals")
	cmd.replace(from, "")
	return false, nil
}
