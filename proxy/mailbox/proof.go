package mailbox

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// ChangedError says that a mailbox is not what the client takes it for.
type ChangedError struct {
	Mailbox string // as the client names it
	How     string // what is different, as the rest of a sentence
}

func (e *ChangedError) Error() string {
	return "the mailbox " + strconv.QuoteToASCII(e.Mailbox) + " " + e.How
}

// SameMailbox tells whether the UIDs of a mailbox still mean the same.
func SameMailbox(old, now *View) error {
	if old.UIDValidity == 0 || old.UIDValidity != now.UIDValidity {
		return &ChangedError{old.ClientName(), "is another one now: its UIDVALIDITY has changed"}
	}
	return nil
}

// ProveEqual tells whether the messages that the client knows still have the
// numbers that it knows them by. uids are those of the messages around
// old.early in the mailbox as it is now.
//
// The messages that were there at SELECT have the UIDs below old.uidNext, and
// no other ever gets one: if the same number of them is there, they are the
// same. Those that the client was told of since then are the same if no UID
// from old.uidNext on is missing now. A message that came meanwhile stands
// behind all of them (RFC 9051 section 2.3.1.1).
func ProveEqual(old, now *View, uids Neighbours) error {
	if err := SameMailbox(old, now); err != nil {
		return err
	}
	switch {
	case old.UIDNext == 0:
		return &ChangedError{old.ClientName(), "may have changed: the server does not say UIDNEXT"}
	case now.Exists < old.Exists:
		return &ChangedError{old.ClientName(), "has lost messages"}
	case old.Early > 0 && (uids.last == 0 || uids.last >= old.UIDNext):
		return &ChangedError{old.ClientName(), "has lost messages"}
	case uids.next != 0 && uids.next < old.UIDNext:
		return &ChangedError{old.ClientName(), "has other messages than before"} // the server has used a UID again
	case now.Exists > old.Early && uids.next == 0:
		return &ChangedError{old.ClientName(), "may have changed: the server does not tell the UIDs"}
	case old.Exists > old.Early && now.UIDNext-old.UIDNext != now.Exists-old.Early:
		return &ChangedError{old.ClientName(), "has lost messages that came since it was selected"}
	}
	return nil
}

// Neighbours are the UIDs of the last of the early messages and of the one
// behind it; 0: there is none.
type Neighbours struct{ last, next uint32 }

// UIDsAround asks for the UIDs of the messages early and early+1 of exists.
// That the first is below UIDNEXT of old and the second not tells as much as a
// count of the UIDs below, and costs the same in a mailbox of any size.
func UIDsAround(ctx context.Context, conn *backend.Conn, early, exists uint32) (Neighbours, error) {
	from, to := max(early, 1), min(early+1, exists)
	if from > to {
		return Neighbours{}, nil
	}
	var found Neighbours
	req := backend.NewRequest("FETCH").Raw(fmt.Sprintf("%d:%d (UID)", from, to))
	req.Untagged = func(line []byte) bool {
		n, uid, ok := FetchedUID(line)
		switch {
		case !ok:
			return false
		case n == early:
			found.last = uid
		case n == early+1:
			found.next = uid
		}
		return true
	}
	status, err := conn.Do(ctx, req)
	if err != nil {
		return found, err
	}
	if status.Word != "OK" {
		return found, backend.ReplyError("FETCH", status)
	}
	return found, nil
}

// FetchedUID reads number and UID off a FETCH response.
func FetchedUID(line []byte) (n, uid uint32, ok bool) {
	fields := strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(" ()\r\n", r) })
	if len(fields) < 3 || fields[0] != "*" || !strings.EqualFold(fields[2], "FETCH") {
		return 0, 0, false
	}
	for i, f := range fields[3:] {
		if strings.EqualFold(f, "UID") && i+4 < len(fields) {
			uid = wire.ParseNumber(fields[i+4])
		}
	}
	n = wire.ParseNumber(fields[1])
	return n, uid, n > 0 && uid > 0
}
