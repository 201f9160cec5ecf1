package proxy

import (
	"strings"

	"exgate/backend"
)

// Commands that are sure to fail are answered here, since Exchange would count
// each as an error (docs/exchange.md#ten-errors).
var (
	enableEdits = edits{args: editEnable, fixes: []backend.ReplyFix{backend.FixRefusals}} // ENABLE
	idEdits     = edits{args: editID, fixes: []backend.ReplyFix{backend.FixRefusals}}     // ID
)

// editEnable answers ENABLE for an upstream without ENABLE. A server ignores what
// it cannot enable (RFC 5161 section 3.1), so the answer is OK. mutt sends ENABLE
// UTF8=ACCEPT.
func editEnable(a *amendment) (done bool, err error) {
	if a.c.login.has("ENABLE") {
		return false, nil
	}
	a.c.repaired("refusals")
	if err := a.c.client.w.line("* ENABLED"); err != nil {
		return true, err
	}
	return true, a.c.client.w.line("%s OK ENABLE completed: the server has nothing to enable", a.cmd.tag)
}

// editID writes NIL for an empty list, which Exchange does not understand
// (docs/exchange.md#id), and answers ID for an upstream without ID.
func editID(a *amendment) (done bool, err error) {
	if !a.c.login.has("ID") {
		a.c.repaired("refusals")
		if err := a.c.client.w.line(`* ID ("name" "exgate")`); err != nil {
			return true, err
		}
		return true, a.c.client.w.line("%s OK ID completed.", a.cmd.tag)
	}
	a.args.Space()
	from := a.here()
	if strings.ReplaceAll(a.unread(), " ", "") == "()" {
		if _, ok := a.args.List(); ok {
			a.replace(from, "NIL")
		}
	}
	return false, nil
}
