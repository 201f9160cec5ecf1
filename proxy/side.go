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

// errTurnOver ends a connection on which exgate's own commands took too long.
var errTurnOver = errors.New("the server did not answer exgate's own command in time")

// ownTurn is the time for what exgate does of its own accord on a connection.
// It is far below reply_timeout, since others wait for the connection.
func (c *conn) ownTurn(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(parent, c.srv.limits.SideTurn, errTurnOver)
}

// within runs do on a connection, which ends with ctx: then do fails as by the
// loss of it, and may be tried again on another.
func within(ctx context.Context, conn *backend.Conn, do func(*backend.Conn) error) error {
	stop := context.AfterFunc(ctx, func() { conn.Cut(context.Cause(ctx)) })
	defer stop()
	return do(conn)
}

// inMailbox runs do on a connection that has the mailbox selected: the
// session's own, else the account's side connection. Where a session can go on
// with another connection, its own is given up as the side connection is.
func (c *conn) inMailbox(mailbox string, writes bool, do func(*backend.Conn) error) error {
	view := c.link.selected()
	own := view.IsSelected(mailbox, c.login.profile.IsExchange()) && (view.ReadWrite || !writes)
	// A session that cannot be brought back ends soon; what is to be done need not.
	if !own || c.restore() != nil {
		return c.onSide(mailbox, do)
	}
	ctx := c.ctx
	if !c.link.isPinned() {
		var cancel context.CancelFunc
		ctx, cancel = c.ownTurn(ctx)
		defer cancel()
	}
	err := within(ctx, c.link.up, do)
	var refused *backend.Error
	if errors.As(err, &refused) {
		c.countErrors(refused.Failure)
	}
	return err
}

// onSide runs do on the account's side connection, which has the mailbox
// selected for writing. It waits for limits.Side at most: a session that holds
// one connection must not wait without end for another. Its own turn is bounded
// too, so that a server that does not answer one session holds up the others for
// one turn and not for reply_timeout.
func (c *conn) onSide(mailbox string, do func(*backend.Conn) error) error {
	s, err := c.holdSide()
	if err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := c.ownTurn(c.ctx)
	defer cancel()
	if err := c.openSide(ctx, s); err != nil {
		return fmt.Errorf("side connection: %w", err)
	}
	if !strings.EqualFold(s.mailbox, mailbox) || s.mailbox == "" {
		s.mailbox = ""
		status, err := s.conn.Do(ctx, backend.NewRequest("SELECT").Mailbox(mailbox))
		if err == nil && status.Word != "OK" {
			err = backend.ReplyError("SELECT", status)
		}
		if err != nil {
			return fmt.Errorf("side connection: %w", err)
		}
		s.mailbox = mailbox
	}
	return within(ctx, s.conn, do)
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
func (c *conn) openSide(ctx context.Context, s *side) error {
	if s.conn != nil && s.conn.Err() == nil && s.by == c.login.identity {
		return nil
	}
	s.close()
	up, err := c.login.target.Server.Open(ctx, c.login.identity, c.login.cred, c.client.trace.upstream())
	if err != nil {
		return err
	}
	c.paceBytes(up.Conn)
	s.conn, s.by, s.mailbox = up.Conn, c.login.identity, ""
	return nil
}
