package delivery

import (
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/rewrite"
)

// resent looks for a message that may have gone up before, when its client did not get the
// answer: imapsync and offlineimap connect again then, and send the message again without a
// look. It returns nil, nil, nil if the message must be sent. The error is the reply to the
// client, if that cannot be found out.
func (d *delivery) resent() (*imap.AppendData, *rewrite.Plan, error) {
	s, up := d.s, d.up
	for s.Resumes {
		earlier := s.Journal.Earlier(&up.Record)
		if earlier == nil {
			break
		}
		if earlier.Mark.Next == 0 {
			s.Log.Warn("a message may be stored twice: it went up before, and the mailbox's UIDNEXT was not known then",
				s.about(up)...)
			earlier.Absent()
			continue
		}
		began := time.Now()
		options := d.options
		options.Stage = max(options.Stage, rewrite.Stage(earlier.Stage))
		plan, err := rewrite.NewPlan(s.Context(), up.Body, up.Body.Size(), options)
		if err != nil {
			earlier.Leave()
			return nil, nil, s.unplanned(err).reply
		}
		landed, stored, err := s.recognize(up, plan, earlier)
		s.Log.Info("a message whose answer was lost came again", append(s.about(up), "stored_before", landed.String(),
			"took", time.Since(began).Round(time.Millisecond), "err", err)...)
		switch landed {
		case mailbox.LandingFound:
			up.earlier = earlier
			up.Record.Outcome, up.Record.Stage = ledger.Found, int(options.Stage)
			s.Stats.Found++
			return stored, plan, nil
		case mailbox.LandingOther:
			earlier.Found(stored.UIDValidity, uint32(stored.UID))
			continue
		case mailbox.LandingAbsent:
			earlier.Absent()
			continue
		}
		earlier.Leave()
		up.Record.Outcome = ledger.Failed // nothing has gone up: the row of the earlier attempt is the one in doubt
		return nil, nil, s.lostReply(up, err, mailbox.LandingUnknown)
	}
	return nil, nil, nil
}

// recognize looks for the message of an earlier APPEND, and longer while the server may
// still be storing it.
func (s *Sender) recognize(up *Upload, plan *rewrite.Plan, earlier *ledger.Earlier) (
	landed mailbox.Landing, stored *imap.AppendData, err error,
) {
	if err := s.pause(up); err != nil {
		return mailbox.LandingUnknown, nil, err
	}
	if reply := s.claimPlace(up, plan); reply != nil {
		return mailbox.LandingUnknown, nil, reply
	}
	mark := mailbox.Mark(earlier.Mark)
	resumed, isAnew := false, false
	looks := []time.Duration{0}
	if earlier.UID == 0 && time.Since(earlier.At) < mailbox.Memory { // the server may still be storing it
		looks = s.Looks
	}
	late := slices.Concat(looks, s.LooksPending)
	for n := 0; n < len(late) && (n < len(looks) || landed == mailbox.LandingPending); n++ {
		if err := s.sleep(late[n]); err != nil {
			return mailbox.LandingUnknown, nil, err
		}
		var survey *mailbox.Survey
		look := func(conn *backend.Conn) (err error) {
			survey, err = mailbox.LookAnew(s.Context(), conn, up.Mailbox, mark)
			return err
		}
		err = s.InMailbox(up.Mailbox, false, look)
		if survey != nil && survey.UIDValidity != mark.UIDValidity {
			// The connection may still have the mailbox selected that was removed.
			survey, isAnew = nil, true
			err = s.OnSideAnew(up.Mailbox, look)
		}
		if survey != nil && survey.UIDValidity != mark.UIDValidity {
			if landed = up.claim.RecognizeAnew(survey); landed == mailbox.LandingUnknown {
				err = &mailbox.ChangedError{Mailbox: up.Record.Mailbox,
					How: "is another one, and has an equal message: this one is refused for an hour"}
				break // the equal message stays
			}
			continue
		}
		if survey != nil && !resumed {
			up.claim.Resume(mark, earlier.UID, earlier.Others())
			resumed = true
		}
		if err == nil && survey == nil {
			err = &mailbox.ChangedError{Mailbox: up.Record.Mailbox,
				How: "cannot be looked through: it has too many messages, or the server does not tell its UIDVALIDITY"}
		}
		if err != nil {
			landed = mailbox.LandingUnknown
			if MayPass(err) && n+1 < len(late) {
				landed = mailbox.LandingPending
			}
			continue
		}
		var uid uint32
		landed, uid = up.claim.Recognize(survey, s.sought(up, earlier, survey.UIDValidity))
		if landed == mailbox.LandingFound || landed == mailbox.LandingOther {
			return landed, &imap.AppendData{UIDValidity: survey.UIDValidity, UID: imap.UID(uid)}, nil
		}
	}
	if !resumed && !isAnew {
		up.claim.Resume(mark, earlier.UID, earlier.Others())
	}
	switch landed {
	case mailbox.LandingAbsent:
		if resumed {
			up.claim.Refused() // what is sent from now on counts anew
		}
	case mailbox.LandingPending:
		landed = mailbox.LandingUnknown
	}
	return landed, nil, err
}

// sought returns what mbsync has looked for itself, when it has selected the mailbox. What Exchange may
// not have shown to it does not count. Nor does a message whose outcome was not known: it may have been late,
// and mbsync looks for each mark once.
func (s *Sender) sought(up *Upload, earlier *ledger.Earlier, validity uint32) (own mailbox.Sought) {
	view := s.Selected()
	if earlier.UID != 0 && view.IsSelected(up.Mailbox, true) && view.UIDValidity == validity &&
		!(s.Profile.CanHideNew() && earlier.AtLogin < mailbox.Memory) {
		own = mailbox.Sought{TUID: up.Record.TUID, Below: view.ClientNext()}
	}
	return own
}
