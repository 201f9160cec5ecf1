package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"exgate/backend"
	"exgate/proxy/delivery"
)

// side is an extra connection of an account, besides those of its sessions. exgate uses it
// for commands that must not touch the mailbox that a client has selected. The sessions of
// the account share it, and one session uses it at a time. The first session that needs it
// opens it. It is closed with the last session of the account.
type side struct {
	turn    chan struct{} // holds an element while a session uses the fields below
	conn    *backend.Conn // nil: the connection is not open
	by      backend.Identity
	mailbox string // the mailbox that is selected for writing; "": none
}

func newSide() *side { return &side{turn: make(chan struct{}, 1)} }

// close closes the connection. The caller knows that no session uses it any more.
func (s *side) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// closeUnused closes the connection, unless a session is using it.
func (s *side) closeUnused() {
	select {
	case s.turn <- struct{}{}:
		s.close()
		s.leave()
	default:
	}
}

// errTurnOver is the reason why exgate ends a connection on which exgate's own commands
// took too long.
var errTurnOver = errors.New("the server did not answer exgate's own command in time")

// ownTurn returns a context with the time limit for exgate's own commands on a connection.
// The limit is much shorter than reply_timeout, because other sessions wait for the
// connection.
func (c *conn) ownTurn(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(parent, c.srv.limits.SideTurn, errTurnOver)
}

// within runs do on a connection. When ctx ends, within cuts the connection. do then fails
// as if the connection was lost, and the caller may try again on another connection.
func within(ctx context.Context, conn *backend.Conn, do func(*backend.Conn) error) error {
	stop := context.AfterFunc(ctx, func() { conn.Cut(context.Cause(ctx)) })
	defer stop()
	return do(conn)
}

// inMailbox runs do on a connection that has the mailbox selected. This is the session's
// own connection if it has the mailbox selected, and otherwise the account's side
// connection. If the session can go on with another connection, the time limit of ownTurn
// holds for its own connection too.
func (c *conn) inMailbox(mailbox string, writes bool, do func(*backend.Conn) error) error {
	view := c.link.selected()
	own := view.IsSelected(mailbox, c.login.profile.IsExchange()) && (view.ReadWrite || !writes)
	// A session that cannot be restored ends soon. do can still run on the side connection.
	if !own || c.restore() != nil {
		return c.onSide(mailbox, do)
	}
	ctx := c.ctx
	if !c.link.isPinned() {
		var cancel context.CancelFunc
		ctx, cancel = c.ownTurn(ctx)
		defer cancel()
	}
	err := within(ctx, c.link.upstream, do)
	var refused *backend.Error
	if errors.As(err, &refused) {
		c.countErrors(refused.Failure)
	}
	return err
}

// onSide runs do on the account's side connection, which has the mailbox selected for
// writing. It waits for this connection for limits.Side at most, because a session that
// holds one connection must not wait without end for another. Its own turn has a time limit
// too. So a server that does not answer one session holds up the other sessions for one
// turn, and not for reply_timeout.
func (c *conn) onSide(mailbox string, do func(*backend.Conn) error) error {
	return c.selectOnSide(c.ctx, mailbox, false, do)
}

// selectOnSide is onSide with a ctx that ends with the client or before. isAnew says that the mailbox is
// selected although it is already: what is selected may have been removed, and another one may have the
// name by now.
func (c *conn) selectOnSide(ctx context.Context, mailbox string, isAnew bool, do func(*backend.Conn) error) error {
	s, err := c.holdSide(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := c.ownTurn(ctx)
	defer cancel()
	if err := c.openSide(ctx, s); err != nil {
		return fmt.Errorf("side connection: %w", err)
	}
	if isAnew || !strings.EqualFold(s.mailbox, mailbox) || s.mailbox == "" {
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

// holdSide waits until this session alone has the side connection, for limits.Side at most.
// The caller gives the connection back with leave. The error is delivery.ErrSideBusy after
// that time, or the cause of ctx.
func (c *conn) holdSide(ctx context.Context) (*side, error) {
	s := c.login.account.side
	ctx, cancel := context.WithTimeoutCause(ctx, c.srv.limits.Side, delivery.ErrSideBusy)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *side) leave() { <-s.turn }

// openSide opens the side connection with this session's own login, unless it is open with
// this login already.
func (c *conn) openSide(ctx context.Context, s *side) error {
	if s.conn != nil && s.conn.Err() == nil && s.by == c.login.identity {
		return nil
	}
	s.close()
	opened, err := c.login.target.Server.Open(ctx, c.login.identity, c.login.cred, c.client.trace.Requests())
	if err != nil {
		return err
	}
	c.tieToAccount(opened.Conn)
	s.conn, s.by, s.mailbox = opened.Conn, c.login.identity, ""
	return nil
}
