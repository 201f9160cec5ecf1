package exchangesim

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Like is what was measured of a real server, as exgate survey writes it. An empty field leaves the profile's.
type Like struct {
	Greeting    string
	BeforeLogin string            // capabilities on TLS
	AfterLogin  string            // capabilities
	ID          string            // the list of the reply to ID
	Limits      map[string]int64  // by the name of the quirk that each is the number of
	Refusals    map[string]string // by the id of the quirk: the reply to what the quirk refuses, such as "NO Too long"
}

// limits returns the numbers of the quirks, those of docs/exchange.md unless they were measured.
func (l Like) limits(p profile) map[string]int64 {
	numbers := map[string]int64{
		quirkTenBads: maxBads, quirkCommandSize: maxCommandSize, quirkLiteralRun: maxMessageLine,
		quirkOversizeRefused: p.maxMessage, quirkNameLength: maxNameLength, quirkLongSubject: maxSubject,
		quirkLongReferences: maxReferences, quirkLongAddress: maxAddress, quirkLongFileName: maxFileName,
		quirkManyParts: maxParts, quirkDeepNesting: maxMessages, quirkLargeCopy: largestCopy,
	}
	maps.Copy(numbers, l.Limits)
	return numbers
}

// Numbered returns the names of the quirks that have a number.
func Numbered() []string { return slices.Sorted(maps.Keys(Like{}.limits(profile{}))) }

// words returns the profile with the words of the server.
func (l Like) words(p profile) profile {
	for _, word := range []struct {
		to   *string
		from string
	}{{&p.greeting, l.Greeting}, {&p.onTLS, l.BeforeLogin}, {&p.afterLogin, l.AfterLogin}, {&p.id, l.ID}} {
		if word.from != "" {
			*word.to = printable(word.from)
		}
	}
	return p
}

// refusedByQuirk matches the reason of a refusal.
var refusedByQuirk = regexp.MustCompile(`^quirk (EX-\d+)`)

// reply returns a refusal in the words of the server, if they were measured.
func (l Like) reply(st status) status {
	m := refusedByQuirk.FindStringSubmatch(st.why)
	if m == nil {
		return st
	}
	if word, text, _ := strings.Cut(l.Refusals[m[1]], " "); word == "NO" || word == "BAD" {
		st.kind, st.text = word, printable(text)
	}
	return st
}

// maxBads is how many errors Exchange answers on a connection (quirk EX-02).
const maxBads = 10

// unlimitedCommand bounds a command where the server has no limit (quirk EX-04 off).
const unlimitedCommand = mebibyte

// maxCommand returns the longest command in bytes.
func (c *conn) maxCommand() int64 {
	if !c.srv.quirks[quirkCommandSize] {
		return unlimitedCommand
	}
	return c.srv.limits[quirkCommandSize]
}

// Has reports whether the server has a quirk.
func (s *Server) Has(quirk string) bool { return s.quirks[quirk] }

// Limit returns the number of a quirk; 0 if it has none.
func (s *Server) Limit(quirk string) int64 { return s.limits[quirk] }
