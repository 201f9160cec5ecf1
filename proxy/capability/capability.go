// Package capability says which capabilities of the upstream clients are told of.
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

// row is a row of the table of what clients are told after login. A "*"
// at the end of a name matches any continuation.
type row struct {
	Name   string
	Shown  bool
	Toward upstreamKind // whose
	Why    string
}

type upstreamKind int

const (
	anyServer upstreamKind = iota
	ExchangeOnly
)

// Table is asked from its top. What is in no row is shown, but for
// Exchange, of which all that it has is here: its own additions are no client's
// business, and what it announces by mistake costs an error
// (docs/exchange.md#capabilities).
var Table = []row{
	{"COMPRESS=*", false, anyServer, "it would hide what follows from the gateway"},
	{"MULTIAPPEND", false, anyServer, "an APPEND is one message here"},
	{"CATENATE", false, anyServer, "a message that is put together upstream would pass unrepaired"},
	{"REPLACE", false, anyServer, "it would upload past the repairs"},
	{"URLAUTH*", false, anyServer, "it would act past the login that was mapped"},
	{"UNAUTHENTICATE", false, anyServer, "it would act past the login that was mapped"},
	{"STARTTLS", false, anyServer, "belongs to the time before login"},
	{"LOGINDISABLED", false, anyServer, "belongs to the time before login"},
	{"AUTH=*", false, anyServer, "belongs to the time before login"},
	{"XPROXY*", false, anyServer, "internal to Exchange"},
	{"BACKENDAUTHENTICATE*", false, anyServer, "internal to Exchange"},
	{"CLIENTACCESSRULES", false, anyServer, "internal to Exchange"},
	{"CLIENTNETWORKPRESENCELOCATION", false, anyServer, "internal to Exchange"},
	{"IMAP4REV2", false, ExchangeOnly, "a search fails then (MailKit#2016)"},

	{"IMAP4", true, ExchangeOnly, "RFC 1730"},
	{"IMAP4REV1", true, ExchangeOnly, "RFC 3501"},
	{"SASL-IR", true, ExchangeOnly, "RFC 4959"},
	{"LITERAL+", true, ExchangeOnly, "RFC 7888: the gateway takes literals as they come"},
	{"UIDPLUS", true, ExchangeOnly, "RFC 4315"},
	{"MOVE", true, ExchangeOnly, "RFC 6851"},
	{"ID", true, ExchangeOnly, "RFC 2971"},
	{"UNSELECT", true, ExchangeOnly, "RFC 3691"},
	{"CHILDREN", true, ExchangeOnly, "RFC 3348"},
	{"IDLE", true, ExchangeOnly, "RFC 2177"},
	{"NAMESPACE", true, ExchangeOnly, "RFC 2342"},
	{"ENABLE", true, ExchangeOnly, "RFC 5161; answered by exgate where it is missing"},
	{"SPECIAL-USE", true, ExchangeOnly, "RFC 6154; done by exgate where it is missing"},
	{"LOGIN-REFERRALS", false, ExchangeOnly, "would lead clients past the gateway (Exchange 2003)"},
	{"MAILBOX-REFERRALS", false, ExchangeOnly, "would lead clients past the gateway (Exchange 2003)"},
}

// Offered returns what the client is told of after login: the upstream's,
// as the table says, SPECIAL-USE where exgate adds it, and APPENDLIMIT where a
// limit is kept here.
func Offered(p *profile.Profile, upstream []string) []string {
	var out []string
	for _, name := range upstream {
		if !isHidden(p, name) {
			out = append(out, name)
		}
	}
	if p.Names.SpecialUse && !slices.ContainsFunc(out, func(name string) bool { return strings.EqualFold(name, "SPECIAL-USE") }) {
		out = append(out, "SPECIAL-USE") // RFC 6154
	}
	if limit := p.MessageLimit; limit > 0 && p.Message.Oversize != rewrite.OversizeDetach {
		out = append(out, "APPENDLIMIT="+strconv.FormatInt(limit, 10)) // RFC 7889
	}
	return out
}

func isHidden(p *profile.Profile, name string) bool {
	name = strings.ToUpper(name)
	if p.MessageLimit > 0 && (name == "APPENDLIMIT" || strings.HasPrefix(name, "APPENDLIMIT=")) {
		return true
	}
	for _, row := range Table {
		if row.Toward == ExchangeOnly && !p.IsExchange() {
			continue
		}
		if prefix, wild := strings.CutSuffix(row.Name, "*"); name == row.Name || wild && strings.HasPrefix(name, prefix) {
			return !row.Shown
		}
	}
	return p.IsExchange() && p.Replies.Refusals
}

// EditLine returns a line in which the capabilities are those of the
// policy, wherever it carries them: "* CAPABILITY ...", or the code of a
// status response. Any other line is returned as it is.
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
