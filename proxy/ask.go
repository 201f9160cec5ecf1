package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/replies"
	"exgate/proxy/slots"
)

// askUpstream sends a request of the gateway upstream, with no command in flight,
// and returns the reply. Meanwhile it watches the client, who is told reason if
// the reply takes long. As with a relayed command (link.canOutlastThrottle), it waits
// out a throttle and sends the request again, if the session can be resumed: Exchange
// may close the connection over the throttle.
func (c *conn) askUpstream(
	cmd *command, reason string, request func() *backend.Request,
) (status wire.Status, err error) {
	for try := 0; ; try++ {
		if status, err = c.askOnce(cmd, reason, request()); err != nil {
			return status, err
		}
		failure, refused := c.judge(status)
		if refused {
			c.logRefused(cmd, status, failure)
		}
		if failure.Kind != backend.KindThrottled || !c.login.resume || try == delivery.MaxTries {
			return status, nil
		}
		if err := c.outwaitThrottle(); err != nil {
			return status, err
		}
	}
}

// readUpstream is askUpstream for a request that only reads. If the connection is lost before the
// reply, exgate sends the request again on the next one, as it does with a client's FETCH: the client
// knows nothing of the request, and would be told that its own command was lost.
func (c *conn) readUpstream(
	cmd *command, reason string, request func() *backend.Request,
) (status wire.Status, err error) {
	giveUp := time.Now().Add(2 * c.login.target.Backend.Timeouts.WithDefaults().Reply)
	for try := 0; ; try++ {
		status, err = c.askUpstream(cmd, reason, request)
		var lost *lostRequestError
		again := errors.As(err, &lost) && c.ctx.Err() == nil && c.link.isGone()
		if !again || !c.login.resume || c.byeIfOver() != nil || try == delivery.MaxTries || time.Now().After(giveUp) {
			return status, err
		}
	}
}

// lostRequestError is the failure of a request that was sent upstream.
type lostRequestError struct{ error }

func (e *lostRequestError) Unwrap() error { return e.error }

// askOnce is askUpstream without another try.
func (c *conn) askOnce(cmd *command, reason string, req *backend.Request) (status wire.Status, err error) {
	if err := c.awaitFlight(func() bool { return len(c.link.flight) == 0 }); err != nil {
		return status, err
	}
	if err := c.makeReady(cmd); err != nil {
		return status, err
	}
	err = c.aside(func() string { return reason }, func(ctx context.Context) error {
		var err error
		status, err = c.link.upstream.Do(ctx, req)
		return err
	})
	if err != nil {
		err = &lostRequestError{err}
	}
	return status, err
}

// requestLost returns the answer to a command whose request to Exchange got no
// reply.
func (c *conn) requestLost(cmd *command, err error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if errors.Is(err, slots.ErrNone) { // the request was not sent
		return err
	}
	if bye := c.byeIfOver(); bye != nil {
		return bye
	}
	return &refusal{text: fmt.Sprintf("NO [UNAVAILABLE] %s: %s; it is not known whether it was done", cmd.verb,
		replies.Reason(err))}
}
