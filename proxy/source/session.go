package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"exgate/backend/wire"
)

// session is one connection that is logged in.
type session struct {
	client  *imapclient.Client
	guard   *guard
	stop    func() bool  // of the context
	exists  atomic.Int64 // messages of the open mailbox
	shifted atomic.Bool  // a message has gone, so that sequence numbers mean other messages
}

// maxWindow is how many messages are asked for at a time.
const maxWindow = 50

// maxHeader is how much of the header of a large message is read.
const maxHeader = 64 << 10

// The items that the FETCH responses of the two commands have, as guard looks for them.
const (
	wantsUID  = "UID "
	wantsSize = "RFC822.SIZE"
	wantsText = "BODY["
)

// open connects and logs in. The error is an *imap.Error if the server has refused the login.
func open(ctx context.Context, o Options, login Login) (*session, error) {
	dialed, err := o.Dialer.Dial(ctx, "")
	if err != nil {
		return nil, err
	}
	s := &session{guard: newGuard(dialed, o.Reply)}
	s.guard.secret, s.guard.most = login.Password.Reveal(), cmp.Or(o.most, maxResponses)
	s.stop = context.AfterFunc(ctx, func() { s.guard.cut(context.Cause(ctx)) })
	s.guard.begin("")
	s.client = imapclient.New(s.guard, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(uint32) {
			s.exists.Add(-1)
			s.shifted.Store(true)
		},
		Mailbox: func(m *imapclient.UnilateralDataMailbox) {
			if m.NumMessages != nil {
				s.exists.Store(int64(*m.NumMessages))
			}
		},
	}})
	err = s.do("", func() error { return s.logIn(login) })
	if err != nil {
		s.close()
		return nil, fmt.Errorf("login of %s: %w", login.User, err)
	}
	return s, nil
}

// logIn logs in with SASL PLAIN where the server has it or an admin needs it, else with LOGIN.
func (s *session) logIn(login Login) error {
	caps := s.client.Caps()
	if caps == nil {
		return errors.New("the source does not answer CAPABILITY")
	}
	if login.Admin != "" {
		return s.client.Authenticate(sasl.NewPlainClient(login.User, login.Admin, s.guard.secret))
	}
	if caps.Has(imap.AuthCap(sasl.Plain)) {
		return s.client.Authenticate(sasl.NewPlainClient("", login.User, s.guard.secret))
	}
	return s.client.Login(login.User, s.guard.secret).Wait()
}

// retried are the response codes of refusals that pass (RFC 9051 section 7.1, RFC 5530).
var retried = []imap.ResponseCode{imap.ResponseCodeLimit, imap.ResponseCodeUnavailable, imap.ResponseCodeInUse}

// do runs a command. The error is an *imap.Error if the server refuses the command for good.
// Any other one ends the connection.
func (s *session) do(wants string, command func() error) error {
	s.guard.begin(wants)
	err := command()
	s.guard.end()
	var refused *imap.Error
	if err == nil {
		return nil
	}
	if !errors.As(err, &refused) {
		return s.guard.reason(fmt.Errorf("the answer of the source cannot be read: %s", wire.Words(err.Error())))
	}
	if slices.Contains(retried, imap.ResponseCode(strings.ToUpper(string(refused.Code)))) {
		return fmt.Errorf("the source refuses for now: %s", refused.Text)
	}
	return refused
}

// close ends the connection. A LOGOUT would wait for a server that may not answer.
func (s *session) close() {
	s.stop()
	s.guard.cut(errors.New("exgate has closed the connection"))
	s.client.Close()
	s.guard.r.Release()
}

// list returns all mailboxes.
func (s *session) list() (all []Mailbox, err error) {
	err = s.do("", func() error {
		list := s.client.List("", "*", nil)
		for data := list.Next(); data != nil; data = list.Next() {
			name, ok := nameOf(data.Mailbox)
			if !ok || len(all) == maxMailboxes {
				continue
			}
			m := Mailbox{Name: decoded(name), wire: name}
			if data.Delim != 0 {
				m.Separator = string(data.Delim)
			}
			for _, a := range data.Attrs {
				m.Attributes = append(m.Attributes, string(a))
			}
			all = append(all, m)
		}
		return list.Close()
	})
	if all == nil {
		all = []Mailbox{} // an account without mailboxes
	}
	return all, err
}

// maxName is the longest name that can be opened: the client writes a longer one in parts.
const maxName = 1500

// examine opens a mailbox without the right to change it.
func (s *session) examine(m Mailbox) (selected *imap.SelectData, err error) {
	if len(m.wire) > maxName || strings.ContainsAny(m.wire, "\r\n\x00") {
		return nil, &imap.Error{
			Type: imap.StatusResponseTypeNo, Text: "exgate: the name is too long, or has a line end",
		}
	}
	s.exists.Store(0)
	s.shifted.Store(false)
	err = s.do("", func() error {
		selected, err = s.client.Select(standIn(m.wire), &imap.SelectOptions{ReadOnly: true}).Wait()
		return err
	})
	if err == nil {
		s.exists.CompareAndSwap(0, int64(selected.NumMessages)) // the number may have changed since
	}
	return selected, err
}

// messages returns how many messages the open mailbox has. The client's own number is set only
// some time after the reply to EXAMINE.
func (s *session) messages() uint32 {
	return uint32(max(s.exists.Load(), 0))
}

// after returns the sequence number of the first message with a UID above last.
func (s *session) after(last uint32) (uint32, error) {
	if last == 0 {
		return 1, nil
	}
	var failed error
	n := sort.Search(int(s.messages()), func(i int) bool {
		if failed != nil {
			return true
		}
		uid, err := s.uid(uint32(i + 1))
		failed = err
		return uid > last
	})
	return uint32(n + 1), failed
}

func (s *session) uid(seq uint32) (uid uint32, err error) {
	err = s.do(wantsUID, func() error {
		fetch := s.client.Fetch(imap.SeqSetNum(seq), &imap.FetchOptions{UID: true})
		for m := fetch.Next(); m != nil; m = fetch.Next() {
			for item := m.Next(); item != nil; item = m.Next() {
				if item, ok := item.(imapclient.FetchItemDataUID); ok {
					uid = uint32(item.UID)
				}
			}
		}
		return fetch.Close()
	})
	if err == nil && uid == 0 {
		err = fmt.Errorf("the source does not say the UID of message %d", seq)
	}
	return uid, err
}

// about returns what the server says of messages, by sequence number.
func (s *session) about(first, last uint32) (map[uint32]*Message, error) {
	found := make(map[uint32]*Message)
	err := s.do(wantsSize, func() error {
		var set imap.SeqSet
		set.AddRange(first, last)
		fetch := s.client.Fetch(set, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true})
		for m := fetch.Next(); m != nil; m = fetch.Next() {
			message := &Message{}
			for item := m.Next(); item != nil; item = m.Next() {
				message.set(item)
			}
			if message.UID != 0 {
				found[m.SeqNum] = message
			}
		}
		return fetch.Close()
	})
	return found, err
}

// set takes an item of a FETCH response.
func (m *Message) set(item imapclient.FetchItemData) {
	switch item := item.(type) {
	case imapclient.FetchItemDataUID:
		m.UID = uint32(item.UID)
	case imapclient.FetchItemDataRFC822Size:
		m.Size = item.Size
	case imapclient.FetchItemDataFlags:
		for _, flag := range item.Flags {
			m.Flags = append(m.Flags, string(flag))
		}
	case imapclient.FetchItemDataInternalDate:
		if item.Time.Year() > 1970 {
			m.Date = item.Time.Format("02-Jan-2006 15:04:05 -0700")
		}
	}
}

// texts gets the texts of messages. refused is what the server says if it refuses some.
func (s *session) texts(
	seqs []uint32, headerOnly bool, take func(seq uint32, text io.Reader, size int64) error,
) (refused error, err error) {
	section := &imap.FetchItemBodySection{Peek: true}
	if headerOnly {
		section.Specifier = imap.PartSpecifierHeader
		section.Partial = &imap.SectionPartial{Size: maxHeader}
	}
	err = s.do(wantsText, func() error {
		fetch := s.client.Fetch(imap.SeqSetNum(seqs...),
			&imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
		for m := fetch.Next(); m != nil; m = fetch.Next() {
			for item := m.Next(); item != nil; item = m.Next() {
				body, ok := item.(imapclient.FetchItemDataBodySection)
				if !ok || body.Literal == nil {
					continue
				}
				text := &textReader{r: body.Literal, left: body.Literal.Size()}
				err := take(m.SeqNum, text, text.left)
				if err == nil && text.left > maxDiscarded {
					err = errors.New("exgate does not read the rest of a large message")
				}
				if err != nil {
					s.leave(fetch, text, err)
					return err
				}
			}
		}
		return fetch.Close()
	})
	var no *imap.Error
	if errors.As(err, &no) {
		return no, nil // the others have come
	}
	return nil, err
}

// leave ends a FETCH within a text. The client must not read the rest of a text while its own
// goroutine goes on after it: that ends first.
func (s *session) leave(fetch *imapclient.FetchCommand, text *textReader, err error) {
	s.guard.cut(err)
	io.Copy(io.Discard, text) // what is buffered; the client waits for it
	if text.left > 0 {
		<-s.client.Closed()
	}
	fetch.Close()
}

// maxDiscarded is how much of a large message is passed over. With more to come, a new
// connection costs the source less.
const maxDiscarded = 16 << 20

// textReader reads a literal. If the connection is lost within it, the error is
// io.ErrUnexpectedEOF.
type textReader struct {
	r    io.Reader
	left int64
	err  error // the end
}

// Read implements io.Reader.
func (t *textReader) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.r.Read(p)
	t.left -= int64(n)
	if err == io.EOF && t.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	t.err = err
	return n, err
}
