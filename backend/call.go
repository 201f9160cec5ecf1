package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
)

// call is a request in progress.
type call struct {
	req  *Request
	tag  string
	want atomic.Int32 // wantNothing, wantContinue, wantTagged
	ev   chan event   // capacity 1: the reader sends only an event that is wanted
	plus bool         // the literal does not wait for "+"
	next *call        // the request that was sent behind this one in the same flight; nil: none

	// Only the reader uses these: the untagged lines and bytes that the server has answered.
	lines, bytes int
}

// maxAnswerLines and maxAnswerBytes limit the answer of a server to one request, because
// exgate keeps the answer in memory. The longest answer that exgate needs is the list of
// all mailboxes.
const (
	maxAnswerLines = 200_000
	maxAnswerBytes = 64 << 20
)

// answered counts an untagged response of n bytes to the request. It returns an error if
// the answer is larger than the limits.
func (c *call) answered(n int) error {
	c.lines++
	c.bytes += n
	verb, _, _ := strings.Cut(string(c.req.chunks[0]), " ")
	switch {
	case c.lines > maxAnswerLines:
		return fmt.Errorf("the answer to %s has more than %d lines", verb, maxAnswerLines)
	case c.bytes > maxAnswerBytes:
		return fmt.Errorf("the answer to %s has more than %d bytes", verb, maxAnswerBytes)
	}
	return nil
}

const (
	wantNothing  = iota // bytes of a literal are being written; any reply is out of step
	wantContinue        // "+", or the tagged reply instead
	wantTagged          // only the tagged reply
)

type event struct {
	challenge string
	status    *wire.Status // nil for "+"
}

// Do sends a request and returns its tagged reply, whatever its status. After an
// error, the connection is closed.
func (c *Conn) Do(ctx context.Context, req *Request) (wire.Status, error) {
	call := c.newCall(req)
	call.plus = req.Body != nil && c.goesUnasked(req.Body.Size)
	defer c.begin(ctx, call)()

	status, err := c.converse(call)
	if err != nil {
		err = c.Abandon(err)
		c.call.Store(nil) // another Do then returns the error
		if refusal, ok := call.refusedEarly(); ok {
			return refusal, nil
		}
		return wire.Status{}, err
	}
	c.noteReply(req, status)
	return status, nil
}

// DoUnthrottled is Do, but a throttle is an error. doing names the request in it.
func (c *Conn) DoUnthrottled(ctx context.Context, doing string, req *Request) (wire.Status, error) {
	status, err := c.Do(ctx, req)
	if err == nil {
		err = ThrottleError(doing, status)
	}
	return status, err
}

func (c *Conn) newCall(req *Request) *call {
	c.tag++
	return &call{req: req, tag: "xg" + strconv.Itoa(c.tag), ev: make(chan event, 1)}
}

// begin makes a call, with those behind it, the one in progress. The connection ends with ctx
// until the caller calls stop.
func (c *Conn) begin(ctx context.Context, call *call) (stop func() bool) {
	if !c.call.CompareAndSwap(nil, call) {
		panic("backend: two requests at a time on one connection")
	}
	return context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
}

// noteReply remembers what the tagged reply to a request says of the connection and the account.
func (c *Conn) noteReply(req *Request, status wire.Status) {
	c.Said(req.told(status))
	if c.throttled != nil && status.Word != "OK" {
		if f := Classify(status); f.Kind == KindThrottled {
			c.throttled(f.Backoff)
		}
	}
}

// errPlusRefused ends a connection whose server has refused a literal that did
// not wait for it. RFC 7888 section 4 has it read the bytes all the same, but
// what Exchange makes of them is not known: commands, perhaps.
var errPlusRefused = errors.New("the server refused a message that was sent without waiting (upstream.literal_plus), " +
	"and may take its bytes for commands")

// plusLimit is the longest literal that may be sent without waiting for "+" where the
// server has LITERAL- only (RFC 7888 section 5).
const plusLimit = 4096

// goesUnasked tells whether a literal of that size need not wait for "+".
func (c *Conn) goesUnasked(size int64) bool {
	return c.literalPlus && (c.Has("LITERAL+") || c.Has("LITERAL-") && size <= plusLimit)
}

// refusedEarly is the refusal of a literal that did not wait, where it came
// before the last byte: the connection has ended over it.
func (c *call) refusedEarly() (refusal wire.Status, ok bool) {
	if !c.plus {
		return refusal, false
	}
	select {
	case ev := <-c.ev:
		if ev.status != nil {
			return *ev.status, true
		}
	default:
	}
	return refusal, false
}

// hasBegunBody reports whether the server has been sent a part of the message. The reader calls
// it.
func (c *call) hasBegunBody() bool {
	return c.req.Body != nil && (c.plus || c.want.Load() != wantContinue)
}

// converse runs the exchange of one request.
func (c *Conn) converse(call *call) (wire.Status, error) {
	req := call.req
	for i, chunk := range req.chunks {
		if i == 0 {
			chunk = append([]byte(call.tag+" "), chunk...)
		}
		want, last := int32(wantContinue), i == len(req.chunks)-1
		switch {
		case last && call.plus:
			chunk = fmt.Appendf(chunk, " {%d+}", req.Body.Size)
			want = wantNothing
		case last && req.Body != nil:
			chunk = fmt.Appendf(chunk, " {%d}", req.Body.Size)
		case last && req.Continue == nil:
			want = wantTagged
		}
		call.want.Store(want)
		if err := c.send(req, chunk, i == 0); err != nil {
			return wire.Status{}, err
		}
		if last && req.Body == nil {
			return c.finish(call)
		}
		if last && call.plus {
			break
		}
		ev, err := c.await(call)
		if err != nil {
			return wire.Status{}, err
		}
		if ev.status != nil { // refused instead of "+": no byte of the literal was sent
			return *ev.status, nil
		}
	}
	n, err := req.Body.WriteTo(c)
	if err != nil {
		return wire.Status{}, err
	}
	if n != req.Body.Size {
		return wire.Status{}, fmt.Errorf("the message was announced with %d bytes, but has %d", req.Body.Size, n)
	}
	call.want.Store(wantTagged)
	// The line end is a separate write: until it is sent, nothing has been stored
	// (docs/design.md#lost-append).
	req.Body.Ended = true
	if _, err := c.Write([]byte("\r\n")); err != nil {
		return wire.Status{}, err
	}
	return c.finish(call)
}

// send writes a line of a request. It is the first line, or one that begins with a
// literal.
func (c *Conn) send(req *Request, line []byte, first bool) error {
	c.traceSent(req, line, first)
	_, err := c.Write(append(line, "\r\n"...))
	return err
}

// traceSent gives the trace a line of a request, without its secrets.
func (c *Conn) traceSent(req *Request, line []byte, first bool) {
	if c.trace == nil {
		return
	}
	switch {
	case len(req.Secrets) > 0 && first:
		tag, rest, _ := bytes.Cut(line, []byte(" "))
		verb, _, _ := bytes.Cut(rest, []byte(" "))
		line = fmt.Appendf(nil, "%s %s ***", tag, verb)
	case len(req.Secrets) > 0:
		line = []byte("***")
	}
	c.trace(true, line)
}

// finish waits for the tagged reply. It answers challenges meanwhile.
func (c *Conn) finish(call *call) (wire.Status, error) {
	for {
		ev, err := c.await(call)
		if err != nil {
			return wire.Status{}, err
		}
		if ev.status != nil {
			return *ev.status, nil
		}
		response, err := call.req.Continue(ev.challenge)
		if err != nil {
			response = "*" // cancels the exchange, RFC 9051 section 6.2.2
		}
		call.want.Store(wantContinue)
		if _, err := c.Write([]byte(response + "\r\n")); err != nil {
			return wire.Status{}, err
		}
	}
}

// await waits for the reply that the request needs next.
func (c *Conn) await(call *call) (event, error) {
	silence := c.patience
	silence.Reset(c.timeouts.Reply)
	defer silence.Stop()
	for heard := c.in.Load(); ; {
		select {
		case ev := <-call.ev:
			return ev, nil
		case <-c.ended:
			// The reply may have come just before the end.
			select {
			case ev := <-call.ev:
				return ev, nil
			default:
				return event{}, c.Err()
			}
		case <-silence.C:
			if c.in.Load() == heard {
				return event{}, errSilent(c.timeouts.Reply)
			}
			heard = c.in.Load() // the server sends untagged data, so it is not silent
			silence.Reset(c.timeouts.Reply)
		}
	}
}

// errSilent returns the error for a server that has not replied in time.
func errSilent(timeout time.Duration) error {
	return fmt.Errorf("the server has sent no reply for %s (reply_timeout)", timeout)
}

// challenge returns the text after "+".
func challenge(line []byte) string {
	return string(bytes.TrimSpace(bytes.TrimPrefix(line, []byte("+"))))
}
