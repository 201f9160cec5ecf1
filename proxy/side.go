package proxy

import (
	"fmt"
	"strings"

	"exgate/backend"
)

// sideConn is a connection besides the session's own, for what must not touch
// the mailbox that the client has selected. It is opened when first needed,
// with the login that worked, and closed with the session.
type sideConn struct {
	conn    *backend.Conn
	mailbox string // selected there
}

func (s *sideConn) close() { s.conn.Close() }

// onSide runs do on a side connection that has the mailbox selected for
// writing. One that has been lost is opened anew.
func (c *conn) onSide(mailbox string, do func(*backend.Conn) error) error {
	if c.side != nil && c.side.conn.Err() != nil {
		c.side.close()
		c.side = nil
	}
	if c.side == nil {
		up, err := c.srv.upstream.Open(c.ctx, c.login.identity, c.login.password, c.trace.upstream())
		if err != nil {
			return fmt.Errorf("side connection: %w", err)
		}
		c.side = &sideConn{conn: up.Conn}
	}
	if !strings.EqualFold(c.side.mailbox, mailbox) || c.side.mailbox == "" {
		status, err := c.side.conn.Do(c.ctx, backend.NewRequest("SELECT").Mailbox(mailbox))
		if err != nil {
			return fmt.Errorf("side connection: %w", err)
		}
		if status.Word != "OK" {
			c.side.mailbox = ""
			return fmt.Errorf("side connection: %w", backend.ReplyError("SELECT", status))
		}
		c.side.mailbox = mailbox
	}
	return do(c.side.conn)
}
