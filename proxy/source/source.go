// Package source reads the mailboxes of an IMAP account before they are moved, and changes
// nothing there: it opens mailboxes with EXAMINE and fetches with BODY.PEEK (RFC 9051 sections
// 6.3.3 and 6.4.5). It connects again when a connection is lost, and goes on where it was.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/folders"
)

// Options describe the server of the accounts.
type Options struct {
	Dialer   *backend.Dialer
	Reply    time.Duration   // silence of the server that ends a connection; 0: backend.DefaultReply
	Messages *backend.Pace   // messages that are read
	Bytes    *backend.Pace   // of their texts
	Pauses   []time.Duration // before each attempt to connect again; nil: the usual ones
	most     int             // responses to a command; 0: maxResponses
}

// pauses are the usual pauses before a lost connection is made again. They are our own choice:
// half a minute lets a server restart.
var pauses = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second}

// Login says which mailbox is read, and by whom.
type Login struct {
	User     string
	Admin    string // who logs in for the user, by SASL PLAIN (RFC 4616); "": the user
	Password backend.Secret
}

// Mailbox is a mailbox of the source.
type Mailbox struct {
	Name       string // decoded
	Separator  string // between its levels; ""
	Attributes []string
	Messages   uint32 // as EXAMINE has it

	wire string
}

// Message is a message of the source.
type Message struct {
	UID   uint32
	Flags []string
	Date  string    // the INTERNALDATE; "": none, or an invalid one
	Size  int64     // as the server says
	Text  io.Reader // valid during the call
	// HeaderOnly says that Text has only the beginning of the header, because the message
	// exceeds the size that Sink.Wants.
	HeaderOnly bool
}

// Sink gets what is read. Its methods are called one at a time.
type Sink interface {
	// Mailboxes gets all mailboxes, once, before anything else.
	Mailboxes(all []Mailbox) error
	// Open is called before the messages of a mailbox.
	Open(m Mailbox)
	// Wants reports whether the text of a message of this size is wanted.
	Wants(size int64) bool
	// Message gets a message. An error ends the reading.
	Message(m Message) error
	// Failed gets what cannot be read: a message by its UID, or the rest of a mailbox (uid 0).
	Failed(m Mailbox, uid uint32, reason error)
	// Lost is called when the connection was lost and will be made again.
	Lost(reason error)
}

// maxMailboxes limits the mailboxes of one account.
const maxMailboxes = 100_000

// maxTries is how often a message or mailbox is asked for that costs the connection each time.
const maxTries = 3

// Read reads an account. The error is that of the login, of the sink or of ctx, or says why the
// connection could not be made again.
func Read(ctx context.Context, o Options, login Login, sink Sink) error {
	if o.Reply == 0 {
		o.Reply = backend.DefaultReply
	}
	if o.Pauses == nil {
		o.Pauses = pauses
	}
	r := &reading{Options: o, login: login, sink: sink, seen: make(map[uint32]bool)}
	for {
		before := r.progress
		err := r.connected(ctx)
		var byServer *imap.Error
		var bySink *sinkError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &bySink):
			return bySink.error
		case !r.hasOpened, errors.As(err, &byServer) && !r.isOpen:
			return err // the password, or the account, is wrong
		}
		if r.progress != before {
			r.losses = 0
		}
		if r.isOpen {
			r.outages = 0
			r.lost(err)
		}
		if r.mailboxes == nil && r.losses == maxTries {
			return err
		}
		if r.outages == len(o.Pauses) {
			return fmt.Errorf("the connection was lost, and %d attempts to connect again have failed: %w",
				r.outages, err)
		}
		sink.Lost(err)
		if err := backend.Sleep(ctx, o.Pauses[r.outages]); err != nil {
			return err
		}
		r.outages++
	}
}

// reading is the state of reading an account, over several connections.
type reading struct {
	Options
	login     Login
	sink      Sink
	mailboxes []Mailbox       // nil: not known yet
	at        int             // the mailbox at hand
	validity  uint32          // its UIDVALIDITY; 0: it has not been opened
	last      uint32          // the UID up to which its messages have been read
	seen      map[uint32]bool // messages after last that have been read
	asked     uint32          // the first UID of the texts that were asked for; 0: none
	careful   int             // windows to come that have one message
	progress  int             // messages and mailboxes that are done
	hasOpened bool            // a login has succeeded
	isOpen    bool            // that of the current connection has
	losses    int             // connections that were lost without progress
	outages   int             // attempts to connect that have failed since
}

// sinkError is an error of the sink.
type sinkError struct{ error }

// lost decides what is passed over: what has cost maxTries connections.
func (r *reading) lost(err error) {
	r.careful = maxWindow // to find out which message costs the connection
	if r.losses++; r.losses < maxTries || r.at == len(r.mailboxes) {
		return
	}
	r.losses = 0
	r.sink.Failed(r.mailboxes[r.at], r.asked, err)
	if r.asked == 0 {
		r.next()
	} else {
		r.read(r.asked)
	}
}

// next goes to the next mailbox.
func (r *reading) next() {
	r.at, r.validity, r.last, r.asked = r.at+1, 0, 0, 0
	r.progress++
	clear(r.seen)
}

// read notes that a message is done.
func (r *reading) read(uid uint32) {
	r.seen[uid] = true
	r.progress++
}

// connected makes a connection, and reads as far as it goes.
func (r *reading) connected(ctx context.Context) error {
	r.isOpen = false
	s, err := open(ctx, r.Options, r.login)
	if err != nil {
		return err
	}
	defer s.close()
	r.isOpen, r.hasOpened = true, true
	if r.mailboxes == nil {
		all, err := s.list()
		if err != nil {
			return err
		}
		r.mailboxes = all
		if err := r.sink.Mailboxes(slices.Clone(r.mailboxes)); err != nil {
			return &sinkError{err}
		}
	}
	for r.at < len(r.mailboxes) {
		if err := r.mailbox(ctx, s); err != nil {
			return err
		}
		r.next()
	}
	return nil
}

// mailbox reads the mailbox at hand, from where it was left.
func (r *reading) mailbox(ctx context.Context, s *session) error {
	m := r.mailboxes[r.at]
	if m.hasNoMessages() {
		return nil
	}
	r.asked = 0
	selected, err := s.examine(m)
	var refused *imap.Error
	switch {
	case errors.As(err, &refused):
		r.sink.Failed(m, 0, err)
		return nil
	case err != nil:
		return err
	}
	m.Messages = selected.NumMessages
	switch validity := max(selected.UIDValidity, 1); r.validity {
	case 0:
		r.validity = validity
		r.sink.Open(m)
	case validity:
	default:
		r.sink.Failed(m, 0, errors.New("the source has made the mailbox anew while it was read"))
		return nil
	}
	first, err := s.after(r.last)
	for err == nil && first <= s.messages() {
		n := uint32(maxWindow)
		if r.careful > 0 {
			r.careful--
			n = 1
		}
		last := min(first+n-1, s.messages())
		if err := r.window(ctx, s, first, last); err != nil {
			return err
		}
		if first = last + 1; s.shifted.Swap(false) {
			first, err = s.after(r.last)
		}
	}
	return err
}

// window reads the messages with these sequence numbers.
func (r *reading) window(ctx context.Context, s *session, first, last uint32) error {
	r.asked = 0
	messages, err := s.about(first, last)
	if err != nil {
		return err
	}
	var texts, headers []uint32
	highest := r.last
	for seq := first; seq <= last; seq++ {
		m, ok := messages[seq]
		if !ok || m.UID <= r.last {
			continue
		}
		if highest = max(highest, m.UID); r.seen[m.UID] {
			continue
		}
		if r.sink.Wants(m.Size) {
			texts = append(texts, seq)
		} else {
			headers = append(headers, seq)
		}
	}
	for _, part := range []struct {
		seqs       []uint32
		headerOnly bool
	}{{texts, false}, {headers, true}} {
		if err := r.texts(ctx, s, messages, part.seqs, part.headerOnly); err != nil {
			return err
		}
	}
	r.last = highest
	maps.DeleteFunc(r.seen, func(uid uint32, _ bool) bool { return uid <= r.last })
	return nil
}

// texts reads the texts of messages, or the headers of those that are too large.
func (r *reading) texts(
	ctx context.Context, s *session, messages map[uint32]*Message, seqs []uint32, headerOnly bool,
) error {
	if len(seqs) == 0 {
		return nil
	}
	if r.Messages != nil {
		if err := r.Messages.Wait(ctx, len(seqs)); err != nil {
			return err
		}
	}
	r.asked = messages[seqs[0]].UID
	refused, err := s.texts(seqs, headerOnly, func(seq uint32, text io.Reader, size int64) error {
		m := messages[seq]
		if m == nil || r.seen[m.UID] {
			return nil
		}
		if m.HeaderOnly = headerOnly; !headerOnly && !r.sink.Wants(size) { // RFC822.SIZE was wrong
			m.HeaderOnly, m.Size = true, size
		}
		if m.HeaderOnly {
			text = io.LimitReader(text, maxHeader)
		}
		counted := &countReader{Reader: text}
		m.Text = counted
		if err := r.sink.Message(*m); counted.err != nil {
			return counted.err // the connection was lost
		} else if err != nil {
			return &sinkError{err}
		}
		r.read(m.UID)
		if r.Bytes != nil {
			return r.Bytes.Wait(ctx, counted.n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		if m := messages[seq]; !r.seen[m.UID] {
			r.sink.Failed(r.mailboxes[r.at], m.UID, cmp.Or(refused, errNoText))
			r.read(m.UID)
		}
	}
	return nil
}

// errNoText is the reason for a message that was not answered.
var errNoText = errors.New("the source has sent no text for it")

// countReader counts what is read, and remembers an error.
type countReader struct {
	io.Reader
	n   int
	err error
}

// Read implements io.Reader.
func (r *countReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// hasNoMessages reports whether a mailbox only holds others (RFC 9051 section 7.3.1).
func (m *Mailbox) hasNoMessages() bool {
	return slices.ContainsFunc(m.Attributes, func(a string) bool {
		return imap.MailboxAttr(a) == imap.MailboxAttrNoSelect || imap.MailboxAttr(a) == imap.MailboxAttrNonExistent
	})
}

// decoded returns the text of a name on the wire. Bytes that are neither modified UTF-7 nor
// UTF-8 are taken for Latin-1, as most were.
func decoded(wire string) string {
	name, ok := folders.Decode(wire)
	if ok {
		return name
	}
	runes := make([]rune, len(wire))
	for i := range len(wire) {
		runes[i] = rune(wire[i])
	}
	return string(runes)
}
