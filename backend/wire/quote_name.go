package wire

import (
	"bytes"
	"regexp"
	"strings"
)

// nameAt says where the name of a mailbox stands in a command.
type nameAt struct {
	before *regexp.Regexp // what comes before it
	legal  *regexp.Regexp // what may follow a name that is written as IMAP demands
	after  *regexp.Regexp // what may follow any other name, to the end of the line
}

var (
	nothing    = regexp.MustCompile(`^`)
	firstName  = nameAt{nothing, regexp.MustCompile(`^( \(.*\))?$`), regexp.MustCompile(`^$`)}
	statusName = nameAt{nothing, regexp.MustCompile(`^ \(.*\)$`), regexp.MustCompile(`^ \([A-Za-z ]*\)$`)}
	copyName   = nameAt{regexp.MustCompile(`^[0-9:,*$]+ `), regexp.MustCompile(`^$`), regexp.MustCompile(`^$`)}
	appendName = nameAt{
		nothing,
		regexp.MustCompile(`(?i)^( \([^)]*\))?( "[^"]*")? (~?\{|UTF8 |CATENATE )`),
		regexp.MustCompile(`^( \([^()"]*\))?( "[ 0-9]?[0-9]-[A-Za-z]{3}-[0-9]{4} [0-9:]{8} [-+][0-9]{4}")? \{[0-9]+\+?\}$`),
	}
)

// namesAt has the commands in which QuoteName looks for a name.
var namesAt = map[string]nameAt{
	"SELECT": firstName, "EXAMINE": firstName, "CREATE": firstName, "DELETE": firstName, "SUBSCRIBE": firstName,
	"UNSUBSCRIBE": firstName, "STATUS": statusName, "APPEND": appendName, "COPY": copyName, "UID COPY": copyName,
	"MOVE": copyName, "UID MOVE": copyName,
}

// QuoteName returns the line of a command with the name of the mailbox as a quoted string, if the
// client has not written it as IMAP demands: an atom with a quote in it, or a name between quotes
// whose own quotes are not escaped. offlineimap sends SELECT quo"ted and CREATE "a quo"ted name"
// (foldername_to_imapname in its imaputil.py, makefolder_single in its repository/IMAP.py). A line
// that RFC 9051 section 9 allows, or that does not show where the name ends, is returned as it is.
func QuoteName(line []byte) []byte {
	if bytes.IndexByte(line, '"') < 0 {
		return line
	}
	tag, rest, _ := strings.Cut(string(line), " ")
	verb, args := SplitVerb(rest)
	at, ok := namesAt[verb]
	if !ok {
		return line
	}
	before := at.before.FindStringIndex(args)
	if before == nil {
		return line
	}
	name, after := at.misquoted(args[before[1]:])
	if name == "" {
		return line
	}
	return []byte(tag + " " + verb + " " + args[:before[1]] + Quote(name) + after)
}

// misquoted returns the name with which text begins, and what follows it. The name is "" if it is
// written as IMAP demands, or if it cannot be told where it ends.
func (at nameAt) misquoted(text string) (name, after string) {
	if text[:min(len(text), 1)] == `"` {
		if at.isLegal(text) {
			return "", ""
		}
		for i := 1; i < len(text); i++ {
			if text[i] == '"' && at.after.MatchString(text[i+1:]) {
				return text[1:i], text[i+1:]
			}
		}
	}
	name, _, _ = strings.Cut(text, " ")
	after = text[len(name):]
	if !strings.Contains(name, `"`) || !at.after.MatchString(after) {
		return "", ""
	}
	return name, after
}

// isLegal reports whether text begins with a quoted string, and goes on as the command may.
func (at nameAt) isLegal(text string) bool {
	var args Args
	args.AddText([]byte(text))
	if _, ok := args.String(); !ok {
		return false
	}
	_, left := args.Left()
	return at.legal.MatchString(text[len(text)-left:])
}
