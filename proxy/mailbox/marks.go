package mailbox

import (
	"bytes"
	"strings"
)

// clientMarks are fields that a client adds to a message to find it again, with another value
// for each attempt: mbsync (copy_msg_convert in its sync.c), and offlineimap where the server
// has no UIDPLUS (generate_headername in its folder/IMAP.py).
var clientMarks = [][]byte{[]byte("x-tuid:"), []byte("x-offlineimap:")}

// TUID returns the mark that mbsync has put on a message (X-TUID); "" if there is none. mbsync gives
// each attempt another one. When it begins anew, it looks for the marks of which it has no answer in all
// messages that have come to the mailbox since (match_tuids in its sync.c), and sends again only what
// it does not find. It leaves the mark in the message: other clients send it along, always the same.
func TUID(header []byte) (tuid string) {
	FirstFields(header, map[string]*string{"x-tuid": &tuid})
	return tuidOf(tuid)
}

// tuidOf returns the mark in the field, as it is compared.
func tuidOf(field string) string { return shortened(strings.TrimSpace(field)) }

// ClientMarks returns where the fields begin and end with which a client has marked its attempts to
// store a message. offlineimap adds one for each attempt of a run, and leaves those before it. isWhole reports
// whether the end of the header is there.
func ClientMarks(header []byte) (marks [][2]int, isWhole bool) {
	for at := 0; at < len(header); {
		end := bytes.IndexByte(header[at:], '\n') + 1
		line := header[at : at+end]
		if end == 0 {
			return marks, false
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return marks, true
		}
		for _, mark := range clientMarks {
			if hasName(line, mark) {
				marks = append(marks, [2]int{at, at + end})
			}
		}
		at += end
	}
	return marks, false
}

func hasName(line, name []byte) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], name)
}
