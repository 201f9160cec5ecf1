package delivery

import (
	"context"
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
	uid := uint32(0)
	if stored != nil {
		uid = uint32(stored.UID)
	}
	const failed = "\\Flagged was not set"
	err := s.afterwards(up, failed, func() (err error) {
		uid, err = s.storeFlagged(up, uid)
		return err
	})
	if err == nil {
		return true
	}
	s.Log.Error(failed, append(s.about(up), "err", err)...)
	// A warning, RFC 9051 section 7.1.2.
	s.Warn(`the message is stored, but \Flagged could not be set on it: ` + replies.Reason(err))
	return false
}

// maxDrainWait is the longest throttle that is waited for while the gateway drains.
const maxDrainWait = 10 * time.Second

// afterwards does something with a message that is stored, and tries again while the failure
// may pass. Short waits go on while the gateway drains: no client does it later.
func (s *Sender) afterwards(up *Upload, failed string, do func() error) (err error) {
	for try := range MaxTries {
		if try > 0 {
			s.Log.Info(failed+"; trying again", append(s.about(up), "err", err)...)
			wait := s.Account.Throttle.Wait
			if s.Account.Throttle.Remaining() > maxDrainWait {
				wait = func(context.Context) error { return s.Patiently(s.Account.Throttle.Wait) }
			}
			if wait(s.Context()) != nil || backend.Sleep(s.Context(), s.ReplayPause) != nil {
				break
			}
		}
		if err = do(); err == nil || !MayPass(err) {
			break
		}
	}
	return err
}

// MayPass tells whether a failure of a replay may be over soon.
func MayPass(err error) bool {
	f := backend.FailureOf(err)
	return f.IsRetryable() || f.Kind == backend.KindUnavailable || errors.Is(err, mailbox.ErrNotShown) ||
		errors.Is(err, mailbox.ErrNotSeen) || errors.Is(err, ErrSideBusy)
}

// storeFlagged sets \Flagged on the message with this UID. If the UID is 0, storeFlagged looks
// for the message first, and returns its UID also if the flag could not be set: a claim finds
// its message once.
func (s *Sender) storeFlagged(up *Upload, uid uint32) (uint32, error) {
	err := s.InMailbox(up.Mailbox, true, func(conn *backend.Conn) (err error) {
		if uid == 0 {
			if uid, err = s.findStored(conn, up); err != nil {
				return err
			}
		}
		return mailbox.StoreFlagged(s.Context(), conn, uid)
	})
	return uid, err
}

// tellUID returns the UID of a message of mbsync that the server has stored without saying it;
// nil if it cannot be found out. Without it, mbsync 1.4.4 asks for the new messages, takes the
// answer for an error ("extraneous data in FETCH response": imap_find_new_msgs_p3 in its
// drv_imap.c forgets what it has asked for), and never comes to an end.
func (s *Sender) tellUID(up *Upload) *imap.AppendData {
	if up.claim == nil {
		return nil // without upstream.resume nothing is known of what was there before
	}
	const failed = "the UID of a message was not found"
	err := s.afterwards(up, failed, func() error {
		return s.InMailbox(up.Mailbox, false, func(conn *backend.Conn) error {
			_, err := s.findStored(conn, up)
			return err
		})
	})
	if err == nil && up.Record.UID == 0 {
		err = errors.New("another message looks alike")
	}
	if err != nil {
		s.Log.Warn(failed, append(s.about(up), "err", err)...)
		return nil
	}
	return &imap.AppendData{UIDValidity: up.Record.UIDValidity, UID: imap.UID(up.Record.UID)}
}

// findStored finds the UID of a message for which the server has given none.
func (s *Sender) findStored(conn *backend.Conn, up *Upload) (uint32, error) {
	if up.claim == nil {
		return 0, errors.New("the server names no UID for the message")
	}
	uid, sure, err := mailbox.FindStored(s.Context(), conn, up.claim)
	if sure {
		up.Record.UIDValidity, up.Record.UID = up.claim.Mark().UIDValidity, uid
	}
	return uid, err
}
