package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
)

// storeEdits are the edits of STORE.
var storeEdits = edits{
	args: editStore, names: mergedNames, fixes: []backend.ReplyFix{
		backend.FixRefusals, backend.FixLongSets, backend.FixStoreUIDs,
	},
}

// editStore refuses \Deleted in a merged mailbox, drops keywords that the mailbox
// cannot keep, and splits a long set.
func editStore(a *amendment) (done bool, err error) {
	a.args.Space()
	messages, ok := a.args.Atom()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes messages and flags")
	}
	a.args.Space()
	if a.args.Peek() == '(' { // UNCHANGEDSINCE, RFC 7162
		if a.lacks("CONDSTORE") { // without it, another client's change would be overwritten
			return false, a.refuseForeign("UNCHANGEDSINCE")
		}
		if _, ok := a.args.List(); !ok {
			return false, wire.SyntaxError(a.cmd.verb + ": the modifiers have no closing parenthesis")
		}
		a.args.Space()
	}
	item, _ := a.args.Atom()
	a.args.Space()
	from := a.here()
	set := a.readFlags()
	if !strings.HasPrefix(item, "-") && hasWord(set, `\Deleted`) && hasMergedNames(a.c.login) {
		if done, err := guardDeletion(a); err != nil || done {
			return done, err
		}
	}
	if a.hasFix(backend.FixRefusals) && strings.HasPrefix(strings.ToUpper(strings.TrimLeft(item, "+-")), "FLAGS") {
		if err := a.dropKeywords(from, item, set); err != nil {
			return false, err
		}
	}
	if a.isTooLong() {
		return true, a.c.sendSplit(a, messages)
	}
	isSilent := strings.HasSuffix(strings.ToUpper(item), ".SILENT")
	if a.hasFix(backend.FixStoreUIDs) && strings.HasPrefix(a.cmd.verb, "UID") && !isSilent && len(a.literals) == 0 {
		return true, a.c.storeUIDs(a, messages)
	}
	return false, nil
}

// dropKeywords removes from a STORE the keywords, and flags such as \Important, that the
// mailbox cannot keep. Exchange would refuse the STORE as a whole, and count it as an error
// (docs/exchange.md#keywords).
func (a *amendment) dropKeywords(from position, item string, set []string) error {
	c := a.c
	permanent := c.link.selected().PermanentFlags
	if len(permanent) == 0 { // unknown, or the mailbox is read-only
		return nil
	}
	var keep []string
	for _, flag := range set {
		if mailbox.CanKeep(permanent, flag) {
			keep = append(keep, flag)
		}
	}
	switch {
	case len(keep) == len(set):
		return nil
	case len(keep) == 0 && strings.HasPrefix(strings.TrimLeft(item, " "), "+"),
		len(keep) == 0 && strings.HasPrefix(item, "-"):
		c.repaired("refusals")
		return refuseArgument("NO [CANNOT] the mailbox keeps no other flags than %s", strings.Join(permanent, " "))
	}
	c.repaired("refusals")
	a.replace(from, "("+strings.Join(keep, " ")+")")
	return nil
}

// readFlags reads flags with or without parentheses.
func (a *amendment) readFlags() (list []string) {
	if a.args.Peek() == '(' {
		list, _ = a.args.List()
		return list
	}
	for {
		flag, ok := a.args.Atom()
		if !ok {
			return list
		}
		list = append(list, flag)
		a.args.Space()
	}
}
