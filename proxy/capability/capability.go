// Package capability decides which capabilities of the upstream a client sees. It
// hides those that would bypass the gateway, and those that Exchange announces
// but does not support. It adds the capabilities that the gateway itself
// provides. Package proxy edits the capability lists of the upstream with it.
package capability

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/rewrite"
)

// row decides about one capability, or about all that begin alike.
type row struct {
	Name   string       // in upper case; a "*" at its end stands for any characters
	Shown  bool         // whether clients see the capability after the login
	Toward upstreamKind // the servers that the row is for
	Why    string       // the reason, as docs/commands.md prints it
}

// upstreamKind says which servers a row is for.
type upstreamKind int

// The kinds of servers.
const (
	anyServer    upstreamKind = iota
	ExchangeOnly              // the row is ignored for servers other than Exchange
)

// Table decides which capabilities clients see after the login. The first row that
// matches a capability decides. Exchange's other capabilities are hidden: they are
// of no use to clients, or Exchange announces them by mistake and answers their
// use with an error (docs/exchange.md#capabilities). The other capabilities of
// other servers are shown.
var Table = []row{
	{"COMPRESS=*", false, anyServer, "the gateway could not read compressed data"},
	{"MULTIAPPEND", false, anyServer, "the gateway takes one message with each APPEND"},
	{"CATENATE", false, anyServer, "a message that is put together upstream would bypass the repairs"},
	{"REPLACE", false, anyServer, "its message would bypass the repairs"},
	{"URLAUTH*", false, anyServer, "it would bypass the mapped login"},
	{"UNAUTHENTICATE", false, anyServer, "it would bypass the mapped login"},
	{"STARTTLS", false, anyServer, "only for use before the login"},
	{"LOGINDISABLED", false, anyServer, "only for use before the login"},
	{"AUTH=*", false, anyServer, "only for use before the login"},
	{"XPROXY*", false, anyServer, "internal to Exchange"},
	{"BACKENDAUTHENTICATE*", false, anyServer, "internal to Exchange"},
	{"CLIENTACCESSRULES", false, anyServer, "internal to Exchange"},
	{"CLIENTNETWORKPRESENCELOCATION", false, anyServer, "internal to Exchange"},
	{"IMAP4REV2", false, ExchangeOnly, "with it, SEARCH fails (MailKit#2016)"},

	{"IMAP4", true, ExchangeOnly, "RFC 1730"},
	{"IMAP4REV1", true, ExchangeOnly, "RFC 3501"},
	{"SASL-IR", true, ExchangeOnly, "RFC 4959"},
	{"LITERAL+", true, ExchangeOnly, "RFC 7888; the gateway accepts either form of literal"},
	{"UIDPLUS", true, ExchangeOnly, "RFC 4315"},
	{"MOVE", true, ExchangeOnly, "RFC 6851"},
	{"ID", true, ExchangeOnly, "RFC 2971"},
	{"UNSELECT", true, ExchangeOnly, "RFC 3691"},
	{"CHILDREN", true, ExchangeOnly, "RFC 3348"},
	{"IDLE", true, ExchangeOnly, "RFC 2177"},
	{"NAMESPACE", true, ExchangeOnly, "RFC 2342"},
	{"ENABLE", true, ExchangeOnly, "RFC 5161; exgate answers it for a server without it"},
	{"SPECIAL-USE", true, ExchangeOnly, "RFC 6154; exgate does it for a server without it"},
	{"LOGIN-REFERRALS", false, ExchangeOnly, "it would send clients around the gateway (Exchange 2003)"},
	{"MAILBOX-REFERRALS", false, ExchangeOnly, "it would send clients around the gateway (Exchange 2003)"},
}

// Offered returns the capabilities that a client sees after the login, given those
// of the upstream. Table selects from the upstream's list. Offered adds SPECIAL-USE
// if the profile marks special folders, and APPENDLIMIT if the gateway refuses
// messages above a limit.
func Offered(p *profile.Profile, upstream []string) []string {
	var out []string
	for _, name := range upstream {
		if !isHidden(p, name) {
			out = append(out, name)
		}
	}
	if p.Names.SpecialUse &&
		!slices.ContainsFunc(out, func(name string) bool { return strings.EqualFold(name, "SPECIAL-USE") }) {
		out = append(out, "SPECIAL-USE") // RFC 6154
	}
	if limit := p.MessageLimit; limit > 0 && p.Message.Oversize != rewrite.OversizeDetach {
		out = append(out, "APPENDLIMIT="+strconv.FormatInt(limit, 10)) // RFC 7889
	}
	return out
}

// isHidden reports whether clients do not see this capability of the upstream. An
// APPENDLIMIT of the upstream is hidden if the gateway has its own limit.
func isHidden(p *profile.Profile, name string) bool {
	name = strings.ToUpper(name)
	if p.MessageLimit > 0 && (name == "APPENDLIMIT" || strings.HasPrefix(name, "APPENDLIMIT=")) {
		return true
	}
	for _, row := range Table {
		if row.Toward == ExchangeOnly && !p.IsExchange() {
			continue
		}
		prefix, isPrefix := strings.CutSuffix(row.Name, "*")
		if name == row.Name || isPrefix && strings.HasPrefix(name, prefix) {
			return !row.Shown
		}
	}
	return p.IsExchange() && p.Replies.Refusals
}

// EditLine returns the line with the capabilities that Offered selects, if the line
// is a CAPABILITY response (RFC 9051 section 7.2.2) or has a CAPABILITY response
// code (section 7.1). It returns any other line unchanged. EditLine does not change
// the bytes of its argument.
func EditLine(p *profile.Profile, line []byte) []byte {
	const word = "CAPABILITY "
	i := wire.IndexFold(line, word)
	if i < 0 {
		return line
	}
	start := i + len(word)
	var end int
	switch before := line[:i]; {
	case bytes.Equal(before, []byte("* ")):
		end = len(bytes.TrimRight(line, "\r\n"))
	case bytes.HasSuffix(before, []byte("[")):
		n := bytes.IndexByte(line[start:], ']')
		if n < 0 {
			return line
		}
		end = start + n
	default:
		return line
	}
	list := Offered(p, strings.Fields(string(line[start:end])))
	out := append([]byte(nil), line[:start]...)
	out = append(out, strings.Join(list, " ")...)
	return append(out, line[end:]...)
}

// IsIn reports whether a server has announced a capability, in any case.
func IsIn(announced []string, name string) bool {
	return slices.ContainsFunc(announced, func(c string) bool { return strings.EqualFold(c, name) })
}
