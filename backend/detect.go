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

// Evidence is what a server has said about itself. Before the login only the
// greeting and some capabilities are known.
type Evidence struct {
	Greeting     string
	Capabilities []string          // the latest announced
	ID           map[string]string // reply to ID after the login (RFC 2971), keys in lower case; nil if none
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

// Detect chooses the profile of an upstream and says why. Administrators set
// the greeting and the capabilities before the login, so these are a hint only;
// until ID and capabilities after the login settle it, the answer is a version
// of Exchange on premises, since the numbers of those are the strictest. What
// no Exchange says settles it at any time.
func Detect(e Evidence) (profile, reason string) {
	if name := e.ID["name"]; name != "" {
		if !isExchange(name) {
			return profilePlain, fmt.Sprintf("ID says %q, which is not Exchange", clipText(name))
		}
		version := e.ID["version"]
		if p := versionProfile(version); p != "" {
			return p, fmt.Sprintf("ID says version %s", clipText(version))
		}
		return profile2019, fmt.Sprintf("ID says Exchange of the unknown version %q; the strictest limits hold", clipText(version))
	}
	if c := firstOf(e.Capabilities, onlineOnly); c != "" {
		return ProfileOnline, fmt.Sprintf("capability %s, which only Exchange Online has", c)
	}
	if host := onlineHost(e.Greeting); host != "" {
		return profile2016, fmt.Sprintf("hint: the greeting names %s, a host of Exchange Online; the strictest limits hold until ID after the login settles it", host)
	}
	for _, g := range greetings {
		if m := g.words.FindString(e.Greeting); m != "" {
			return g.profile, fmt.Sprintf("hint: greeting %q", m)
		}
	}
	if c := firstOf(e.Capabilities, neverExchange); c != "" && !isExchange(e.Greeting) {
		return profilePlain, fmt.Sprintf("capability %s, which no Exchange has, and not its greeting", c)
	}
	for _, h := range capabilityHints {
		if hasAll(e.Capabilities, h.has) {
			return h.profile, fmt.Sprintf("hint: capabilities %s; the strictest limits hold until ID after the login settles it", strings.Join(h.has, " "))
		}
	}
	return profile2016, "nothing known yet: the strictest limits hold"
}

// NamesOnline tells whether the greeting names a host of Exchange Online, which
// is a hint: administrators set greetings.
func (e Evidence) NamesOnline() bool { return onlineHost(e.Greeting) != "" }

// FormsFor orders the forms of an admin's login to a server whose profile is
// not settled: those of Exchange Online come first where the greeting names one
// of its hosts, since the bound on failures may be reached before they are.
// That is a hint, so none of the others is left out.
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

// isExchange knows the name in ID, "Microsoft.Exchange.Imap4.Imap4Server", and
// the greetings.
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

// greetings are those of the versions that name themselves, and the default of
// the others (docs/exchange.md#greeting). That one holds for 2010 to 2019:
// capabilities tell more.
var greetings = []struct {
	words   *regexp.Regexp
	profile string
}{
	{regexp.MustCompile(`Microsoft Exchange 2000\b`), profile2000},
	{regexp.MustCompile(`Microsoft Exchange Server 2003\b`), profile2003},
	{regexp.MustCompile(`server version 6\.5\.\d+`), profile2003}, // the words around it are localised
	{regexp.MustCompile(`Microsoft Exchange Server 2007\b`), profile2007},
}

// capabilityHints are what the versions announce (docs/exchange.md#capabilities),
// newest first.
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

// clipText bounds a server's words in a reason.
func clipText(s string) string { return s[:min(len(s), 100)] }
