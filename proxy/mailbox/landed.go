package mailbox

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
)

// When the connection is lost before the reply to an APPEND, the message may
// have been stored. On a new connection it is looked for among the messages
// that have come since, so that it is neither lost nor stored twice. It is
// known by its header, not by its size or a hash: Exchange writes a message
// anew from its properties, and estimates the size
// (docs/exchange.md#regenerated, docs/exchange.md#size).

// Mark is a place in a mailbox: the messages that come from now on have UIDs
// of at least next.
type Mark struct {
	Mailbox     string // as it is named upstream
	UIDValidity uint32
	Next        uint32 // 0: not known, ask
}

// StatusNumbers reads the list of a STATUS response.
func StatusNumbers(line []byte) (map[string]uint32, bool) {
	text := strings.ToUpper(strings.TrimRight(string(line), "\r\n"))
	open := strings.LastIndexByte(text, '(')
	if !strings.HasPrefix(text, "* STATUS ") || open < 0 || !strings.HasSuffix(text, ")") {
		return nil, false
	}
	numbers := make(map[string]uint32)
	for pair := range slices.Chunk(strings.Fields(text[open+1:len(text)-1]), 2) {
		if len(pair) == 2 {
			numbers[pair[0]] = wire.ParseNumber(pair[1])
		}
	}
	return numbers, true
}

// Landing is what is known of a message whose APPEND has no reply.
type Landing int

const (
	LandingUnknown Landing = iota // cannot be told
	LandingAbsent                 // it was not stored
	LandingFound                  // it was
)

func (l Landing) String() string {
	return [...]string{LandingUnknown: "not known", LandingAbsent: "no", LandingFound: "yes"}[l]
}

// Look looks for an uploaded message from its mark on. It leaves the mailbox
// selected, read-only.
func Look(ctx context.Context, conn *backend.Conn, from Mark, message io.WriterTo, date string) (Landing, *imap.AppendData, error) {
	if from.Next == 0 {
		return LandingUnknown, nil, nil
	}
	now := new(View)
	req := backend.NewRequest("EXAMINE").Mailbox(from.Mailbox)
	req.Untagged = now.NoteLine
	status, err := conn.Do(ctx, req)
	switch {
	case err != nil:
		return LandingUnknown, nil, err
	case status.Word != "OK" || now.UIDValidity != from.UIDValidity:
		return LandingUnknown, nil, nil
	case now.Exists == 0 || now.UIDNext != 0 && now.UIDNext <= from.Next:
		return LandingAbsent, nil, nil // and "UID FETCH n:*" would name the last message
	}
	wanted, err := ReadFingerprint(message)
	if err != nil {
		return LandingUnknown, nil, err
	}
	found, uid, err := search(ctx, conn, from.Next, wanted, date)
	if found != LandingFound || err != nil {
		return found, nil, err
	}
	return found, &imap.AppendData{UIDValidity: now.UIDValidity, UID: imap.UID(uid)}, nil
}

// search looks through the messages with UIDs of at least from. It fetches
// their headers and does not SEARCH, for which Exchange asks an index that may
// lag behind.
func search(ctx context.Context, conn *backend.Conn, from uint32, wanted Fingerprint, date string) (Landing, uint32, error) {
	found, uid := LandingAbsent, uint32(0)
	req := backend.NewRequest("UID FETCH").Raw(fmt.Sprintf("%d:*", from)).
		Raw("(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])")
	req.Untagged = func(response []byte) bool {
		m, ok := parseCandidate(response)
		if !ok {
			return false
		}
		if m.uid < from || found == LandingFound { // "n:*" names the last message, whatever its UID
			return true
		}
		if verdict := wanted.compare(m, date); verdict == LandingFound {
			found, uid = verdict, m.uid
		} else if verdict == LandingUnknown {
			found = verdict
		}
		return true
	}
	status, err := conn.Do(ctx, req)
	if err != nil || status.Word != "OK" {
		return LandingUnknown, 0, err
	}
	return found, uid, nil
}
