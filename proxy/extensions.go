package proxy

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

// extension returns the edits of a command of an extension, which has the edits inner if
// the upstream announces it.
func extension(inner edits) edits {
	return edits{
		args: func(a *amendment) (done bool, err error) {
			if a.lacks(extensionOf[a.cmd.verb]...) {
				return false, a.refuseForeign(a.cmd.verb)
			}
			if inner.isWanted(a.c.login) {
				return inner.args(a)
			}
			return false, nil
		},
		names: inner.names, named: inner.named, fixes: append(slices.Clone(inner.fixes), backend.FixRefusals),
	}
}

// lacks reports whether exgate answers in place of an upstream that announces none of the
// capabilities. An upstream that has announced nothing at all is asked.
func (a *amendment) lacks(capabilities ...string) bool {
	l := a.c.login
	return a.hasFix(backend.FixRefusals) && len(l.caps) > 0 && !slices.ContainsFunc(capabilities, l.announces)
}

// announces reports whether the upstream has a capability, or one that begins with it if it
// ends in "=".
func (l *login) announces(capability string) bool {
	if !strings.HasSuffix(capability, "=") {
		return l.has(capability)
	}
	return slices.ContainsFunc(l.caps, func(c string) bool {
		return len(c) > len(capability) && strings.EqualFold(c[:len(capability)], capability)
	})
}

// refuseForeign returns the refusal of a command, or of a part of one, that Exchange does
// not know.
func (a *amendment) refuseForeign(what string) error {
	a.c.repaired("refusals")
	return refuseArgument("BAD Exchange does not know %s, and would count it as an error", what)
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
func (a *amendment) isForeign(list []foreign, word string) bool {
	return slices.ContainsFunc(list, func(f foreign) bool {
		return len(word) >= len(f.word) && strings.EqualFold(word[:len(f.word)], f.word) && a.lacks(f.capability)
	})
}

// statusEdits are the edits of STATUS.
var statusEdits = edits{
	args: editStatus, names: mappedNames, named: firstName, fixes: []backend.ReplyFix{backend.FixRefusals},
}

// editStatus removes the items that Exchange does not know: the client gets the others.
func editStatus(a *amendment) (done bool, err error) {
	if err := a.readMailbox(); err != nil {
		return false, err
	}
	a.args.Space()
	from := a.here()
	items, ok := a.args.List()
	if !ok || items == nil {
		return false, nil // not understood here: Exchange judges it
	}
	keep := a.knownItems(items)
	switch {
	case len(items) > 0 && len(keep) == 0:
		return false, a.refuseForeign(strings.Join(items, " "))
	case len(keep) < len(items):
		a.c.repaired("refusals")
		a.replace(from, "("+strings.Join(keep, " ")+")")
	}
	return false, nil
}

// knownItems returns the items of STATUS that Exchange knows.
func (a *amendment) knownItems(items []string) []string {
	return slices.DeleteFunc(slices.Clone(items), func(item string) bool { return a.isForeign(statusItems, item) })
}

// readMailbox reads the name of a mailbox as the first argument, and maps it if the login
// maps names.
func (a *amendment) readMailbox() error {
	if hasNames(a.c.login) {
		_, err := editFirstName(a)
		return err
	}
	a.args.Space()
	if _, ok := a.args.String(); !ok {
		return errNoMailbox(a.cmd.verb)
	}
	return nil
}

// selectEdits are the edits of SELECT and EXAMINE.
var selectEdits = edits{
	args: editSelect, names: mappedNames, named: firstName, fixes: []backend.ReplyFix{backend.FixRefusals},
}

// editSelect removes the parameter CONDSTORE (RFC 7162 section 3.1.8), which asks only that
// the server tell more than otherwise. Other parameters are refused here.
func editSelect(a *amendment) (done bool, err error) {
	if err := a.readMailbox(); err != nil || a.args.IsEmpty() {
		return false, err
	}
	from := a.here()
	a.args.Space()
	if a.args.Peek() != '(' || !a.lacks("CONDSTORE", "QRESYNC") {
		return false, nil
	}
	params, ok := a.args.List()
	for _, param := range params {
		if !strings.EqualFold(param, "CONDSTORE") {
			return false, a.refuseForeign(param)
		}
	}
	if !ok {
		return false, a.refuseForeign("these parameters")
	}
	a.c.repaired("refusals")
	a.replace(from, "")
	return false, nil
}
