package proxy

import (
	"exgate/backend/wire"
	"exgate/proxy/delivery"
)

// observeNames looks at the names of mailboxes in a command that passes untouched. args has its
// arguments, up to the line that is sent next. The result is false if they lack a name.
func (c *conn) observeNames(cmd *command, args *wire.Args) (isDone bool) {
	if c.login.observed == nil || cmd.rule == nil {
		return true
	}
	how, isDone := c.login.observed.Look(cmd.verb, &cmd.rule.edits, args)
	if how.Landed != nil {
		c.link.attach(cmd, how)
	}
	return isDone
}

// newExamined prepares for a copy of an APPENDed message. It returns nil if the
// arguments cannot be read: Exchange judges them.
func (c *conn) newExamined(args string, lit *wire.Literal) *delivery.Examined {
	parsed := new(wire.Args)
	parsed.AddText([]byte(args))
	up, err := parseAppend(parsed)
	if err != nil {
		c.log.Info("observed an APPEND whose arguments exgate cannot read; its message is not examined", "err", err)
		return nil
	}
	up.Spool = c.newSpool(lit.Size)
	return &delivery.Examined{Upload: up, Size: lit.Size}
}

// reportExamined waits for Exchange's reply to an observed APPEND, and logs the
// reply beside what exgate would have done to the message. It does nothing for
// other commands.
func (c *conn) reportExamined(cmd *command) error {
	e := cmd.examined
	if e == nil {
		return nil
	}
	if err := c.await(func() bool { return cmd.flight.isDone() || c.link.state.isGone() }, nil); err != nil {
		return err
	}
	reply := "none: the connection ended"
	status, done := c.link.replyTo(cmd)
	if done {
		reply = status.Words()
	}
	attrs := []any{"size", e.Size, "reply", reply}
	if done && status.Word != "OK" && e.Err == nil && e.Upload.Spool.Size() == e.Size {
		attrs = append(attrs, "examination", delivery.Examination(c.ctx, e.Upload.Spool, c.login.wanted.Message))
	}
	would := c.login.sender.WouldDo(c.login.wanted, e)
	c.observeBudget(e.Size, done && status.Word == "OK", &would)
	attrs = append(c.login.sender.RecordObserved(e, reply, &would), attrs...)
	c.log.Info("observed a message", append(attrs, would.Attrs()...)...)
	return c.byeIfOver()
}
