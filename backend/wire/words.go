package wire

import "strings"

// maxWords limits the words of a server in the log and the ledger, in bytes.
const maxWords = 300

// Words returns the text of a server as the log and the ledger may have it: in one line, and
// without markup. A server that took a mail for commands can repeat a part of the mail, and a
// server that is none of IMAP sends a page of HTML. So the text ends before the first
// character that no reply of a server has: a control character or "<".
func Words(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == '<' || 0x7f <= r && r < 0xa0 })
	if end < 0 && len(text) <= maxWords {
		return strings.ToValidUTF8(text, "?")
	}
	if end < 0 || end > maxWords {
		end = maxWords
	}
	return strings.ToValidUTF8(strings.TrimRight(text[:end], " "), "?") + "..."
}

// Words returns the reply without its tag and its code, as the log and the ledger may have it.
func (s Status) Words() string { return strings.TrimSuffix(s.Word+" "+Words(s.Text), " ") }
