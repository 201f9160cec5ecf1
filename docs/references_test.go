package docs

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// passage is a text in which references are looked for.
type passage struct {
	file string // from the root of the module, with slashes
	line int    // of its beginning
	text string
	form form
}

// form says what a passage is.
type form int

const (
	comment  form = iota // of Go
	value                // a string of Go
	markdown             // a whole page
	plain                // any other text
)

// targets are what references lead to.
type targets struct {
	files    map[string]bool     // files and directories of the module
	anchors  map[string][]string // by page
	quirks   []string            // of the simulator
	projects []string            // short names that docs/exchange.md explains
}

// problem is a reference that leads nowhere.
type problem struct {
	file string
	line int
	what string
}

func (p problem) String() string { return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.what) }

// rfcs are those that the module cites, so that a mistyped number is noticed.
// Of a long one a comment must name the section: nobody finds the place without.
var rfcs = map[string]struct {
	title string
	long  bool
}{
	"1122": {"Requirements for Internet hosts", true},
	"1730": {"IMAP4", false},
	"2060": {"IMAP4rev1 of 1996", false},
	"5032": {"IMAP WITHIN", false},
	"5819": {"IMAP LIST-STATUS", false},
	"2525": {"Known TCP implementation problems", true},
	"8305": {"Happy Eyeballs", false},
	"6724": {"Default Address Selection for IPv6", false},
	"1557": {"ISO-2022-KR", false},
	"2152": {"UTF-7", false},
	"3492": {"Punycode", false},
	"5890": {"Internationalized domain names: definitions", false},
	"5891": {"Internationalized domain names: protocol", false},
	"6532": {"Internationalized headers", false},
	"8438": {"IMAP STATUS=SIZE", false},
	"8474": {"IMAP OBJECTID", false},
	"8617": {"ARC", false},
	"1847": {"multipart/signed and multipart/encrypted", false},
	"2045": {"MIME, message bodies", true},
	"2046": {"MIME, media types", true},
	"2047": {"MIME, encoded words", false},
	"2062": {"IMAP4, obsolete syntax", false},
	"2177": {"IMAP4 IDLE", false},
	"2183": {"Content-Disposition", false},
	"2193": {"IMAP4 mailbox referrals", false},
	"2231": {"MIME, parameter values", false},
	"2342": {"IMAP4 NAMESPACE", false},
	"2971": {"IMAP4 ID", false},
	"3348": {"IMAP4 CHILDREN", false},
	"3501": {"IMAP4rev1", true},
	"3502": {"IMAP MULTIAPPEND", false},
	"3516": {"IMAP4 BINARY", false},
	"3691": {"IMAP UNSELECT", false},
	"4155": {"application/mbox", false},
	"4314": {"IMAP4 ACL", false},
	"4315": {"IMAP4 UIDPLUS", false},
	"4422": {"SASL", false},
	"4616": {"SASL PLAIN", false},
	"4959": {"IMAP SASL-IR", false},
	"5161": {"IMAP ENABLE", false},
	"5182": {"IMAP SEARCHRES", false},
	"5246": {"TLS 1.2", true},
	"5255": {"IMAP internationalization", false},
	"5256": {"IMAP SORT and THREAD", false},
	"5257": {"IMAP ANNOTATE", false},
	"5258": {"IMAP LIST-EXTENDED", false},
	"5259": {"IMAP CONVERT", false},
	"5267": {"IMAP CONTEXT", false},
	"5321": {"SMTP", true},
	"5322": {"Internet Message Format", true},
	"5464": {"IMAP METADATA", false},
	"5465": {"IMAP NOTIFY", false},
	"5530": {"IMAP response codes", false},
	"5801": {"SASL GS2", false},
	"6154": {"IMAP SPECIAL-USE", false},
	"6376": {"DKIM", true},
	"6749": {"OAuth 2.0", true},
	"6750": {"OAuth 2.0 bearer tokens", false},
	"6851": {"IMAP MOVE", false},
	"7162": {"IMAP CONDSTORE and QRESYNC", false},
	"7377": {"IMAP MULTISEARCH", false},
	"7523": {"OAuth 2.0 JWT assertions", false},
	"7628": {"SASL OAUTHBEARER", false},
	"7888": {"IMAP LITERAL+", false},
	"7889": {"IMAP APPENDLIMIT", false},
	"8098": {"message disposition notification", false},
	"8446": {"TLS 1.3", true},
	"8551": {"S/MIME 4.0", false},
	"8628": {"OAuth 2.0 device authorization", false},
	"9051": {"IMAP4rev2", true},
	"9106": {"Argon2", false},
	"9208": {"IMAP QUOTA", false},
	"9698": {"IMAP JMAPACCESS", false},
}

// outside are words for documents that readers of the module do not have.
var outside = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\bbehaviour\s+notes?\b`),
	regexp.MustCompile(`(?i)\bexchange-\s*behaviour\b`),
	regexp.MustCompile(`(?i)\bdesign,?\s+sections?\b`),
	regexp.MustCompile(`(?i)\bsections?\s+[0-9.]+\s+of\s+the\s+design\b`),
	regexp.MustCompile(`(?i)\brequirements?(\.md)?,?\s+[SO][0-9]`),
	regexp.MustCompile(`(?i)\brows\s+of\s+(the\s+)?requirements\b`),
	regexp.MustCompile(`(?i)\b(requirements|peers|style|user-demand|imapserver-lanes)\.md\b`),
	regexp.MustCompile(`(?i)\bshared/(reference|design)`),
	regexp.MustCompile(`(^|[\s(,"])[SO](0[0-9]|[1-9][0-9]|1[0-3][0-9])([\s),;"]|\.\s|\.?$)`),
}

var (
	url     = regexp.MustCompile(`(?i)\bhttps?://\S+`)
	page    = regexp.MustCompile(`[A-Za-z0-9_][A-Za-z0-9_./-]*\.md\b(#[A-Za-z0-9_-]+)?`)
	source  = regexp.MustCompile(`\b(?:backend|cmd|config|docs|proxy|rewrite|testdata)/[A-Za-z0-9_/-]+\.go\b`)
	mdLink  = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	quirk   = regexp.MustCompile(`\bEX-([0-9]+)\b`)
	rfc     = regexp.MustCompile(`\bRFCs?[\s-]*([0-9]+)\b`)
	section = regexp.MustCompile(`^(?:'s)?,?(\s*§\s*|\s+[Ss]ec(?:tions?|s?\.?)\s+|\s+)([0-9][0-9.]*)`)
	number  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*\.?$`)
	kb      = regexp.MustCompile(`\bKB(\s*)(Q?[0-9]{5,})\b|\b(Q[0-9]{6})\b`)
	ms      = regexp.MustCompile(`\[?\bMS-[A-Z0-9]+\]?\s+(§|[0-9])|STANXIMAP\s+(§|[0-9])`)
	issue   = regexp.MustCompile(`\b([A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]*)?[A-Za-z0-9])#[0-9]+\b`)
	sign    = regexp.MustCompile(`§\s*[0-9]`)
)

// check returns the references of a passage that lead nowhere.
func check(p passage, to targets) []problem {
	var problems []problem
	report := func(offset int, format string, values ...any) {
		line := p.line + strings.Count(p.text[:offset], "\n")
		problems = append(problems, problem{p.file, line, fmt.Sprintf(format, values...)})
	}
	// An address is not the module's to prove; its place is kept, for the lines.
	text := url.ReplaceAllStringFunc(p.text, func(s string) string {
		if end := strings.IndexAny(s, ")>\"`"); end >= 0 {
			return strings.Repeat(" ", end) + s[end:]
		}
		return strings.Repeat(" ", len(s))
	})
	for _, words := range outside {
		for _, at := range words.FindAllStringIndex(text, -1) {
			report(at[0], "%q names a document that is not in the repository", clean(text[at[0]:at[1]]))
		}
	}
	checkPages(p, text, to, report)
	for _, at := range quirk.FindAllStringSubmatchIndex(text, -1) {
		id := text[at[0]:at[1]]
		if !slices.Contains(to.quirks, id) {
			report(at[0], "%s is no quirk of the simulator", id)
		} else if !slices.Contains(to.anchors["docs/exchange.md"], strings.ToLower(id)) {
			report(at[0], "%s is not in docs/exchange.md", id)
		}
	}
	checkRFCs(p, text, report)
	for _, at := range kb.FindAllStringSubmatchIndex(text, -1) {
		found := text[at[0]:at[1]]
		if at[2] < 0 && !strings.HasSuffix(text[:at[0]], "KB ") || at[2] >= 0 && at[3] == at[2] {
			report(at[0], `%q is not written "KB " and its number`, found)
		}
	}
	for _, at := range ms.FindAllStringIndex(text, -1) {
		report(at[0], `%q: a section of a document of Microsoft's is written "[MS-…] section N"`, clean(text[at[0]:at[1]]))
	}
	for _, at := range issue.FindAllStringSubmatchIndex(text, -1) {
		project := text[at[2]:at[3]]
		if !strings.Contains(project, "/") && !slices.Contains(to.projects, project) {
			report(at[0], "%s: docs/exchange.md does not say which project %s is", text[at[0]:at[1]], project)
		}
	}
	return problems
}

// checkPages follows links of Markdown and names of pages.
func checkPages(p passage, text string, to targets, report func(int, string, ...any)) {
	follow := func(at int, ref string, link bool) {
		name, anchor, _ := strings.Cut(ref, "#")
		target := p.file
		if name != "" {
			target = path.Join(path.Dir(p.file), name)
		}
		if !to.files[target] && !link { // a name in a text may be that from the root
			target = name
			if !to.files[target] && p.form == value { // a string may be part of a page that is generated
				target = path.Join("docs", name)
			}
		}
		switch {
		case !to.files[target]:
			report(at, "%q: there is no %s", ref, target)
		case anchor != "" && !slices.Contains(to.anchors[target], anchor):
			report(at, "%q: %s has no heading or anchor of that name", ref, target)
		}
	}
	if p.form == markdown {
		for _, at := range mdLink.FindAllStringSubmatchIndex(text, -1) {
			if ref := strings.TrimSpace(text[at[2]:at[3]]); ref != "" && !strings.HasPrefix(ref, "mailto:") {
				follow(at[2], ref, true)
			}
		}
	}
	for _, at := range source.FindAllStringIndex(text, -1) {
		if name := text[at[0]:at[1]]; !to.files[name] && !strings.HasSuffix(text[:at[0]], "/") {
			report(at[0], "there is no %s", name)
		}
	}
	for _, at := range page.FindAllStringIndex(text, -1) {
		if p.form == markdown && strings.HasSuffix(text[:at[0]], "](") {
			continue // a link, which was followed
		}
		follow(at[0], text[at[0]:at[1]], false)
	}
}

// checkRFCs looks at the shape of references to RFCs, and whether the section
// of a long one is named.
func checkRFCs(p passage, text string, report func(int, string, ...any)) {
	placed := map[int]bool{} // section signs that belong to an RFC
	for _, at := range rfc.FindAllStringSubmatchIndex(text, -1) {
		found, of := text[at[0]:at[1]], text[at[2]:at[3]]
		if found == "RFC822" && p.form != comment || found == "RFC822" && strings.HasPrefix(text[at[1]:], ".") {
			continue // an item of FETCH
		}
		known, ok := rfcs[of]
		switch {
		case clean(found) != "RFC "+of:
			report(at[0], `%q is not written "RFC " and its number`, found)
		case !ok:
			report(at[0], "%s is not in rfcs of docs/references_test.go", clean(found))
		}
		rest := text[at[1]:]
		m := section.FindStringSubmatchIndex(rest)
		if m == nil || clean(rest[m[2]:m[3]]) == "" && !strings.Contains(strings.TrimRight(rest[m[4]:m[5]], "."), ".") {
			if known.long && p.form == comment {
				report(at[0], "%s (%s): the section is not named", clean(found), known.title)
			}
			continue
		}
		if i := strings.Index(rest[:m[1]], "§"); i >= 0 {
			placed[at[1]+i] = true
		}
		word, sectionNumber := clean(rest[m[2]:m[3]]), rest[m[4]:m[5]]
		if word != "section" && word != "sections" && word != "§" || !number.MatchString(sectionNumber) {
			report(at[0], `%q is not written "RFC N section N.N"`, clean(found+rest[:m[1]]))
		}
	}
	for _, at := range sign.FindAllStringIndex(text, -1) {
		if !placed[at[0]] {
			report(at[0], "a section sign belongs to no RFC")
		}
	}
}

// clean makes one line of a text.
func clean(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestCheck(t *testing.T) {
	to := targets{
		files: map[string]bool{
			"README.md": true, "backend/a.go": true,
			"docs/exchange.md": true, "docs/design.md": true, "docs/exgate.service": true,
		},
		anchors:  map[string][]string{"docs/exchange.md": {"case", "ex-07"}, "docs/design.md": {"rule-5"}},
		quirks:   []string{"EX-07", "EX-08"},
		projects: []string{"imapsync", "S22.Imap"},
	}
	const exchange = "docs/exchange.md"
	tests := []struct {
		file string
		form form
		text string
		want string // part of a problem; "" if the reference is good
	}{
		// Pages and anchors.
		{"backend/a.go", comment, "Names have no case (docs/exchange.md#case).", ""},
		{"backend/a.go", value, "docs/exchange.md#case (imapsync#5)", ""},
		{"backend/a.go", comment, "See README.md.", ""},
		{"backend/a.go", comment, "docs/exchange.md#upper", "no heading"},
		{"backend/a.go", value, "[design](design.md#rule-5)", ""},
		{"backend/a.go", value, "[design](design.md#rule-6)", "no heading"},
		{"backend/a.go", comment, "docs/clients.md", "there is no docs/clients.md"},
		{"backend/a.go", comment, "clients.md", "there is no"},
		{"README.md", markdown, "[a](docs/exchange.md#case), [b](docs/exgate.service)", ""},
		{exchange, markdown, "[a](#case), [b](design.md#rule-5), [c](../README.md), `docs/design.md`", ""},
		{exchange, markdown, "[a](#cases)", "no heading"},
		{exchange, markdown, "[a](names.md)", "there is no docs/names.md"},
		{exchange, markdown, "[a](design.md#rule-6)", "no heading"},
		{exchange, markdown, "[a](docs/design.md#rule-5)", "there is no docs/docs/design.md"},
		{exchange, markdown, "text\n[a](../LICENSE)", "docs/exchange.md:2: \"../LICENSE\""},
		{exchange, markdown, "[a](https://example.com/x.md#y) and https://example.com/RFC9051 §3", "section sign"},
		// Files of Go, from the root.
		{exchange, markdown, "`backend/a.go`, github.com/x/backend/b.go, b.go", ""},
		{exchange, markdown, "`backend/b.go`", "there is no backend/b.go"},
		// Quirks.
		{"a.go", comment, "the size is limited (EX-07)", ""},
		{"a.go", comment, "EX-99", "EX-99 is no quirk"},
		{"a.go", comment, "EX-08", "EX-08 is not in docs/exchange.md"},
		// RFCs.
		{"a.go", comment, "RFC 9051 section 6.3.12, RFC 2045 sections 6.7 and 6.8, RFC 9051 §6.1; RFC 6154.", ""},
		{"a.go", comment, "RFC 9051\nsection 7.5.1.", ""},
		{"a.go", comment, "RFC 6154, RFC 8098", ""},
		{"a.go", value, "BODY.PEEK[] RFC822 RFC822.SIZE, and RFC 9051 of all", ""},
		{"a.go", comment, "RFC822.SIZE is an estimate", ""},
		{"a.go", comment, "a date of RFC822", "not written \"RFC \""},
		{"a.go", comment, "RFC6154", "not written \"RFC \""},
		{"a.go", comment, "RFC-6154", "not written \"RFC \""},
		{"a.go", comment, "RFC 9015 section 3", "is not in rfcs"},
		{"a.go", comment, "as RFC 9051 has it", "the section is not named"},
		{"a.go", comment, "RFC 9051 sec. 6.3", "RFC N section N.N"},
		{"a.go", comment, "RFC 9051 6.3.1", "RFC N section N.N"},
		{"a.go", comment, "RFC 9051 section 6..3", "RFC N section N.N"},
		{"a.go", comment, "see §5 row 9", "section sign"},
		// Documents of Microsoft's.
		{"a.go", comment, "KB 4502136, KB Q234395, 10 KB in all", ""},
		{"a.go", comment, "KB4502136", "not written \"KB \""},
		{"a.go", comment, "Q234395", "not written \"KB \""},
		{"a.go", comment, "[MS-OXIMAP4] section 2.2.2", ""},
		{"a.go", comment, "[MS-OXIMAP4] 2.2.2", "of Microsoft's"},
		// Issues.
		{"a.go", comment, "imapsync#5, #161; S22.Imap#12; mxk/go-imap#11; x5t#S256", ""},
		{"a.go", comment, "imapsink#5", "does not say which project"},
		// Documents that are not here.
		{"a.go", comment, "the behaviour\nnotes", "not in the repository"},
		{"a.go", comment, "by design section 4", "not in the repository"},
		{"a.go", comment, "rule of the design, section 2", "not in the repository"},
		{"a.go", comment, "section 2 of the design", "not in the repository"},
		{"a.go", comment, "(requirements O12)", "not in the repository"},
		{"a.go", comment, "requirements S116", "not in the repository"},
		{"a.go", comment, "as presets do (S12, imapsync)", "not in the repository"},
		{"a.go", comment, "what shared/design tells", "not in the repository"},
		{"a.go", comment, "requirements.md", "not in the repository"},
		{"a.go", comment, "peers.md", "not in the repository"},
		{"a.go", comment, "exchange-behaviour.md", "not in the repository"},
		{"a.go", comment, "exchange-\nbehaviour.md section 4.3", "not in the repository"},
		{"a.go", comment, "imapserver-lanes.md", "not in the repository"},
		{"a.go", comment, "the design of a section", ""},
		{"a.go", comment, "what a server requires", ""},
	}
	for _, tt := range tests {
		problems := check(passage{tt.file, 1, tt.text, tt.form}, to)
		says := func(p problem) bool { return strings.Contains(p.String(), tt.want) }
		switch {
		case tt.want == "" && len(problems) > 0:
			t.Errorf("%q: %v", tt.text, problems)
		case tt.want != "" && !slices.ContainsFunc(problems, says):
			t.Errorf("%q: %v does not say %q", tt.text, problems, tt.want)
		}
	}
}
