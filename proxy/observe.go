package proxy

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/backend/wire"
	"exgate/rewrite"
)

// examined is a message that an observing gateway relays untouched and looks
// at as it passes.
type examined struct {
	upload *upload
	size   int64 // as announced
	err    error // why it could not be looked at; the message goes on
}

// examine prepares for the message of an APPEND. It returns nil where the
// arguments are not understood: Exchange will judge them.
func (c *conn) examine(args string, lit *wire.Literal) *examined {
	parsed := new(wire.Args)
	parsed.AddText([]byte(args))
	up, err := parseAppend(parsed)
	if err != nil {
		c.log.Info("observed an APPEND that is not understood", "err", err)
		return nil
	}
	up.spool = newSpool(c.set.opts.Spool, lit.Size, &c.uploads, &c.login.account.uploads, &c.srv.uploads)
	return &examined{upload: up, size: lit.Size}
}

// add looks at more bytes of the message; a nil examined ignores them.
func (e *examined) add(p []byte) {
	if e == nil || e.err != nil {
		return
	}
	_, e.err = e.upload.spool.Write(p)
}

// close forgets the message.
func (e *examined) close() error {
	if e == nil {
		return nil
	}
	return e.upload.spool.Close()
}

// reportExamined waits for Exchange's answer to an observed APPEND, and logs
// it beside what would have been done. For any other command it does nothing.
func (c *conn) reportExamined(cmd *command) error {
	e := cmd.examined
	if e == nil {
		return nil
	}
	if err := c.await(func() bool { return cmd.done || c.upErr != nil }, nil); err != nil {
		return err
	}
	c.mu.Lock()
	reply := "none: the connection ended"
	if cmd.done {
		reply = cmd.status.Word + " " + cmd.status.Text
	}
	c.mu.Unlock()
	attrs := []any{"mailbox", e.upload.mailbox, "size", e.size, "reply", reply}
	if cmd.done && cmd.status.Word != "OK" && e.err == nil && e.upload.spool.size == e.size {
		attrs = append(attrs, "examination", examination(c.ctx, e.upload.spool, c.login.wanted.Message))
	}
	c.log.Info("observed a message", append(attrs, c.wouldDo(e)...)...)
	return c.resumable()
}

// wouldDo tells what the fixes that are wanted would have done.
func (c *conn) wouldDo(e *examined) []any {
	wanted := c.login.wanted
	flags := sortFlags(wanted, e.upload.flags, c.permanentFlags(e.upload.mailbox), c.login.has("UIDPLUS"))
	switch {
	case wanted.tooBig(e.size):
		return []any{"would_refuse", tooBigText(e.size, wanted.MessageLimit)}
	case e.err != nil:
		return []any{"would_fix", flags.fixes(), "not_examined", e.err}
	case e.upload.spool.size < e.size:
		return []any{"would_fix", flags.fixes(), "not_examined", "it was not sent"}
	}
	message := wanted.Message
	message.Seen = slices.ContainsFunc(e.upload.flags, func(f string) bool { return strings.EqualFold(f, string(imap.FlagSeen)) })
	plan, err := rewrite.NewPlan(c.ctx, e.upload.spool, e.upload.spool.size, message)
	if err != nil {
		return []any{"would_refuse", err}
	}
	attrs := []any{"would_fix", append(fixesOf(plan), flags.fixes()...), "would_send", plan.Size()}
	if report := plan.Report(); len(report.Unrepaired) > 0 {
		attrs = append(attrs, "would_refuse", report.Unrepaired[0].String())
	} else if wanted.tooBig(plan.Size()) {
		attrs = append(attrs, "would_refuse", tooBigText(plan.Size(), wanted.MessageLimit))
	}
	return attrs
}
