package survey

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// redactor replaces names and addresses in what a server says.
type redactor struct{ rules []rule }

type rule struct {
	find *regexp.Regexp
	by   string
}

// anyServer are the rules for names that the survey does not know.
var anyServer = []rule{
	// The host of Exchange Online, base64 of UTF-16 (docs/exchange.md#greeting).
	{regexp.MustCompile(`\[[A-Za-z0-9+/]{16,}=*\]`), "[aABvAHMAdAA=]"},
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b`), "00000000-0000-0000-0000-000000000000"},
	{regexp.MustCompile(`[^\s<>()"'=,;:]+@[A-Za-z0-9.-]+`), "user@example.com"},
	{regexp.MustCompile(`\b(Proxy|MailboxBE)=[^\s:\]]+`), "${1}=host.example.com"}, // EX-23
	{regexp.MustCompile(`(?i)\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]*[0-9a-f]\b`), "2001:db8::1"},
	{regexp.MustCompile(`(?i)(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::[0-9a-f:]*[0-9a-f]\b`), "2001:db8::1"},
}

// hostName matches a name with dots that ends in letters. Microsoft's own names of classes look like it.
var hostName = regexp.MustCompile(`(?i)\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b`)

// runFolder matches the survey's folder anywhere in a text.
var runFolder = regexp.MustCompile(prefix + `\d{8}-\d{6}`)

// address matches an IPv4 address; a version such as 6.5.7638.1 has a number over 255.
var address = regexp.MustCompile(`\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b`)

// newRedactor also replaces the names that are known: those of the login, the server and the secret.
func newRedactor(names []string) redactor {
	var words []string
	for _, name := range names {
		words = append(words, name)
		words = append(words, strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(`\/@:*`, r) })...)
	}
	// The longest first: a name may be part of another one.
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var r redactor
	for _, word := range slices.Compact(words) {
		if word == "" || slices.Contains(kept, strings.ToLower(word)) {
			continue
		}
		pattern := regexp.QuoteMeta(word)
		if isWord(word[0]) {
			pattern = `\b` + pattern
		}
		if isWord(word[len(word)-1]) {
			pattern += `\b`
		}
		if find, err := regexp.Compile("(?i)" + pattern); err == nil { // a name that is no UTF-8 has none
			r.rules = append(r.rules, rule{find, "name"})
		}
	}
	r.rules = append(r.rules, anyServer...)
	return r
}

// kept are words that look like parts of names and tell nothing.
var kept = []string{"com", "org", "net", "local"}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// listed matches a response of LIST, up to the name of the folder.
var listed = regexp.MustCompile(`(?is)^(S: \* (?:LIST|LSUB) \([^)]*\) (?:NIL|"[^"]*") )(.*)$`)

// folder replaces the name of a folder that is not the survey's own.
func folder(line string) string {
	m := listed.FindStringSubmatch(line)
	if m == nil || strings.Contains(m[2], prefix) {
		return line
	}
	switch strings.Trim(m[2], `"`) {
	case "", "INBOX", "Files", "Public Folders", "Public Folders/":
		return line
	}
	return m[1] + "folder"
}

// field matches a field of a message, with the lines that continue it.
var field = regexp.MustCompile(`(?m)^([A-Za-z][A-Za-z0-9-]*):[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*`)

// fields leaves out what a server has added to a message, such as Received.
func fields(line string) string {
	first, message, ok := strings.Cut(line, "\n")
	if !ok {
		return line
	}
	return first + "\n" + field.ReplaceAllStringFunc(message, func(f string) string {
		name, _, _ := strings.Cut(f, ":")
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "content-") || slices.Contains(ownFields, lower) {
			return f
		}
		return name + ": ..."
	})
}

// ownFields are the fields that the survey writes itself.
var ownFields = []string{
	"date", "from", "to", "subject", "message-id", "mime-version", "references", "x-exgate-survey",
	"disposition-notification-to",
}

func (r redactor) text(s string) string {
	s = runFolder.ReplaceAllString(s, prefix+"DATE")
	for _, rule := range r.rules {
		s = rule.find.ReplaceAllString(s, rule.by)
	}
	s = address.ReplaceAllString(s, "192.0.2.1")
	return hostName.ReplaceAllStringFunc(s, func(host string) string {
		lower := strings.ToLower(host)
		if strings.HasPrefix(lower, "microsoft.exchange") || strings.HasSuffix(lower, "exgate.example") ||
			strings.HasSuffix(lower, "example.com") {
			return host
		}
		return "host.example.com"
	})
}

func (r redactor) texts(list []string) []string {
	var all []string
	for _, s := range list {
		all = append(all, r.text(fields(folder(s))))
	}
	return all
}
