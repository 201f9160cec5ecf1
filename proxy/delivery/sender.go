// Package delivery stores the messages of a session in Exchange: it repairs
// them, sends them at the pace that Exchange takes, repairs further what Exchange
// refuses, and finds out what became of a message whose reply was lost. Of the
// session it knows the interface Session.
package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/counters"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/proxy/quarantine"
	"exgate/proxy/spool"
	"exgate/proxy/status"
)

// MaxTries bounds how often one command is sent again.
const MaxTries = 5

// Session is what a Sender needs of the session whose messages it stores. Its
// methods are called by one goroutine at a time.
type Session interface {
	// Context ends when the client has gone or the gateway stops.
	Context() context.Context
	// Do sends a request on the upstream connection, on which nothing is in flight.
	Do(*backend.Request) (wire.Status, error)
	// HasUIDPlus reports whether the upstream tells the UIDs of what it stores.
	HasUIDPlus() bool
	// IsLost reports whether the upstream connection has ended.
	IsLost() bool
	// IsPinned reports whether the session cannot go on with another connection.
	IsPinned() bool
	// CanBearError reports whether the connection is up and can bear another of
	// the errors that Exchange counts.
	CanBearError() bool
	// CountErrors counts a failure against what Exchange counts.
	CountErrors(backend.Failure)
	// Restore brings a lost connection back, and does nothing where none is lost.
	Restore() error
	// Replace puts a fresh connection in the place of one that is up.
	Replace() error
	// Reconnect logs in again, on a connection that is not the session's yet.
	Reconnect() (*backend.LoggedIn, error)
	// Install makes a connection of Reconnect the session's, or another one if this
	// one cannot be brought to where the session is.
	Install(*backend.LoggedIn) error
	// InMailbox runs do on a connection that has the mailbox selected. The error
	// may be ErrSideBusy.
	InMailbox(mailbox string, writes bool, do func(*backend.Conn) error) error
	// OnSide runs do on the account's side connection, with the mailbox selected. The
	// error may be ErrSideBusy.
	OnSide(mailbox string, do func(*backend.Conn) error) error
	// OnSideAnew is OnSide, and selects the mailbox even if it is selected.
	OnSideAnew(mailbox string, do func(*backend.Conn) error) error
	// CloseSide closes the side connection, if no session uses it.
	CloseSide()
	// Selected is the mailbox that the client has selected.
	Selected() mailbox.View
	// Waits notes what the client's command waits for, and until when if that is
	// known: the client is told.
	Waits(state status.State, what string, until time.Time)
	// Warn tells the client what has gone wrong with a message that is stored.
	Warn(text string)
	// Patiently runs what only waits: its context ends with the client, and when
	// the gateway drains.
	Patiently(wait func(context.Context) error) error
}

// ErrSideBusy says that other sessions of the account have kept the side
// connection to themselves.
var ErrSideBusy = errors.New("side connection: other sessions of the mailbox are using it")

// Terms are what holds for the messages of a session.
type Terms struct {
	Profile    *profile.Profile
	Account    *backend.Account // its pace and its throttle
	User       string           // for the log
	Resumes    bool             // the session outlives its upstream connection
	Filter     Filter
	Quarantine *quarantine.Store
	Poisons    *quarantine.Poisons
	Journal    *ledger.Journal // of the session; nil: exgate keeps no ledger
	NewSpool   func(size int64) *spool.Spool
	// Claims are what the sessions of the account know of each other's messages.
	Claims *mailbox.Claims
	// MayDropDates says that the upstream may be an Exchange that drops the dates of messages.
	// Dates is what has been found out about that.
	MayDropDates bool
	Dates        *mailbox.Dates
	// Looks are the pauses before each look for a message without a reply; there
	// is at least one. LooksPending are those before more looks, while something
	// has come that cannot be seen. Patience is for how long a message waits while
	// another session stores an equal one, ReplayPause the pause before \Flagged is
	// set again.
	Looks, LooksPending   []time.Duration
	Patience, ReplayPause time.Duration
	Log                   *slog.Logger
	Stats                 *counters.Session
	Totals                *counters.Gateway
}

// Sender stores the messages of one session in Exchange. It belongs to the
// session's goroutine, or to the own lane while that runs.
type Sender struct {
	Session
	Terms
	dated bool // the session has asked whether the upstream keeps dates
}

// NewSender returns the sender of a session that has logged in.
func NewSender(session Session, terms Terms) *Sender {
	return &Sender{Session: session, Terms: terms}
}

// fixed counts the uses of fixes.
func (s *Sender) fixed(fixes ...string) {
	s.Stats.Fixes.Count(fixes...)
	for _, fix := range fixes {
		s.Totals.Fixes.Count(fix)
	}
}

// sleep waits patiently.
func (s *Sender) sleep(d time.Duration) error {
	return s.Patiently(func(ctx context.Context) error { return backend.Sleep(ctx, d) })
}
