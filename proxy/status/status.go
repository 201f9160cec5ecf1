// Package status has the snapshot of a gateway: its sessions, accounts and upstreams at one moment, for the operator.
// It has names of accounts and mailboxes, and no secret and no text of a mail. Package proxy makes snapshots; the
// control socket and the status page show them.
package status

import (
	"cmp"
	"fmt"
	"time"
)

// Snapshot is the state of a gateway at one moment.
type Snapshot struct {
	Time      time.Time  `json:"time"`
	Draining  bool       `json:"draining"`          // the gateway is stopping
	Sessions  []Session  `json:"sessions"`          // the oldest first
	Accounts  []Account  `json:"accounts"`          // the last active first
	Refusals  []Refusal  `json:"refusals"`          // the last ones; the last first
	Upstreams []Upstream `json:"upstreams"`         // in the order of the configuration
	Paused    []string   `json:"paused"`            // users that the operator has paused; all: everybody
	Cluster   *Cluster   `json:"cluster,omitempty"` // nil: the gateway shares nothing with others
	// CountedSince is the first message of the ledger, from which Accounts count; zero: from the start of the gateway.
	CountedSince time.Time `json:"counted_since,omitzero"`
}

// Cluster is what the gateway knows of the others and of their Redis.
type Cluster struct {
	Gateways int       `json:"gateways"`               // that run or may run, with this one; the last known number
	LostAt   time.Time `json:"redis_lost_at,omitzero"` // zero: Redis answers
	Reason   string    `json:"reason,omitempty"`       // why Redis was lost
}

// Text says in one line what is wrong; "" if nothing is, or if there is no cluster.
func (c *Cluster) Text() string {
	if c == nil || c.LostAt.IsZero() {
		return ""
	}
	return fmt.Sprintf("Redis is lost since %s: exgate keeps to 1/%d of each limit",
		c.LostAt.Local().Format(time.TimeOnly), c.Gateways)
}

// State is what a session does.
type State string

// The states of a session.
const (
	StateLogin     State = "login"     // the client is not logged in yet
	StateIdle      State = "idle"      // the client is silent, or in IDLE
	StateSending   State = "sending"   // a command of the client is being carried out
	StatePaced     State = "paced"     // a command waits for the configured pace
	StateThrottled State = "throttled" // a command waits until a throttle of Exchange is over
	StateWaiting   State = "waiting"   // a command waits for something else, which Session.Detail names
	StatePaused    State = "paused"    // a command waits because the operator has paused the user
	StateParked    State = "parked"    // an idle session whose connection another session has got
)

// Session is a client connection.
type Session struct {
	ID       string    `json:"id"`
	Client   string    `json:"client"`            // the address
	Program  string    `json:"program,omitempty"` // name and version that the client has sent with ID
	Since    time.Time `json:"since"`
	TLS      bool      `json:"tls"`
	User     string    `json:"user,omitempty"`   // the mailbox; empty before the login
	Caller   string    `json:"caller,omitempty"` // of the users file
	Admin    string    `json:"admin,omitempty"`  // who has logged in to the mailbox of User
	Upstream string    `json:"upstream,omitempty"`
	Profile  string    `json:"profile,omitempty"`
	Mailbox  string    `json:"mailbox,omitempty"` // the selected one, by the client's name
	State    State     `json:"state"`
	Until    time.Time `json:"until,omitzero"`   // when a wait ends; zero: it is not known
	Detail   string    `json:"detail,omitempty"` // the command, or what it waits for
	Outcomes
}

// Outcomes counts messages and bytes.
type Outcomes struct {
	Stored      int64         `json:"messages_stored"`
	Refused     int64         `json:"messages_refused"`
	Unknown     int64         `json:"messages_unknown"` // it is not known whether they were stored
	UpstreamIn  int64         `json:"bytes_from_exchange"`
	UpstreamOut int64         `json:"bytes_to_exchange"`
	Waited      time.Duration `json:"waited_ns"` // for the pace and for throttles
}

// Account is a mailbox that had a session since the start, or that the ledger has.
type Account struct {
	User            string    `json:"user"`
	Upstream        string    `json:"upstream"`
	Sessions        int       `json:"sessions"`
	ThrottledUntil  time.Time `json:"throttled_until,omitzero"`
	AppendPerSecond float64   `json:"append_pace"` // messages per second; 0: no limit
	FetchPerSecond  float64   `json:"fetch_pace"`
	LastActive      time.Time `json:"last_active,omitzero"`
	Budget          *Budget   `json:"budget,omitempty"` // nil: it has none
	Outcomes
}

// Budget is what may be stored in 24 hours, and what was. A limit of 0 is none.
type Budget struct {
	Messages     int64     `json:"messages"`
	MessageLimit int64     `json:"message_limit,omitempty"`
	Bytes        int64     `json:"bytes"`
	ByteLimit    int64     `json:"byte_limit,omitempty"`
	Until        time.Time `json:"until,omitzero"` // when the message fits that was refused last; zero: none waits
}

// The values of Refusal.What.
const (
	RefusedMessage = "message"
	RefusedLogin   = "login"
)

// Refusal is a message or a login that was refused.
type Refusal struct {
	Time     time.Time `json:"time"`
	What     string    `json:"what"`
	Session  string    `json:"session"`
	User     string    `json:"user"`
	Upstream string    `json:"upstream,omitempty"`
	Mailbox  string    `json:"mailbox,omitempty"`
	Size     int64     `json:"size,omitempty"`    // of the message, in bytes
	Explain  string    `json:"explain,omitempty"` // the entry of exgate explain; empty: it knows none
	Title    string    `json:"title,omitempty"`   // of that entry
}

// Upstream is a server of the configuration.
type Upstream struct {
	Name    string `json:"name"`
	Address string `json:"address"` // all of its addresses
	// PassedOver are the addresses that did not answer during the last half minute.
	PassedOver []string `json:"passed_over,omitempty"`
	Sessions   int      `json:"sessions"`
	Slots      int      `json:"slots"`  // upstream connections that sessions hold
	Queued     int      `json:"queued"` // sessions that wait for a connection
	Throttled  int      `json:"throttled_accounts"`
	// Budget is that of all accounts together; nil: there is none. OverBudget counts the accounts of which a
	// message was refused that does not fit yet.
	Budget     *Budget `json:"budget,omitempty"`
	OverBudget int     `json:"accounts_over_budget"`
}

// defaultUpstream is the name of the upstream that has none.
const defaultUpstream = "default"

// UpstreamName is the name of an upstream in routes_file.
func UpstreamName(key string) string { return cmp.Or(key, defaultUpstream) }

// UpstreamKey is the name of an upstream inside the gateway, of its name in routes_file.
func UpstreamKey(name string) string {
	if name == defaultUpstream {
		return ""
	}
	return name
}
