package mailbox

import "bytes"

// clientMarks are fields that a client adds to a message to find it again, with another value
// for each attempt: mbsync (copy_msg_convert in its sync.c), and offlineimap where the server
// has no UIDPLUS (generate_headername in its folder/IMAP.py).
var clientMarks = [][]byte{mbsyncMark, []byte("x-offlineimap:")}

var mbsyncMark = []byte("x-tuid:")

// IsOfMbsync reports whether mbsync has marked the message as its own.
func IsOfMbsync(header []byte) bool {
	from, to := ClientMark(header)
	return from < to && bytes.EqualFold(header[from:from+len(mbsyncMark)], mbsyncMark)
}

// ClientMark returns where the field is with which a client has marked its attempt to store a
// message; 0, 0 if there is none.
func ClientMark(header []byte) (from, to int) {
	for at := 0; at < len(header); {
		end := bytes.IndexByte(header[at:], '\n') + 1
		line := header[at : at+end]
		if end == 0 || len(bytes.TrimRight(line, "\r\n")) == 0 {
			break // the header ends
		}
		for _, mark := range clientMarks {
			if len(line) >= len(mark) && bytes.EqualFold(line[:len(mark)], mark) {
				return at, at + end
			}
		}
		at += end
	}
	return 0, 0
}
