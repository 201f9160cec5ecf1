package proxy

import (
	"cmp"
	"strings"

	"exgate/backend/wire"
)

// view is the mailbox that the client has selected, as the upstream's replies
// show it. Its numbers are what a lost connection is resumed by: resume.go.
type view struct {
	mailbox   string // as it is named upstream, decoded of its quoting; "" if none
	shown     string // as the client named it; "": the same
	readWrite bool
	// flags are the PERMANENTFLAGS (RFC 9051 section 7.1): nil if unknown.
	flags []string

	validity uint32 // UIDVALIDITY; 0: not said
	uidNext  uint32 // UIDNEXT at SELECT; 0: not said, as by Exchange 2003
	exists   uint32 // messages, as the client has been told
	// early is how many of them were there at SELECT, so that their UIDs are
	// below uidNext. It may be too high, never too low, which the proof of a
	// resume relies on.
	early uint32
}

// holds tells whether name is the selected mailbox. INBOX is so in any case
// (RFC 9051 section 5.1), and Exchange's other names too (behaviour notes §4.5).
func (v *view) holds(name string, exchange bool) bool {
	if v.mailbox == "" {
		return false
	}
	if exchange || strings.EqualFold(name, "INBOX") {
		return strings.EqualFold(name, v.mailbox)
	}
	return name == v.mailbox
}

// called is the mailbox's name to the client.
func (v *view) called() string { return cmp.Or(v.shown, v.mailbox) }

// verb is the command that opens the view anew.
func (v *view) verb() string {
	if v.readWrite {
		return "SELECT"
	}
	return "EXAMINE"
}

// opened ends the opening of the mailbox: what is there now is there early.
func (v *view) opened(status wire.Status) {
	v.early = v.exists
	if _, ro := status.CodeArgs("READ-ONLY"); ro {
		v.readWrite = false
	}
}

// note keeps the books with an untagged "* n WORD" that concerns them.
func (v *view) note(n uint32, word string) {
	switch word {
	case "EXISTS":
		v.exists = n
	case "EXPUNGE":
		if n <= v.early {
			v.early--
		}
		if v.exists > 0 {
			v.exists--
		}
	}
}

// noteCode keeps them with the response code of an untagged status.
func (v *view) noteCode(s wire.Status) {
	if flags, ok := s.CodeArgs("PERMANENTFLAGS"); ok {
		v.flags = strings.Fields(strings.Trim(flags, "()"))
	}
	for code, number := range map[string]*uint32{"UIDVALIDITY": &v.validity, "UIDNEXT": &v.uidNext} {
		if args, ok := s.CodeArgs(code); ok {
			*number = wire.ParseNumber(args)
		}
	}
}

// noteLine keeps the books with an untagged line, and tells whether it is one
// of those that SELECT asks for.
func (v *view) noteLine(line []byte) bool {
	if status, ok := wire.ParseStatus(line); ok {
		v.noteCode(status)
		return true
	}
	n, word, ok := wire.ParseNumbered(line)
	if ok {
		v.note(n, word)
	}
	return ok
}

// fold makes names equal that the upstream takes for the same.
func fold(name string) string { return strings.ToLower(name) }
