package amend

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
)

// Store has the edits of STORE.
var Store = Edits{
	args: editStore, names: mergedNames, fixes: []backend.ReplyFix{
		backend.FixRefusals, backend.FixLongSets, backend.FixStoreUIDs,
	},
}

// editStore refuses \Deleted in a merged mailbox, drops keywords that the mailbox
// cannot keep, and splits a long set.
func editStore(cmd *Command) (done bool, err error) {
	cmd.args.Space()
	messages, ok := cmd.args.Atom()
	if !ok {
		return false, wire.SyntaxError(cmd.Verb + " takes messages and flags")
	}
	cmd.args.Space()
	if cmd.args.Peek() == '(' { // UNCHANGEDSINCE, RFC 7162
		if cmd.lacks("CONDSTORE") { // without it, another client's change would be overwritten
			return false, cmd.refuseForeign("UNCHANGEDSINCE")
		}
		if _, ok := cmd.args.List(); !ok {
			return false, wire.SyntaxError(cmd.Verb + ": the modifiers have no closing parenthesis")
		}
		cmd.args.Space()
	}
	item, _ := cmd.args.Atom()
	cmd.args.Space()
	from := cmd.here()
	set := cmd.readFlags()
	if !strings.HasPrefix(item, "-") && hasWord(set, `\Deleted`) && cmd.Login.hasMergedNames() {
		if done, err := guardDeletion(cmd); err != nil || done {
			return done, err
		}
	}
	if cmd.hasFix(backend.FixRefusals) && strings.HasPrefix(strings.ToUpper(strings.TrimLeft(item, "+-")), "FLAGS") {
		if err := cmd.dropKeywords(from, item, set); err != nil {
			return false, err
		}
	}
	if cmd.isTooLong() {
		return cmd.sendSplit(messages)
	}
	isSilent := strings.HasSuffix(strings.ToUpper(item), ".SILENT")
	if cmd.hasFix(backend.FixStoreUIDs) && strings.HasPrefix(cmd.Verb, "UID") && !isSilent && len(cmd.literals) == 0 {
		return true, cmd.storeUIDs(messages)
	}
	return false, nil
}

// dropKeywords removes from a STORE the keywords, and flags such as \Important, that the
// mailbox cannot keep. Exchange would refuse the STORE as a whole, and count it as an error
// (docs/exchange.md#keywords).
func (cmd *Command) dropKeywords(from position, item string, set []string) error {
	permanent := cmd.Session.Mailbox().PermanentFlags
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
		cmd.Session.Repaired("refusals")
		return refuse("NO [CANNOT] the mailbox keeps no other flags than %s", strings.Join(permanent, " "))
	}
	cmd.Session.Repaired("refusals")
	cmd.replace(from, "("+strings.Join(keep, " ")+")")
	return nil
}

// readFlags reads flags with or without parentheses.
func (cmd *Command) readFlags() (list []string) {
	if cmd.args.Peek() == '(' {
		list, _ = cmd.args.List()
		return list
	}
	for {
		flag, ok := cmd.args.Atom()
		if !ok {
			return list
		}
		list = append(list, flag)
		cmd.args.Space()
	}
}
