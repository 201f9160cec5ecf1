package backend

import "context"

// Connect opens a connection without a login, for what a server says before one. It knows the capabilities that the
// server announces in this state. The caller owns the connection. trace may be nil.
func (u *Upstream) Connect(ctx context.Context, trace Trace) (*Conn, error) {
	dialed, err := u.dialer.Dial(ctx, "")
	if err != nil {
		return nil, err
	}
	conn := newConn(dialed, u.opts.Timeouts, trace)
	if conn.Capabilities == nil {
		if err := conn.askCapabilities(ctx); err != nil {
			conn.Close()
			return nil, loginError(err)
		}
	}
	return conn, nil
}
