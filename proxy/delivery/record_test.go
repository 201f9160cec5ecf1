package delivery

import (
	"strings"
	"testing"
)

// The row is waited for when Exchange has the literal, and before the CRLF after it: Exchange works meanwhile, but stores
// nothing.
func TestRecordIsWaitedForBeforeTheEnd(t *testing.T) {
	var up strings.Builder
	had := ""
	r := recorded{strings.NewReader("the message"), func() { had = up.String() }}
	if n, err := r.WriteTo(&up); n != int64(len("the message")) || err != nil {
		t.Fatalf("%d bytes went up, %v", n, err)
	}
	if had != "the message" {
		t.Errorf("Exchange had %q when the row was waited for", had)
	}
}
