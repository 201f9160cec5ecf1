package proxy

import (
	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/ledger"
	"exgate/proxy/status"
)

// judge counts the errors of a refusal by Exchange. After a throttle it delays the next
// commands of the account's sessions.
func (c *conn) judge(status wire.Status) (failure backend.Failure, refused bool) {
	if status.Word == "OK" || !c.login.profile.IsExchange() {
		return failure, false
	}
	failure = backend.Classify(status)
	c.countErrors(failure)
	if failure.Kind == backend.KindThrottled {
		c.login.account.Throttled(failure.Backoff)
	}
	return failure, true
}

// logRefused logs a refusal and its meaning.
func (c *conn) logRefused(cmd *command, status wire.Status, failure backend.Failure) {
	c.log.Log(c.ctx, failure.Level(), "Exchange refused a command",
		"command", cmd.name(), "reply", status.Words(),
		"kind", failure.Kind, "retryable", failure.IsRetryable(), "meaning", failure.Explanation())
}

// noteRefusedMessage remembers that a message was refused with this reply.
func (c *conn) noteRefusedMessage(up *delivery.Upload, size int64, reply *imap.Error) {
	explain := ""
	switch {
	case up.Record.Rule == ledger.RuleBudget:
		explain = "budget"
	case reply.Code == "TOOBIG": // in words of exgate's own
		explain = "too-big"
	}
	c.srv.progress.Note(status.Refusal{
		What: status.RefusedMessage, Session: c.id, User: c.login.identity.User,
		Upstream: status.UpstreamName(c.login.target.Name), Mailbox: up.Mailbox, Size: size, Explain: explain,
	}, reply.Text)
}
