// Package profile has the table of profiles: the fixes, limits and forms of login
// that suit each version of Exchange. Package config starts from a profile and
// applies the configured changes to it; the packages of the gateway work by the
// result.
package profile

import (
	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

// The names of the profiles that have a meaning outside the table.
const (
	Auto   = "auto"                // for a server whose version is not known yet
	Plain  = "plain"               // for a server other than Exchange
	Online = backend.ProfileOnline // Exchange Online, the only Exchange that accepts tokens
)

// Profile has the settings that suit one version of Exchange. docs/config.md
// prints the table with a sentence for each column.
type Profile struct {
	Name         string
	MessageLimit int64           // bytes; exgate refuses a larger message; 0: no limit
	Message      rewrite.Options // the fixes inside a message
	Escalate     rewrite.Stage   // the last stage of repair for a message that Exchange refuses
	Flagged      bool            // \Flagged is set by a STORE after the APPEND
	Keywords     bool            // keywords outside PERMANENTFLAGS are dropped
	MDNSent      bool            // $MDNSent is dropped although PERMANENTFLAGS has it
	InternalDate bool            // a message uploaded without a date gets the date of its header
	MayDropDates bool            // the server may be one that drops the dates of messages: exgate looks
	Pace         backend.Pacing  // limits of messages, commands and bytes per second
	// ConnectionsPerLogin limits the connections of one login name, such as an admin's; 0: no limit.
	ConnectionsPerLogin int
	Pipeline            int             // commands of one client that may be in flight; 0 counts as 1
	LiteralPlus         bool            // messages are sent as non-synchronizing literals (RFC 7888)
	Verify              bool            // a login is answered only after a STATUS of INBOX has succeeded
	Forms               []backend.Form  // the forms of an admin's login, in the order of trying
	Names               folders.Options // the mapping of names of mailboxes
	Replies             backend.Replies // the repairs of replies
}

// IsExchange reports whether the profile is for an Exchange server.
func (p *Profile) IsExchange() bool { return p.Name != Plain }

// AnswersNamespace reports whether exgate answers NAMESPACE: an Exchange 2003 was seen to
// close the connection over it (docs/exchange.md#ex-84).
func (p *Profile) AnswersNamespace() bool {
	return p.Name == "exchange2000" || p.Name == "exchange2003"
}

// LacksTLS13 reports whether no server of this kind has TLS 1.3 (docs/exchange.md#tls).
func (p *Profile) LacksTLS13() bool {
	switch p.Name {
	case "exchange2000", "exchange2003", "exchange2007", "exchange2010", "exchange2013", "exchange2016":
		return true
	}
	return false
}

// CanHideNew reports whether a FETCH may not show a new message that UIDNEXT counts (docs/exchange.md#ex-47).
func (p *Profile) CanHideNew() bool { return p.Name == Online }

// HasAppendFix reports whether the gateway must read APPEND commands: because of a
// fix, a limit or the pace.
func (p *Profile) HasAppendFix() bool {
	return p.MessageLimit > 0 || !p.Message.IsNone() || p.Flagged || p.Keywords || p.InternalDate ||
		p.Pace.HasMessages() || p.Names.IsActive()
}

// IsTooBig reports whether a message of size bytes exceeds MessageLimit.
func (p *Profile) IsTooBig(size int64) bool { return p.MessageLimit > 0 && size > p.MessageLimit }

// InFlight returns how many commands of one client may be in flight; at least 1.
func (p *Profile) InFlight() int { return max(p.Pipeline, 1) }
