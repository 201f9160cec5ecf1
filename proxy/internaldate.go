package proxy

import (
	"bufio"
	"io"
	"net/mail"
	"strings"
	"time"
)

// dateTime is RFC 9051's date-time.
const dateTime = "_2-Jan-2006 15:04:05 -0700"

// maxDatedHeader is how much of a message is looked through for its date.
const maxDatedHeader = 256 << 10

// derivedDate is the date that a message had when it was received, by its
// topmost Received (RFC 5322 section 3.6.7), else when it was written; "" where
// neither can be read. Without one Exchange would show that of the transfer.
func derivedDate(message *spool) string {
	header := io.NewSectionReader(message, 0, min(message.size, maxDatedHeader))
	m, err := mail.ReadMessage(bufio.NewReader(header))
	if err != nil {
		return ""
	}
	texts := []string{m.Header.Get("Date")}
	if received := m.Header.Get("Received"); received != "" {
		texts = []string{received[strings.LastIndexByte(received, ';')+1:], texts[0]}
	}
	for _, text := range texts {
		// Years that no mailbox has are of broken clocks.
		if date, err := mail.ParseDate(strings.TrimSpace(text)); err == nil && date.Year() > 1970 && date.Before(time.Now().AddDate(1, 0, 0)) {
			return date.Format(dateTime)
		}
	}
	return ""
}
