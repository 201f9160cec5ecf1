package mailbox

import (
	"context"
	"errors"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"exgate/backend"
)

// dateTime is the date-time of RFC 9051 section 9.
const dateTime = "_2-Jan-2006 15:04:05 -0700"

// MaxDatedHeader is how much of a message is looked through for its date.
const MaxDatedHeader = 256 << 10

// DerivedDate returns the date of a message by its header: that of the topmost
// Received (RFC 5322 section 3.6.7), else that of Date, or "" where neither can be
// read. Without a date Exchange would show that of the transfer.
func DerivedDate(header []byte) string {
	var received, written string
	FirstFields(header, map[string]*string{"received": &received, "date": &written})
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

// LegalDate returns the date of an APPEND in the form of RFC 9051 section 9, with two
// digits for the day: "7-Nov-2016" becomes "07-Nov-2016", which other servers demand
// (node-imap#648). ok is false if the text is no date, such as the "00-Jan-0000" of a Domino
// (MailKit#1236), or a date of no mailbox, such as the first day of 1970.
func LegalDate(text string) (legal string, ok bool) {
	date, err := time.Parse("2-Jan-2006 15:04:05 -0700", strings.Join(strings.Fields(text), " "))
	if err != nil || date.Year() <= 1970 {
		return "", false
	}
	if date.Format(dateTime) == text {
		return text, true
	}
	return date.Format("02-Jan-2006 15:04:05 -0700"), true
}

// parseDate reads a date of RFC 5322 section 3.3 in the form that most have; the
// library tries dozens, each of which costs an error.
func parseDate(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, errors.New("a date is missing")
	}
	if plain, _, _ := strings.Cut(text, " ("); plain != "" {
		if date, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", plain); err == nil {
			return date, nil
		}
	}
	return mail.ParseDate(text)
}

// errNoDate says that a message just stored is not to be seen yet, or that the
// server shows no date.
var errNoDate = errors.New("UID FETCH was answered OK without a date")

// KeptDate asks for the date of a message in the mailbox that is selected on
// conn. A UID that the connection has not been told of is passed over with OK
// (RFC 9051 section 6.4.9): NOOP tells it, and it is asked again.
func KeptDate(ctx context.Context, conn *backend.Conn, uid uint32) (string, error) {
	for _, before := range []string{"", "NOOP"} {
		if before != "" {
			if _, err := conn.Do(ctx, backend.NewRequest(before)); err != nil {
				return "", err
			}
		}
		kept := ""
		req := backend.NewRequest("UID FETCH").Raw(strconv.FormatUint(uint64(uid), 10)).Raw("(UID INTERNALDATE)")
		req.Untagged = func(response []byte) bool {
			m, ok := parseCandidate(response)
			if !ok || m.uid != uid || m.internalDate == "" {
				return false
			}
			kept = m.internalDate
			return true
		}
		status, err := conn.Do(ctx, req)
		if err == nil && status.Word != "OK" {
			err = backend.ReplyError("UID FETCH", status)
		}
		if err != nil || kept != "" {
			return kept, err
		}
	}
	return "", errNoDate
}

// DatesDiffer tells whether two dates are different instants. What cannot be read
// differs from nothing.
func DatesDiffer(sent, kept string) bool {
	s, err := time.Parse(dateTime, sent)
	k, err2 := time.Parse(dateTime, kept)
	return err == nil && err2 == nil && !s.Equal(k)
}
