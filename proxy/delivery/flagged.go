package delivery

import (
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
	"exgate/proxy/status"
)

// replayFlagged sets \Flagged by STORE, where every client of Exchange sees
// it: on the session's own connection where the mailbox is selected there for
// writing, else on a side connection. The message is stored by now: a flag
// that finally cannot be set is said to the client and in the log, and loses
// no mail.
func (s *Sender) replayFlagged(up *Upload, stored *imap.AppendData) (set bool) {
	s.Waits(status.StateSending, "setting \\Flagged", time.Time{})
	var err error
	for try := range MaxTries {
		if try > 0 {
			s.Log.Info("\\Flagged was not set; trying again", append(s.about(up), "err", err)...)
			// Also while the gateway drains, as long as it lets the session live: no client sets the flag later.
			if s.Account.Throttle.Wait(s.Context()) != nil || backend.Sleep(s.Context(), s.ReplayPause) != nil {
				break
			}
		}
		if err = s.storeFlagged(up, stored); err == nil || !MayPass(err) {
			break
		}
	}
	if err == nil {
		return true
	}
	s.Log.Error("\\Flagged was not set", append(s.about(up), "err", err)...)
	// A warning, RFC 9051 section 7.1.2.
	s.Warn(`the message is stored, but \Flagged could not be set on it: ` + replies.Reason(err))
	return false
}

// MayPass tells whether a failure of a replay may be over soon.
func MayPass(err error) bool {
	f := backend.FailureOf(err)
	return f.IsRetryable() || f.Kind == backend.KindUnavailable || errors.Is(err, mailbox.ErrNotShown) ||
		errors.Is(err, mailbox.ErrNotSeen) || errors.Is(err, ErrSideBusy)
}

func (s *Sender) storeFlagged(up *Upload, stored *imap.AppendData) error {
	return s.InMailbox(up.Mailbox, true, func(conn *backend.Conn) error {
		if stored != nil {
			return mailbox.StoreFlagged(s.Context(), conn, uint32(stored.UID))
		}
		if up.claim == nil {
			return errors.New("the server names no UID for the message")
		}
		if up.Record.UID == 0 { // else an earlier try has found the message: a claim finds it once
			uid, err := mailbox.FindStored(s.Context(), conn, up.claim)
			if err != nil {
				return err
			}
			up.Record.UIDValidity, up.Record.UID = up.claim.Mark().UIDValidity, uid
		}
		return mailbox.StoreFlagged(s.Context(), conn, up.Record.UID)
	})
}
