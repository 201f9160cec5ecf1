package backend

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Evidence has the server's statements about itself. Before the login only the
// greeting and some capabilities are known.
type Evidence struct {
	Greeting     string
	Capabilities []string          // announced last
	ID           map[string]string // the reply to ID after the login (RFC 2971), keys in lower case; nil if none
}

// ProfileOnline is the profile of Exchange Online.
const ProfileOnline = "exchange-online"

// The profiles that Detect chooses between, as configuration names them.
const (
	profile2000  = "exchange2000"
	profile2003  = "exchange2003"
	profile2007  = "exchange2007"
	profile2010  = "exchange2010"
	profile2013  = "exchange2013"
	profile2016  = "exchange2016"
	profile2019  = "exchange2019"
	profilePlain = "plain"
)

// Detect chooses the profile of an upstream and gives the reason. Administrators can
// change the greeting and the capabilities before the login, so these are only hints.
// Until ID and the capabilities after the login show the version, Detect returns a
// version of Exchange on premises, because their limits are the strictest. A
// capability that no Exchange has decides at any time.
func Detect(e Evidence) (profile, reason string) {
	if name := e.ID["name"]; name != "" {
		if !isExchange(name) {
			return profilePlain, fmt.Sprintf("ID says %q, which is not Exchange", clipText(name))
		}
		version := e.ID["version"]
		if p := versionProfile(version); p != "" {
			return p, fmt.Sprintf("ID says version %s", clipText(version))
		}
		return profile2019, fmt.Sprintf("ID says Exchange, but the version %q is unknown; the strictest limits apply",
			clipText(version))
	}
	if c := firstOf(e.Capabilities, onlineOnly); c != "" {
		return ProfileOnline, fmt.Sprintf("only Exchange Online has capability %s", c)
	}
	if host := onlineHost(e.Greeting); host != "" {
		return profile2016, fmt.Sprintf("hint: the greeting names %s, a host of Exchange Online; the strictest "+
			"limits apply until ID after the login shows the version", host)
	}
	for _, g := range greetings {
		if m := g.words.FindString(e.Greeting); m != "" {
			return g.profile, fmt.Sprintf("hint: the greeting says %q", m)
		}
	}
	if c := firstOf(e.Capabilities, neverExchange); c != "" && !isExchange(e.Greeting) {
		return profilePlain, fmt.Sprintf("no Exchange has capability %s, and the greeting is not Exchange's", c)
	}
	for _, h := range capabilityHints {
		if hasAll(e.Capabilities, h.has) {
			return h.profile, fmt.Sprintf("hint: the server has capabilities %s; the strictest limits apply until ID "+
				"after the login shows the version", strings.Join(h.has, " "))
		}
	}
	return profile2016, "nothing is known yet; the strictest limits apply"
}

// NamesOnline reports whether the greeting names a host of Exchange Online. It is only
// a hint, because administrators can change the greeting.
func (e Evidence) NamesOnline() bool { return onlineHost(e.Greeting) != "" }

// FormsFor orders the forms of an admin's login for a server whose version is not yet
// known. If the greeting names a host of Exchange Online, its forms come first, so
// that exgate tries them before the limit on failures. The greeting is only a hint, so
// FormsFor drops no other form.
func FormsFor(e Evidence, forms, online []Form) []Form {
	if !e.NamesOnline() {
		return forms
	}
	ordered := slices.Clone(online)
	for _, form := range forms {
		if !slices.Contains(ordered, form) {
			ordered = append(ordered, form)
		}
	}
	return ordered
}

// versions has, newest first, the version numbers of ID. 15.0 and 15.20 were
// seen (docs/exchange.md#id); the others follow Microsoft's build
// numbers, where 15.2 is 2019 and Subscription Edition. 15.20 and above is
// Exchange Online, whose front end calls itself 15.21 since 2026.
var versions = []struct {
	major, minor int // and above
	profile      string
}{
	{16, 0, ""}, // not known
	{15, 20, ProfileOnline},
	{15, 2, profile2019},
	{15, 1, profile2016},
	{15, 0, profile2013},
	{14, 0, profile2010},
	{8, 0, profile2007},
	{6, 5, profile2003},
	{6, 0, profile2000},
}

func versionProfile(version string) string {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err := strconv.Atoi(major)
	if err != nil {
		return ""
	}
	y, err := strconv.Atoi(minor)
	if err != nil {
		return ""
	}
	for _, v := range versions {
		if x > v.major || (x == v.major && y >= v.minor) {
			return v.profile
		}
	}
	return ""
}

// isExchange reports whether a greeting or the name in ID, such as
// "Microsoft.Exchange.Imap4.Imap4Server", is Exchange's.
func isExchange(words string) bool {
	words = strings.ToLower(words)
	return strings.Contains(words, "microsoft") && strings.Contains(words, "exchange")
}

// onlineOnly are capabilities seen on Exchange Online alone, after the login
// (docs/exchange.md#capabilities).
var onlineOnly = []string{"CLIENTACCESSRULES", "BACKENDAUTHENTICATE"}

// neverExchange are capabilities never seen in a line of Exchange (there).
var neverExchange = []string{
	"SPECIAL-USE", "LIST-EXTENDED", "CONDSTORE", "QRESYNC", "ESEARCH", "QUOTA", "ACL", "MULTIAPPEND",
	"COMPRESS=DEFLATE", "APPENDLIMIT", "SORT", "THREAD=REFERENCES", "XLIST", "X-GM-EXT-1",
}

// greetings has the greetings of the versions that name themselves
// (docs/exchange.md#greeting). The default greeting of 2010 to 2019 is the same for all of
// them, so it is not in this table. capabilityHints tell those versions apart.
var greetings = []struct {
	words   *regexp.Regexp
	profile string
}{
	{regexp.MustCompile(`Microsoft Exchange 2000\b`), profile2000},
	{regexp.MustCompile(`Microsoft Exchange Server 2003\b`), profile2003},
	{regexp.MustCompile(`server version 6\.5\.\d+`), profile2003}, // the words around it are localised
	{regexp.MustCompile(`Microsoft Exchange Server 2007\b`), profile2007},
}

// capabilityHints has the capabilities that each version announces
// (docs/exchange.md#capabilities), the newest version first.
var capabilityHints = []struct {
	has     []string
	profile string
}{
	{[]string{"IMAP4", "MOVE", "ID", "UNSELECT"}, profile2016},
	{[]string{"IMAP4", "MOVE", "ID"}, profile2013},
	{[]string{"IMAP4", "LOGIN-REFERRALS", "MAILBOX-REFERRALS"}, profile2003},
	{[]string{"IMAP4", "UIDPLUS", "CHILDREN"}, profile2010},
	{[]string{"IMAP4", "AUTH=NTLM"}, profile2007},
}

func hasAll(capabilities, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(c string) bool { return !containsFold(capabilities, c) })
}

// firstOf returns the first of wanted that is announced, or "".
func firstOf(capabilities, wanted []string) string {
	for _, c := range wanted {
		if containsFold(capabilities, c) {
			return c
		}
	}
	return ""
}

var bracketed = regexp.MustCompile(`\[([A-Za-z0-9+/=]+)\]`)

// onlineHost returns the front end that a greeting of Exchange Online names:
// in brackets, base64 of UTF-16LE (docs/exchange.md#greeting).
func onlineHost(greeting string) string {
	m := bracketed.FindStringSubmatch(greeting)
	if m == nil {
		return ""
	}
	b, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil || len(b)%2 != 0 {
		return ""
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	host := string(utf16.Decode(units))
	if !strings.HasSuffix(strings.ToLower(host), ".outlook.com") {
		return ""
	}
	return clipText(host)
}

// clipText limits the length of a server's words in a reason.
func clipText(s string) string { return s[:min(len(s), 100)] }
