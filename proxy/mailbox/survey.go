package mailbox

import (
	"context"
	"fmt"
	"slices"

	"exgate/backend"
	"exgate/backend/wire"
)

// Survey is the result of a look at the messages of a mailbox from a UID on.
type Survey struct {
	UIDValidity uint32
	From        uint32      // the first UID of the look
	Next        uint32      // UIDNEXT; 0: the server has not said it
	Shown       []candidate // the messages that the server has shown
	Whole       bool        // Shown has all messages that EXISTS has counted
}

// Look surveys a mailbox from a mark on, and leaves it selected read-only. It returns nil
// if the mailbox cannot be opened or has another UIDVALIDITY now. The error is that of the
// connection, or a throttle.
func Look(ctx context.Context, conn *backend.Conn, mailbox string, from Mark) (*Survey, error) {
	now := new(View)
	req := backend.NewRequest("EXAMINE").Mailbox(mailbox)
	req.Untagged = now.NoteLine
	status, err := conn.DoUnthrottled(ctx, "EXAMINE", req)
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
	exists  uint32               // the number of messages when the mailbox was opened
	shown   map[uint32]candidate // by UID
	below   uint32               // the highest number of a message whose UID is lower than from
	removed bool                 // an EXPUNGE has come, so that the numbers have changed
	owns    bool                 // no other reader needs the untagged responses of the connection
	marks   bool                 // the mark of mbsync is asked for, too
}

// identifying has the header fields that identify a message.
const identifying = "MESSAGE-ID SUBJECT FROM DATE"

// maxRounds limits how often the survey asks for messages by their numbers. maxSingly
// limits the messages whose fields it asks for one by one.
const (
	maxRounds = 3
	maxSingly = 20
)

// survey fills v.shown, and reports whether it has all messages from v.from on. Messages
// that have come since the mailbox was opened do not count. survey fetches the headers, and
// does not SEARCH: Exchange answers SEARCH from an index that may lag behind. FETCH may lag
// behind as well (docs/exchange.md#ex-47), and backend.Conn drops a response that is too
// long. So survey counts the messages. Numbers rise with UIDs (RFC 9051 section 2.3.1.2).
// If the message with the number EXISTS minus k has a UID below v.from, exactly k messages
// stand above it.
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
			break // the server does not show the message by its number either
		}
	}
	return missing == 0 && !v.removed, v.readSingly(ctx)
}

// read fetches the UIDs, dates and identifying fields of the messages.
func (v *surveyor) read(ctx context.Context) error { return v.do(ctx, v.readRequest()) }

func (v *surveyor) readRequest() *backend.Request {
	names := identifying
	if v.marks {
		names += " X-TUID"
	}
	return v.request(fmt.Sprintf("UID FETCH %d:*", v.from), "(UID INTERNALDATE "+fields(names)+")")
}

// result returns the survey with the messages that the server has shown.
func (v *surveyor) result(validity uint32) *Survey {
	s := &Survey{UIDValidity: validity, From: v.from}
	for _, m := range v.shown {
		s.Shown = append(s.Shown, m)
	}
	return s
}

// missing returns the number of the first message that survey must ask for; 0 if there is
// none.
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

// readSingly fetches the fields of a message one by one if only its UID is known, because
// all fields together may be too long.
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

// fields returns the FETCH item for these fields of a message's header.
func fields(names string) string { return "BODY.PEEK[HEADER.FIELDS (" + names + ")]" }

// fetch asks for messages. If the server refuses the command, fetch returns no error, and
// v.shown has no new messages. A throttle is an error.
func (v *surveyor) fetch(ctx context.Context, command, items string) error {
	return v.do(ctx, v.request(command, items))
}

func (v *surveyor) request(command, items string) *backend.Request {
	req := backend.NewRequest(command).Raw(items)
	req.Untagged = v.note
	return req
}

func (v *surveyor) do(ctx context.Context, req *backend.Request) error {
	_, err := v.conn.DoUnthrottled(ctx, "FETCH", req)
	return err
}

// note handles an untagged response. It returns true if no other reader needs the response.
func (v *surveyor) note(response []byte) bool {
	m, ok := parseCandidate(response)
	if !ok {
		if _, word, ok := wire.ParseNumbered(response); ok {
			v.removed = v.removed || word == "EXPUNGE"
			return v.owns
		}
		return false
	}
	if m.uid < v.from { // "n:*" includes the last message, whatever its UID
		v.below = max(v.below, m.number)
		return true
	}
	if known, ok := v.shown[m.uid]; !ok || known.unread {
		v.shown[m.uid] = m
	}
	return true
}

// WithID returns the first message of that Message-ID that is none of the others; 0 if the look
// has shown none. sure reports whether it would have shown the message.
func (s *Survey) WithID(id string, others []uint32) (uid uint32, sure bool) {
	if len(id) > longestKept {
		return 0, false // its end may have been cut
	}
	for _, m := range s.Shown {
		if m.messageID == id && m.uid >= s.From && !slices.Contains(others, m.uid) && (uid == 0 || m.uid < uid) {
			uid = m.uid
		}
	}
	return uid, s.Whole
}
