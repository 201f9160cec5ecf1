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
// by Exchange 2007, in the mailbox that is selected on conn. sure says that it is
// no other message that looks alike.
func FindStored(ctx context.Context, conn *backend.Conn, cl *Claim) (uid uint32, sure bool, err error) {
	low := cl.Low()
	if low.Next == 0 {
		return 0, false, errors.New("the server names no UID for the message")
	}
	v := &surveyor{conn: conn, from: low.Next, shown: make(map[uint32]candidate)}
	replies, err := conn.DoTogether(ctx, backend.NewRequest("NOOP"), v.readRequest()) // NOOP tells of the message
	if err == nil {
		err = backend.ThrottleError("FETCH", replies[1])
	}
	if err != nil {
		return 0, false, err
	}
	cl.AskPeers(low)
	survey := v.result(low.UIDValidity)
	found, uid := cl.Judge(survey)
	switch {
	case uid != 0:
		return uid, true, nil
	case found == LandingAbsent || found == LandingPending:
		return 0, false, ErrNotSeen
	}
	if uid = cl.Likeliest(survey); uid == 0 {
		return 0, false, errors.New(
			"several messages in the mailbox look alike, and the server did not give the UID of the stored one")
	}
	return uid, false, nil
}

// StoreFlagged sets the flag on a connection, and takes the FETCH that answers
// for proof: a UID that the connection has not been told of is passed over
// with OK (RFC 9051 section 6.4.9). So a NOOP goes before it, in the same flight.
// A server that tells of a message only after that gets both once more.
func StoreFlagged(ctx context.Context, conn *backend.Conn, uid uint32) error {
	for range 2 {
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
	replies, err := conn.DoTogether(ctx, backend.NewRequest("NOOP"), req)
	if stored := replies[1]; err == nil && stored.Word != "OK" {
		err = backend.ReplyError("UID STORE", stored)
	}
	return proved, err
}
