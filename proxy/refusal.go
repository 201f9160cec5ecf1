package proxy

import (
	"exgate/backend"
	"exgate/backend/wire"
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
