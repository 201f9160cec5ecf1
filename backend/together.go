package backend

import (
	"context"

	"exgate/backend/wire"
)

// DoTogether sends several requests in one flight, so that they cost one round trip. It returns
// the tagged reply of each, in the order of the requests. They must be independent of each
// other's replies, and none has a literal: the server may answer them in any order where that
// makes no difference (RFC 9051 section 5.5). A response that several of them ask for goes to the
// first of these.
//
// After an error, the connection is closed. A request that had its reply before has it in the
// result all the same, and the Word of the others is "". A server that closes the connection over
// the first request is known by it.
func (c *Conn) DoTogether(ctx context.Context, requests ...*Request) ([]wire.Status, error) {
	calls := make([]*call, len(requests))
	var lines []byte
	for i, req := range requests {
		if len(req.chunks) != 1 || req.Body != nil || req.Continue != nil {
			panic("backend: a request of a flight waits for the server in its midst")
		}
		calls[i] = c.newCall(req)
		calls[i].want.Store(wantTagged)
		if i > 0 {
			calls[i-1].next = calls[i]
		}
		line := append([]byte(calls[i].tag+" "), req.chunks[0]...)
		c.traceSent(req, line, true)
		lines = append(append(lines, line...), "\r\n"...)
	}
	defer c.begin(ctx, calls[0])()

	replies := make([]wire.Status, len(requests))
	_, err := c.Write(lines)
	for i := 0; err == nil && i < len(calls); i++ {
		var ev event
		if ev, err = c.await(calls[i]); err == nil {
			replies[i] = *ev.status
		}
	}
	if err != nil {
		err = c.Abandon(err)
		c.call.Store(nil) // another Do then returns the error
		for i, call := range calls {
			select { // the reader has ended
			case ev := <-call.ev:
				replies[i] = *ev.status
			default:
			}
		}
	}
	for i, req := range requests {
		if replies[i].Word != "" {
			c.noteReply(req, replies[i])
		}
	}
	return replies, err
}

// tagged returns the request of the flight that a tagged reply answers, or the first if the tag
// is of none of them.
func (c *call) tagged(tag string) *call {
	for other := c; other != nil; other = other.next {
		if other.tag == tag {
			return other
		}
	}
	return c
}

// unanswered returns the first request that waits for its reply, from this one on. c may be nil.
func (c *call) unanswered() *call {
	for ; c != nil; c = c.next {
		if c.want.Load() != wantNothing {
			return c
		}
	}
	return nil
}
