package delivery

import (
	"io"
	"strings"
	"testing"
)

// pieces is a message that comes in pieces.
type pieces []string

func (m pieces) WriteTo(w io.Writer) (n int64, err error) {
	for _, piece := range m {
		written, err := io.WriteString(w, piece)
		if n += int64(written); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Exchange does not have the whole message before the row is on the disk: it works meanwhile, and can store nothing.
func TestRecordIsWaitedForBeforeTheEnd(t *testing.T) {
	for _, tt := range []struct {
		message pieces
		before  string // what Exchange has when the row is waited for
	}{
		{pieces{"the whole"}, ""},
		{pieces{"the ", "message, ", "and its end"}, "the message, "},
		{pieces{"an end that is", "", " empty", ""}, "an end that is"},
		{nil, ""},
	} {
		var up strings.Builder
		had, waits := "", 0
		whole := strings.Join(tt.message, "")
		r := recorded{tt.message, int64(len(whole)), func() {
			if waits++; waits == 1 {
				had = up.String()
			}
		}}
		if n, err := r.WriteTo(&up); n != int64(len(whole)) || err != nil || up.String() != whole {
			t.Fatalf("%d bytes went up, %q, %v", n, up.String(), err)
		}
		if had != tt.before || waits == 0 {
			t.Errorf("Exchange had %q when the row was waited for, want %q", had, tt.before)
		}
	}
}
