package proxy

import (
	"bufio"
	"testing"
	"time"
)

// A reply may quote Exchange. Nothing in the quoted text may end the line.
func TestALineIsOneLine(t *testing.T) {
	near, far := pair(t)
	w := &clientWriter{nc: far, timeout: time.Second}
	if err := w.line("a1 NO %s", "one\r\na2 OK two\rthree\x00four"); err != nil {
		t.Fatal(err)
	}
	far.Close()
	const want = "a1 NO one  a2 OK two three four\r\n"
	r := bufio.NewReader(near)
	if got, _ := r.ReadString('\n'); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if rest, err := r.ReadString('\n'); err == nil || rest != "" {
		t.Errorf("more than a line: %q", rest)
	}
}

// The client gets the library's reply under its own tag, wherever the library's writes are cut. It gets neither the
// greeting nor a continuation request, and nothing after the tagged reply.
func TestOwnLaneReply(t *testing.T) {
	const reply = "* PREAUTH [CAPABILITY X] ready\r\n+ go\r\n* 1 EXISTS\r\nL OK [APPENDUID 1 2] done\r\n* BYE too much\r\nL OK again\r\n"
	const want = "* 1 EXISTS\r\na]1 OK [APPENDUID 1 2] done\r\n"
	for cut := range len(reply) {
		near, far := pair(t)
		c := &conn{client: clientSide{nc: far, w: &clientWriter{nc: far, timeout: time.Second}}}
		s := &shot{c: c, tag: "a]1"}
		for _, part := range []string{reply[:cut], reply[cut:]} {
			if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("cut at %d: wrote %d of %d, %v", cut, n, len(part), err)
			}
		}
		far.Close()
		p := newPeer(t, "client", near, new(transcript))
		p.expectRaw(want)
		p.ends()
		if !s.replied.Load() || s.err != nil {
			t.Errorf("cut at %d: replied %t, err %v", cut, s.replied.Load(), s.err)
		}
	}
}
