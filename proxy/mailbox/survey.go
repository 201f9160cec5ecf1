package mailbox

import (
	"context"
	"fmt"

	"exgate/backend"
	"exgate/backend/wire"
)

// Survey is what a look at a mailbox has shown of the messages from a UID on.
type Survey struct {
	UIDValidity uint32
	From        uint32      // the UID
	Next        uint32      // UIDNEXT; 0: not said
	Shown       []candidate // the messages that the server has shown
	Whole       bool        // those are all that EXISTS has counted
}

// Look surveys a mailbox from a mark on, and leaves it selected, read-only. It is
// nil if the mailbox cannot be opened, or is another one now.
func Look(ctx context.Context, conn *backend.Conn, mailbox string, from Mark) (*Survey, error) {
	now := new(View)
	req := backend.NewRequest("EXAMINE").Mailbox(mailbox)
	req.Untagged = now.NoteLine
	status, err := conn.Do(ctx, req)
	if err != nil || status.Word != "OK" || now.UIDValidity != from.UIDValidity {
		return nil, err
	}
	v := &surveyor{conn: conn, from: from.Next, exists: now.Exists, shown: make(map[uint32]candidate), owns: true}
	whole, err := v.survey(ctx)
	if err != nil {
		return nil, err
	}
	s := v.result(now.UIDValidity)
	s.Next, s.Whole = now.UIDNext, whole
	return s, nil
}

// surveyor makes a survey.
type surveyor struct {
	conn    *backend.Conn
	from    uint32
	exists  uint32               // how many messages there were when the mailbox was opened
	shown   map[uint32]candidate // by UID
	below   uint32               // the highest number of a message whose UID is lower than from
	removed bool                 // an EXPUNGE has come, after which the numbers mean others
	owns    bool                 // nobody else is told what the server says on the connection
}

// identifying are the fields that a message is known by.
const identifying = "MESSAGE-ID SUBJECT FROM DATE"

// maxRounds bounds how often messages are asked for by their numbers, and
// maxSingly those whose fields are asked for one by one.
const (
	maxRounds = 3
	maxSingly = 20
)

// survey reports whether all messages from v.from on are in v.shown, but for those
// that have come since the mailbox was opened. It fetches their headers and does
// not SEARCH, for which Exchange asks an index that may lag behind. FETCH may lag
// behind as well (docs/exchange.md#ex-47), and backend.Conn drops a response that
// is too long. So the messages are counted: where the one with the number EXISTS
// less k has a UID below v.from, k messages stand above it, since numbers rise
// with UIDs (RFC 9051 section 2.3.1.2).
func (v *surveyor) survey(ctx context.Context) (whole bool, err error) {
	if v.exists == 0 {
		return true, nil
	}
	if err := v.read(ctx); err != nil {
		return false, err
	}
	missing := v.missing()
	for round := 0; missing > 0 && round < maxRounds && !v.removed; round++ {
		if err := v.fetch(ctx, fmt.Sprintf("FETCH %d:%d", missing, v.exists), "(UID)"); err != nil {
			return false, err
		}
		before := missing
		if missing = v.missing(); missing == before {
			break // the server does not show it by its number either
		}
	}
	return missing == 0 && !v.removed, v.readSingly(ctx)
}

// read asks for the messages.
func (v *surveyor) read(ctx context.Context) error {
	return v.fetch(ctx, fmt.Sprintf("UID FETCH %d:*", v.from), "(UID INTERNALDATE "+fields(identifying)+")")
}

// result is what has been shown.
func (v *surveyor) result(validity uint32) *Survey {
	s := &Survey{UIDValidity: validity, From: v.from}
	for _, m := range v.shown {
		s.Shown = append(s.Shown, m)
	}
	return s
}

// missing is the number of the first message that has to be asked for; 0: none.
func (v *surveyor) missing() uint32 {
	k := uint32(0)
	for _, m := range v.shown {
		if m.number <= v.exists {
			k++
		}
	}
	if k >= v.exists || v.below >= v.exists-k {
		return 0
	}
	return v.exists - k
}

// readSingly asks for the fields of messages of which only the UIDs are known:
// together they may be too long.
func (v *surveyor) readSingly(ctx context.Context) error {
	asked := 0
	for uid, m := range v.shown {
		if !m.unread {
			continue
		}
		if asked++; asked > maxSingly {
			break
		}
		whole := Fingerprint{}
		read := true
		for _, field := range []struct {
			name string
			part func(*Fingerprint) *string
		}{
			{"MESSAGE-ID", func(f *Fingerprint) *string { return &f.messageID }},
			{"DATE", func(f *Fingerprint) *string { return &f.date }},
			{"FROM", func(f *Fingerprint) *string { return &f.from }},
			{"SUBJECT", func(f *Fingerprint) *string { return &f.subject }},
		} {
			m.unread = true
			v.shown[uid] = m
			if err := v.fetch(ctx, fmt.Sprintf("UID FETCH %d", uid),
				"(UID INTERNALDATE "+fields(field.name)+")"); err != nil {
				return err
			}
			one := v.shown[uid]
			if one.unread {
				read = false
				continue
			}
			*field.part(&whole) = *field.part(&one.Fingerprint)
			m.internalDate = one.internalDate
		}
		m.Fingerprint, m.unread = whole, !read
		v.shown[uid] = m
	}
	return nil
}

// fields is the item for fields of a message's header.
func fields(names string) string { return "BODY.PEEK[HEADER.FIELDS (" + names + ")]" }

// fetch asks for messages. A command that is refused has shown nothing.
func (v *surveyor) fetch(ctx context.Context, command, items string) error {
	req := backend.NewRequest(command).Raw(items)
	req.Untagged = v.note
	_, err := v.conn.Do(ctx, req)
	return err
}

// note takes an untagged response.
func (v *surveyor) note(response []byte) bool {
	m, ok := parseCandidate(response)
	if !ok {
		if _, word, ok := wire.ParseNumbered(response); ok {
			v.removed = v.removed || word == "EXPUNGE"
			return v.owns
		}
		return false
	}
	if m.uid < v.from { // "n:*" names the last message, whatever its UID
		v.below = max(v.below, m.number)
		return true
	}
	if known, ok := v.shown[m.uid]; !ok || known.unread {
		v.shown[m.uid] = m
	}
	return true
}
