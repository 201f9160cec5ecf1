package proxy

import (
	"fmt"
	"slices"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// relay sends the responses of the upstream to the client. It is the sink of the upstream's
// connection, and the reader of that connection calls its methods.
//
// relay copies only the fragments that an editor looks at. It joins the others, which follow
// each other in the reader's buffer, to one run. Flush writes the run.
type relay struct {
	c        *conn
	upstream *backend.Conn     // the connection whose sink the relay is
	run      []byte            // bytes that are not written to the client yet
	turn     bool              // the relay has the turn to write to the client
	inside   bool              // the relay is in the middle of a response
	text     literalText       // the text of a message that passes
	hide     bool              // the client does not get the current response
	last     error             // ends the connection after the current response
	failed   error             // the error of a write to the client
	editor   replies.Editor    // the editor of the current response; nil: it is not changed
	edited   []byte            // the output of editors, until it is written
	memory   *[editedSize]byte // the memory of edited; nil: nothing is edited

	search replies.SearchNumbers // removes message numbers that do not exist

	strays   int      // lines that are no responses, on this connection
	answered []string // the tags of commands that strays have refused, while their replies may come

	// instead is the tagged line that the client gets in place of the current line.
	instead []byte

	// fresh is the view of the mailbox on this connection until the session takes the
	// connection over (conn.takeOver). The client sees nothing of it until then. link.mu
	// guards it.
	fresh *mailbox.View
}

// Take implements backend.Sink.
func (r *relay) Take(f wire.Fragment) (err error) {
	if err := r.takeTurn(); err != nil { // before begin wakes a goroutine that would write or close
		return err
	}
	if r.c.login.profile.IsExchange() && !r.text.isAsLong(f) {
		return &backend.Violation{Line: "a literal is not as long as announced"}
	}
	said := f.Data
	r.tidy(&f)
	r.keepWithinExists(&f)
	data := f.Data
	if f.First {
		if data = r.begin(f); r.hide {
			r.editor = nil // which might keep the response for later
		}
	}
	if !f.Literal {
		r.c.client.trace.FromUpstream(said, f.First)
	}
	if r.editor != nil && len(data) > 0 {
		if &data[0] != &f.Data[0] { // repaired: Fragment.Ahead must not find what follows it in memory
			f.Data = slices.Clip(data)
		}
		if data, err = r.edit(f); err != nil {
			return err
		}
	}
	r.inside = !f.Last
	if !r.hide {
		if err = r.extend(data); err != nil {
			return err
		}
	}
	if f.Last && r.last != nil {
		if err := r.Flush(); err != nil {
			return err
		}
		return r.last
	}
	return nil
}

// edit lets the editor of the response change a fragment. The output of editors stays in
// the relay's own memory until it is written.
func (r *relay) edit(f wire.Fragment) ([]byte, error) {
	if err := r.makeRoom(); err != nil {
		return nil, err
	}
	n := len(r.edited)
	edited, same := r.editor.Edit(r.edited, f)
	if passer, ok := r.editor.(replies.Passer); ok && passer.Passes() {
		r.editor = nil // the rest of the message is not copied
	}
	if same {
		return f.Data, nil
	}
	r.edited = edited
	return edited[n:], nil
}

// extend adds p to the run. If it cannot, it writes the run and begins a new one with p.
func (r *relay) extend(p []byte) error {
	if len(p) == 0 { // an editor has removed these bytes
		return nil
	}
	if n := len(r.run); n > 0 {
		if whole := r.run[:cap(r.run)]; len(whole) > n && &whole[n] == &p[0] {
			r.run = whole[:n+len(p)]
			return nil
		}
		if r.gather(p) {
			return nil
		}
		if err := r.write(); err != nil {
			return err
		}
	}
	r.run = p
	return nil
}

func (r *relay) write() error {
	if len(r.run) == 0 {
		return nil
	}
	err := r.c.client.w.write(r.run)
	r.run = nil
	return r.written(err)
}

// written notes a write to the client.
func (r *relay) written(err error) error {
	r.c.link.heard.Store(r.c.client.w.wrote.Load())
	if err != nil {
		r.failed = fmt.Errorf("%w: %w", errClient, err)
	}
	return r.failed
}

// TakesPipe implements wire.PipeWriter: whether the client gets the rest of the literal, and nothing
// looks at it.
func (r *relay) TakesPipe() bool {
	return r.turn && r.inside && !r.hide && r.editor == nil && r.search.Max == 0 && wire.IsBare(r.c.client.w.nc)
}

// WritePipe implements wire.PipeWriter. Flush has been called.
func (r *relay) WritePipe(p *wire.Pipe) error {
	r.text.passes()
	return r.written(r.c.client.w.pipe(p))
}

// Flush implements backend.Sink. It writes the run, and between two responses it gives the
// turn back.
func (r *relay) Flush() error {
	if !r.turn {
		return nil
	}
	err := r.write()
	r.edited = r.edited[:0]
	if !r.inside {
		r.passTurn()
	}
	return err
}

// End implements backend.Sink. It tells the session's goroutine that the connection has
// ended. That goroutine resumes the session or sends BYE.
func (r *relay) End(err error) {
	c := r.c
	if r.failed != nil {
		err = r.failed // the client's connection failed, not the upstream's
	}
	if c.link.end(r, err, r.inside && !r.hide) {
		c.log.Debug("upstream ended", "err", err)
	}
	if r.turn {
		r.passTurn()
	}
}

// takeTurn waits for the turn to write to the client, if the relay does not have it.
func (r *relay) takeTurn() error {
	if r.turn {
		return nil
	}
	if w := r.c.client.w; !w.tryTake() {
		if err := w.take(r.upstream.Ending()); err != nil {
			return err
		}
	}
	r.turn = true
	return nil
}

// passTurn gives the turn back, so that other goroutines can write to the client.
func (r *relay) passTurn() {
	r.giveBack()
	r.turn = false
	r.c.client.w.release()
}
