package proxy

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"exgate/rewrite"
)

// hidden are the capabilities that no client is told of after login, with the
// reason of the command they announce (see routes). A trailing = or * matches
// any continuation.
var hidden = []string{
	"COMPRESS=*", "MULTIAPPEND", "CATENATE", "REPLACE", "URLAUTH*", "UNAUTHENTICATE",
	// They belong to the time before login.
	"STARTTLS", "LOGINDISABLED", "AUTH=*",
	// Exchange's internal ones (exchange-behaviour.md §1.2).
	"XPROXY*", "BACKENDAUTHENTICATE*", "CLIENTACCESSRULES", "CLIENTNETWORKPRESENCELOCATION",
}

// hiddenExchange is hidden besides where the upstream is Exchange: IMAP4rev2 is
// announced by some front ends and a search then fails (exchange-behaviour.md
// §1.2, MailKit#2016).
const hiddenExchange = "IMAP4REV2"

// capabilities returns what the client is told of after login: the upstream's,
// less what is hidden, and APPENDLIMIT where a limit is kept here.
func (p *Policy) capabilities(upstream []string) []string {
	var out []string
	for _, name := range upstream {
		if !p.hides(name) {
			out = append(out, name)
		}
	}
	if p.Names.SpecialUse && !slices.Contains(upstream, "SPECIAL-USE") {
		out = append(out, "SPECIAL-USE") // RFC 6154
	}
	if limit := p.MessageLimit; limit > 0 && p.Message.Oversize != rewrite.OversizeDetach {
		out = append(out, "APPENDLIMIT="+strconv.FormatInt(limit, 10)) // RFC 7889
	}
	return out
}

func (p *Policy) hides(name string) bool {
	name = strings.ToUpper(name)
	if p.exchange() && name == hiddenExchange {
		return true
	}
	if p.MessageLimit > 0 && (name == "APPENDLIMIT" || strings.HasPrefix(name, "APPENDLIMIT=")) {
		return true
	}
	for _, h := range hidden {
		if prefix, wild := strings.CutSuffix(h, "*"); name == h || wild && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// editCapabilities returns a line in which the capabilities are those of the
// policy, wherever it carries them: "* CAPABILITY ...", or the code of a
// status response. Any other line is returned as it is.
func (p *Policy) editCapabilities(line []byte) []byte {
	const word = "CAPABILITY "
	i := indexFold(line, word)
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
	list := p.capabilities(strings.Fields(string(line[start:end])))
	out := append([]byte(nil), line[:start]...)
	out = append(out, strings.Join(list, " ")...)
	return append(out, line[end:]...)
}

// indexFold is bytes.Index for an upper-case ASCII word in any case.
func indexFold(line []byte, word string) int {
	for i := 0; i+len(word) <= len(line); i++ {
		if bytes.EqualFold(line[i:i+len(word)], []byte(word)) {
			return i
		}
	}
	return -1
}

// capabilitiesBeforeLogin is what the gateway itself offers.
func (c *conn) capabilitiesBeforeLogin() string {
	list := "IMAP4rev1 LITERAL+ SASL-IR ID"
	switch {
	case c.mayLogin():
		list += " AUTH=PLAIN"
	case c.listener == ListenStartTLS:
		list += " STARTTLS LOGINDISABLED"
	}
	return list
}
