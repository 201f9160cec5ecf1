package mailbox

import "strings"

// About is what the log and the ledger tell of a message, and mbsync's mark: see TUID.
type About struct{ MessageID, Subject, TUID string }

// ReadAbout reads it off the header of a message, as it is written there. Fields that are too
// long are cut: a Message-ID is one line of 998 characters at most (RFC 5322 section 2.1.1).
func ReadAbout(header []byte) (about About) {
	FirstFields(header, map[string]*string{
		"message-id": &about.MessageID, "subject": &about.Subject, "x-tuid": &about.TUID,
	})
	about.MessageID = cut(strings.Join(strings.Fields(about.MessageID), ""))
	about.Subject = cut(readable(about.Subject))
	about.TUID = tuidOf(about.TUID)
	return about
}

// maxAbout limits a field of About, in bytes.
const maxAbout = 998

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxAbout)], "?") }
