package survey

import (
	"exgate/backend"
	"exgate/backend/wire"
)

// overheard keeps what the server says between two commands, such as a line that is no response (EX-72). It implements
// backend.Sink.
type overheard struct {
	conn  *backend.Conn
	words *words
	line  []byte // the beginning of the response that has not ended yet
}

func (o *overheard) Take(f wire.Fragment) error {
	if f.First {
		if f.Kind == wire.Tagged {
			return backend.OutOfStep(f.Data)
		}
		o.line = o.line[:0]
	}
	if len(o.line) <= maxWordBytes {
		o.line = append(o.line, f.Data...)
	}
	if !f.Last {
		return nil
	}
	o.words.trace(false, o.line)
	if status, ok := wire.ParseStatus(o.line); ok {
		o.conn.Said(status)
	}
	return nil
}

func (o *overheard) Flush() error { return nil }

func (o *overheard) End(error) {}
