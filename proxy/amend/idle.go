package amend

import (
	"exgate/backend"
	"exgate/proxy/replies"
)

// Idle has the edits of IDLE.
var Idle = Edits{args: editIdle, fixes: []backend.ReplyFix{backend.FixIdleOrder}}

func editIdle(cmd *Command) (done bool, err error) {
	cmd.Editor = &replies.BeforePlus{Waits: cmd.Session.Asks}
	return false, nil
}
