package proxy

import (
	"context"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
	"exgate/proxy/spool"
	"exgate/proxy/status"
)

// deliverySession shows a session to its delivery.Sender, as a delivery.Session.
type deliverySession struct{ c *conn }

var _ delivery.Session = deliverySession{}

// newSender returns the sender for the messages that the session stores.
func (c *conn) newSender(l *login) *delivery.Sender {
	return delivery.NewSender(deliverySession{c}, delivery.Terms{
		Profile: l.profile, Account: l.account.Account, User: l.identity.User, Resumes: l.resume,
		Filter: c.set.opts.Filter, Quarantine: c.set.quarantine, Poisons: c.srv.poisons,
		Journal: l.journal, NewSpool: c.newSpool, Claims: l.account.claims,
		MayDropDates: l.mayDropDates, Dates: &l.target.Dates,
		Patience: c.srv.limits.Equal, ReplayPause: c.srv.limits.Replay,
		Looks: c.srv.limits.Looks, LooksPending: c.srv.limits.LooksPending,
		Log: c.log, Stats: &c.tally.stats, Totals: &c.srv.totals,
	})
}

// newSpool returns the spool for a message of size bytes, charged to the budgets
// of session, account and gateway.
func (c *conn) newSpool(size int64) *spool.Spool {
	return spool.New(c.set.opts.Spool, size, &c.srv.longUploads, &c.uploads, &c.login.account.uploads, &c.srv.uploads)
}

func (s deliverySession) Context() context.Context { return s.c.ctx }

func (s deliverySession) Do(req *backend.Request) (wire.Status, error) {
	return s.c.link.upstream.Do(s.c.ctx, req)
}

func (s deliverySession) HasUIDPlus() bool { return s.c.login.has("UIDPLUS") }

func (s deliverySession) IsLost() bool { return s.c.link.isGone() }

func (s deliverySession) IsPinned() bool { return s.c.link.isPinned() }

func (s deliverySession) CanBearError() bool { return s.c.link.canBearError() }

func (s deliverySession) CountErrors(f backend.Failure) { s.c.countErrors(f) }

func (s deliverySession) Restore() error { return s.c.restore() }

func (s deliverySession) Replace() error { return s.c.renew(s.c.ctx) }

func (s deliverySession) Reconnect() (*backend.LoggedIn, error) { return s.c.reconnect(s.c.ctx) }

func (s deliverySession) Install(opened *backend.LoggedIn) error {
	err := s.c.install(s.c.ctx, opened, keepsView)
	if err != nil && delivery.MayPass(err) {
		err = s.c.reestablish(s.c.ctx, keepsView)
	}
	return err
}

func (s deliverySession) InMailbox(mailbox string, writes bool, do func(*backend.Conn) error) error {
	return s.c.inMailbox(mailbox, writes, do)
}

func (s deliverySession) OnSide(mailbox string, do func(*backend.Conn) error) error {
	return s.c.onSide(mailbox, do)
}

func (s deliverySession) OnSideAnew(mailbox string, do func(*backend.Conn) error) error {
	return s.c.selectOnSide(s.c.ctx, mailbox, true, do)
}

func (s deliverySession) CloseSide() { s.c.login.account.side.closeUnused() }

func (s deliverySession) Selected() mailbox.View { return s.c.link.selected() }

func (s deliverySession) Waits(state status.State, what string, until time.Time) {
	s.c.waiting.set(state, what, until)
}

// Warn tells the client a warning, as an untagged NO (RFC 9051 section 7.1.2).
func (s deliverySession) Warn(text string) {
	if err := s.c.client.w.line("* NO exgate: %s", text); err != nil {
		s.c.log.Debug("a warning did not reach the client", "text", text, "err", err)
	}
}

func (s deliverySession) Patiently(wait func(context.Context) error) error {
	return s.c.patiently(wait)
}
