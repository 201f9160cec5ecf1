package proxy

import (
	"net/mail"
	"strings"
	"time"

	"exgate/proxy/spool"
)

// dateTime is RFC 9051's date-time.
const dateTime = "_2-Jan-2006 15:04:05 -0700"

// maxDatedHeader is how much of a message is looked through for its date.
const maxDatedHeader = 256 << 10

// derivedDate is the date that a message had when it was received, by its
// topmost Received (RFC 5322 section 3.6.7), else when it was written; "" where
// neither can be read. Without one Exchange would show that of the transfer.
func derivedDate(message *spool.Spool) string {
	var received, written string
	firstFields(message.Header(maxDatedHeader), map[string]*string{"received": &received, "date": &written})
	received = received[strings.LastIndexByte(received, ';')+1:]
	for _, text := range []string{received, written} {
		if text == "" {
			continue
		}
		// Years that no mailbox has are of broken clocks.
		if date, err := parseDate(text); err == nil && date.Year() > 1970 && date.Before(time.Now().AddDate(1, 0, 0)) {
			return date.Format(dateTime)
		}
	}
	return ""
}

// parseDate reads a date of RFC 5322 section 3.3 in the form that most have; the
// library tries dozens, each of which costs an error.
func parseDate(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if plain, _, _ := strings.Cut(text, " ("); plain != "" {
		if date, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", plain); err == nil {
			return date, nil
		}
	}
	return mail.ParseDate(text)
}
