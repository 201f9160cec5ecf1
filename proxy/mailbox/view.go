// Package mailbox is what the gateway knows of a mailbox of Exchange: what the
// client has been told of the one that it has selected, whether that still holds,
// and how a stored message is found, flagged and dated.
package mailbox

import (
	"cmp"
	"strings"

	"exgate/backend/wire"
)

// View is the mailbox that the client has selected, as the upstream's replies
// show it. Its numbers are what a lost connection is resumed by: resume.go.
type View struct {
	Mailbox   string // as it is named upstream, decoded of its quoting; "" if none
	Shown     string // as the client named it; "": the same
	ReadWrite bool
	// PermanentFlags are the PERMANENTFLAGS (RFC 9051 section 7.1): nil if unknown.
	PermanentFlags []string

	UIDValidity uint32 // UIDVALIDITY; 0: not said
	UIDNext     uint32 // UIDNEXT at SELECT; 0: not said, as by Exchange 2003
	FirstNext   uint32 // UIDNEXT at the client's own SELECT, if the mailbox was selected again for it; 0: UIDNext
	Exists      uint32 // messages, as the client has been told
	// Early is how many of them were there at SELECT, so that their UIDs are
	// below uidNext. It may be too high, never too low, which the proof of a
	// resume relies on.
	Early uint32
}

// IsSelected tells whether name is the selected mailbox. INBOX is so in any case
// (RFC 9051 section 5.1), and Exchange's other names too (docs/exchange.md#case).
func (v *View) IsSelected(name string, exchange bool) bool {
	if v.Mailbox == "" {
		return false
	}
	if exchange || strings.EqualFold(name, "INBOX") {
		return strings.EqualFold(name, v.Mailbox)
	}
	return name == v.Mailbox
}

// ClientNext is UIDNEXT when the client itself selected the mailbox: it may have seen the messages
// below. 0: not known.
func (v *View) ClientNext() uint32 { return cmp.Or(v.FirstNext, v.UIDNext) }

// ClientName is the mailbox's name to the client.
func (v *View) ClientName() string { return cmp.Or(v.Shown, v.Mailbox) }

// Verb is the command that opens the view anew.
func (v *View) Verb() string {
	if v.ReadWrite {
		return "SELECT"
	}
	return "EXAMINE"
}

// Opened ends the opening of the mailbox: what is there now is there early.
func (v *View) Opened(status wire.Status) {
	v.Early = v.Exists
	if _, ro := status.CodeArgs("READ-ONLY"); ro {
		v.ReadWrite = false
	}
}

// Note keeps the books with an untagged "* n WORD" that concerns them.
func (v *View) Note(n uint32, word string) {
	switch word {
	case "EXISTS":
		v.Exists = n
	case "EXPUNGE":
		if n <= v.Early {
			v.Early--
		}
		if v.Exists > 0 {
			v.Exists--
		}
	}
}

// NoteCode keeps them with the response code of an untagged status.
func (v *View) NoteCode(s wire.Status) {
	if flags, ok := s.CodeArgs("PERMANENTFLAGS"); ok {
		v.PermanentFlags = strings.Fields(strings.Trim(flags, "()"))
	}
	for code, number := range map[string]*uint32{"UIDVALIDITY": &v.UIDValidity, "UIDNEXT": &v.UIDNext} {
		if args, ok := s.CodeArgs(code); ok {
			*number = wire.ParseNumber(args)
		}
	}
}

// NoteLine keeps the books with an untagged line, and tells whether it is one
// of those that SELECT asks for.
func (v *View) NoteLine(line []byte) bool {
	if status, ok := wire.ParseStatus(line); ok {
		v.NoteCode(status)
		return true
	}
	n, word, ok := wire.ParseNumbered(line)
	if ok {
		v.Note(n, word)
	}
	return ok
}
