package proxy

import (
	"exgate/backend/wire"
	"exgate/proxy/delivery"
)

// examine prepares for the message of an APPEND. It returns nil where the
// arguments are not understood: Exchange will judge them.
func (c *conn) newExamined(args string, lit *wire.Literal) *delivery.Examined {
	parsed := new(wire.Args)
	parsed.AddText([]byte(args))
	up, err := parseAppend(parsed)
	if err != nil {
		c.log.Info("observed an APPEND that is not understood", "err", err)
		return nil
	}
	up.Spool = c.newSpool(lit.Size)
	return &delivery.Examined{Upload: up, Size: lit.Size}
}

// reportExamined waits for Exchange's answer to an observed APPEND, and logs
// it beside what would have been done. For any other command it does nothing.
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
		reply = status.Word + " " + status.Text
	}
	attrs := []any{"mailbox", e.Upload.Mailbox, "size", e.Size, "reply", reply}
	if done && status.Word != "OK" && e.Err == nil && e.Upload.Spool.Size() == e.Size {
		attrs = append(attrs, "examination", delivery.Examination(e.Upload.Spool, c.login.wanted.Message))
	}
	c.log.Info("observed a message", append(attrs, c.login.sender.WouldDo(c.login.wanted, e)...)...)
	return c.resumable()
}
