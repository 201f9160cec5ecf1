package proxy

import (
	"cmp"

	"exgate/backend"
	"exgate/proxy/ledger"
)

// newJournal begins the session's rows in the ledger. It returns nil if the gateway keeps no
// ledger, or none for this server.
func (c *conn) newJournal(l *login) *ledger.Journal {
	if !l.profile.IsExchange() {
		return nil
	}
	caller := ""
	if asked := l.asClaimed(); l.isHeld() {
		caller = cmp.Or(asked.Admin, asked.User)
	} else {
		caller = l.identity.Admin
	}
	return c.set.opts.Ledger.Session(ledger.Session{
		ID: c.id, Upstream: l.target.Name, Account: l.identity.User, Caller: caller, Form: string(l.attempt.Form),
		Profile: l.profile.Name, Observe: c.set.opts.Observe,
		Arrived: arrivals(c.client.tcp),
	})
}

// proveAnswers tells the ledger of a command that began with the byte begins of all that the
// client has sent: the client has the answers to its APPENDs. Between an APPEND and the next
// one, offlineimap says CHECK, and forgets the message if it gets no answer to that
// (savemessage in its folder/IMAP.py). So only the answer to such a command proves that the
// client does not send the message again.
func (c *conn) proveAnswers(verb string, begins int64) {
	switch {
	case c.login == nil || begins < c.client.answered || !c.login.journal.HasUnproven():
	case verb == "APPEND" || verb == "LOGOUT":
		c.login.journal.Proven()
	default:
		c.login.journal.Received(c.link.inFlight() == 0)
	}
}

// journalTotals returns what the ledger has of a session at its end.
func (c *conn) journalTotals(reason string) ledger.Totals {
	s := &c.tally.stats
	return ledger.Totals{
		Client: c.client.programName(), Reason: reason, Read: c.client.read, Stored: int64(s.Stored),
		Refused: int64(s.TurnedAway),
		Errors:  int64(c.link.usage().errors), Waited: s.Waited,
	}
}

// recordFailure records a failed login.
func (s *settings) recordFailure(claim backend.Claim, failure backend.Failure) {
	if s.opts.Ledger == nil {
		return
	}
	f := ledger.LoginFailure{Account: claim.Authcid, Kind: string(failure.Kind), Reason: failure.Text}
	if r, err := s.router.Route(claim); err == nil {
		f.Upstream, f.Account = r.To.Name, r.Identity.User
	}
	s.opts.Ledger.Failed(f)
}
