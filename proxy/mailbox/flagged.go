package mailbox

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"exgate/backend"
)

// Failures of a replay that may pass: a server may need a moment until a
// message that it has stored can be seen.
var (
	ErrNotShown = errors.New("UID STORE was answered OK without a FETCH that shows the flag")
	ErrNotSeen  = errors.New("the message cannot be seen in the mailbox, and the server names no UID")
)

// FindStored finds the UID of a message that was stored without APPENDUID, as
// by Exchange 2007, in the mailbox that is selected on conn.
func FindStored(ctx context.Context, conn *backend.Conn, i *Intent) (uid uint32, err error) {
	low := i.Low()
	if low.Next == 0 {
		return 0, errors.New("the server names no UID for the message")
	}
	if _, err := conn.Do(ctx, backend.NewRequest("NOOP")); err != nil { // which tells of the message
		return 0, err
	}
	v := &surveyor{conn: conn, from: low.Next, shown: make(map[uint32]candidate)}
	if err := v.read(ctx); err != nil {
		return 0, err
	}
	switch found, uid := i.Judge(v.result(low.UIDValidity)); {
	case found == LandingFound && uid != 0:
		return uid, nil
	case found == LandingAbsent || found == LandingPending:
		return 0, ErrNotSeen
	}
	return 0, errors.New(
		"several messages in the mailbox look alike, and the server did not give the UID of the stored one")
}

// StoreFlagged sets the flag on a connection, and takes the FETCH that answers
// for proof: a UID that the connection has not been told of is passed over
// with OK (RFC 9051 section 6.4.9). Then NOOP tells it, and it is set again.
func StoreFlagged(ctx context.Context, conn *backend.Conn, uid uint32) error {
	for _, before := range []string{"", "NOOP"} {
		if before != "" {
			if _, err := conn.Do(ctx, backend.NewRequest(before)); err != nil {
				return err
			}
		}
		if proved, err := storeOnce(ctx, conn, uid); proved || err != nil {
			return err
		}
	}
	return ErrNotShown
}

func storeOnce(ctx context.Context, conn *backend.Conn, uid uint32) (proved bool, err error) {
	number := strconv.FormatUint(uint64(uid), 10)
	req := backend.NewRequest("UID STORE").Raw(number).Raw(`+FLAGS (\Flagged)`)
	req.Untagged = func(line []byte) bool {
		text := strings.ToUpper(string(line))
		_, after, ok := strings.Cut(text, "UID "+number)
		if !ok || !strings.Contains(text, " FETCH (") ||
			!strings.HasPrefix(after, " ") && !strings.HasPrefix(after, ")") {
			return false
		}
		proved = proved || strings.Contains(text, `\FLAGGED`)
		return true
	}
	status, err := conn.Do(ctx, req)
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("UID STORE", status)
	}
	return proved, err
}
