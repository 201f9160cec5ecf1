package amend

import (
	"strings"

	"exgate/backend"
)

// Commands that are sure to fail are answered here, since Exchange would count
// each as an error (docs/exchange.md#ten-errors).
var (
	// Enable has the edits of ENABLE.
	Enable = Edits{args: editEnable, fixes: []backend.ReplyFix{backend.FixRefusals}}
	// ID has the edits of ID.
	ID = Edits{args: editID, fixes: []backend.ReplyFix{backend.FixRefusals}}
)

// editEnable answers ENABLE for an upstream without ENABLE. A server ignores what
// it cannot enable (RFC 5161 section 3.1), so the answer is OK. mutt sends ENABLE
// UTF8=ACCEPT.
func editEnable(cmd *Command) (done bool, err error) {
	if cmd.Login.has("ENABLE") {
		return false, nil
	}
	cmd.Session.Repaired("refusals")
	if err := cmd.Session.Say("* ENABLED"); err != nil {
		return true, err
	}
	return true, cmd.Session.Say("%s OK ENABLE completed: the server has nothing to enable", cmd.Tag)
}

// editID writes NIL for an empty list, which Exchange does not understand
// (docs/exchange.md#id), and answers ID for an upstream without ID.
func editID(cmd *Command) (done bool, err error) {
	if !cmd.Login.has("ID") {
		cmd.Session.Repaired("refusals")
		if err := cmd.Session.Say(`* ID ("name" "exgate")`); err != nil {
			return true, err
		}
		return true, cmd.Session.Say("%s OK ID completed.", cmd.Tag)
	}
	cmd.args.Space()
	from := cmd.here()
	if strings.ReplaceAll(cmd.unread(), " ", "") == "()" {
		if _, ok := cmd.args.List(); ok {
			cmd.replace(from, "NIL")
		}
	}
	return false, nil
}
