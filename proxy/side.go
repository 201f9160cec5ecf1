package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"exgate/backend"
	"exgate/proxy/delivery"
)

// side is a connection besides those of an account's sessions, for what must
// not touch the mailbox that a client has selected. The sessions share it, one
// at a time. It is opened when first needed, and closed with the account's last
// session.
type side struct {
	turn    chan struct{} // holds one while a session uses what follows
	conn    *backend.Conn // nil: not open
	by      backend.Identity
	mailbox string // selected, for writing
}

func newSide() *side { return &side{turn: make(chan struct{}, 1)} }

// close ends the connection. No session uses it any more.
func (s *side) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// inMailbox runs do on a connection that has the mailbox selected: the
// session's own, else the account's side connection.
func (c *conn) inMailbox(mailbox string, writes bool, do func(*backend.Conn) error) error {
	view := c.link.selected()
	own := view.IsSelected(mailbox, c.login.profile.IsExchange()) && (view.ReadWrite || !writes)
	// A session that cannot be brought back ends soon; what is to be done need not.
	if !own || c.restore() != nil {
		return c.onSide(mailbox, do)
	}
	err := do(c.link.up)
	var refused *backend.Error
	if errors.As(err, &refused) {
		c.countErrors(refused.Failure)
	}
	return err
}

// onSide runs do on the account's side connection, which has the mailbox
// selected for writing. It waits for limits.Side at most: a session that holds
// one connection must not wait without end for another.
func (c *conn) onSide(mailbox string, do func(*backend.Conn) error) error {
	s, err := c.holdSide()
	if err != nil {
		return err
	}
	defer s.leave()
	if err := c.openSide(s); err != nil {
		return fmt.Errorf("side connection: %w", err)
	}
	if !strings.EqualFold(s.mailbox, mailbox) || s.mailbox == "" {
		s.mailbox = ""
		status, err := s.conn.Do(c.ctx, backend.NewRequest("SELECT").Mailbox(mailbox))
		if err == nil && status.Word != "OK" {
			err = backend.ReplyError("SELECT", status)
		}
		if err != nil {
			return fmt.Errorf("side connection: %w", err)
		}
		s.mailbox = mailbox
	}
	return do(s.conn)
}

// holdSide waits until the side connection is this session's alone, up to
// leave.
func (c *conn) holdSide() (*side, error) {
	s := c.login.account.side
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.srv.limits.Side, delivery.ErrSideBusy)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *side) leave() { <-s.turn }

// openSide sees that the connection is there, with this session's own login.
func (c *conn) openSide(s *side) error {
	if s.conn != nil && s.conn.Err() == nil && s.by == c.login.identity {
		return nil
	}
	s.close()
	up, err := c.login.target.Server.Open(c.ctx, c.login.identity, c.login.cred, c.client.trace.upstream())
	if err != nil {
		return err
	}
	c.paceBytes(up.Conn)
	s.conn, s.by, s.mailbox = up.Conn, c.login.identity, ""
	return nil
}
