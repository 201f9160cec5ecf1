package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"exgate/proxy/delivery"
	"exgate/proxy/testkit"
)

// appended is a session that answers APPENDs with the given errors, and remembers their mailboxes.
type appended struct {
	notOwned
	conn    *laneConn
	answers map[string]error // by mailbox
	took    *[]string        // guarded by mu
	mu      *sync.Mutex
}

func (a *appended) Append(mailbox string, _ imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	a.mu.Lock()
	*a.took = append(*a.took, fmt.Sprintf("%s %v for %s", mailbox, options.Flags, a.conn.shot.tag))
	a.mu.Unlock()
	if mailbox == "panic" {
		panic("as the test wants")
	}
	return nil, a.answers[mailbox]
}
func (*appended) Login(string, string) error                { return errNotOwned }
func (*appended) Close() error                              { return nil }
func (*appended) Poll(*imapserver.UpdateWriter, bool) error { return nil }

// appendLane is an own lane in front of such sessions, which counts its connections.
type appendLane struct {
	*ownLane
	mu    sync.Mutex
	took  []string
	conns int
}

func newAppendLane(t *testing.T, answers map[string]error) *appendLane {
	a := new(appendLane)
	log := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	a.ownLane = &ownLane{shots: make(chan *shot), more: make(chan *shot), closed: make(chan struct{}), ended: make(chan struct{})}
	a.server = imapserver.New(&imapserver.Options{Logger: log, NewSession: func(lc *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.conns++
		return &appended{conn: lc.NetConn().(*laneConn), answers: answers, took: &a.took, mu: &a.mu}, &imapserver.GreetingData{PreAuth: true}, nil
	}})
	go a.serve(log)
	t.Cleanup(func() { a.Close() })
	return a
}

// fire runs a command, and returns what the client was told.
func (a *appendLane) fire(tag, command string) string {
	nc := new(recordingConn)
	c := &conn{client: clientSide{nc: nc, w: newClientWriter(nc, 0, nil)}, link: link{bell: bell{ring: make(chan struct{}, 1)}},
		ctx: context.Background(), login: new(login)}
	s := &shot{c: c, tag: tag, preauth: true, upload: new(delivery.Upload), done: make(chan struct{}),
		in: bytes.NewReader([]byte(laneTag + " " + command))}
	if !a.hand(s) {
		return "the lane has ended"
	}
	<-s.done
	return nc.b.String()
}

// idles waits until so many connections wait for another APPEND.
func (a *appendLane) idles(t *testing.T, n int) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d connections idle", n), func() bool {
		a.ownLane.mu.Lock()
		defer a.ownLane.mu.Unlock()
		return a.idle == n
	})
}

type recordingConn struct {
	nowhere
	b bytes.Buffer
}

func (c *recordingConn) Write(p []byte) (int, error) { return c.b.Write(p) }

// A connection of the library carries one APPEND after the other, and nothing of one shows in the next.
func TestLaneConnectionIsUsedAgain(t *testing.T) {
	const end = " {0}\r\n\r\n"
	no := &imap.Error{Type: imap.StatusResponseTypeNo, Text: "no"}
	bad := &imap.Error{Type: imap.StatusResponseTypeBad, Text: "not yet"}
	for _, tt := range []struct {
		name, first, reply string
		took, again        bool
	}{
		{"OK", "APPEND fine (\\Seen)" + end, "a1 OK APPEND completed\r\n", true, true},
		{"NO", "APPEND no ()" + end, "a1 NO no\r\n", true, true},
		{"BAD", "APPEND bad ()" + end, "a1 BAD not yet\r\n", true, false},
		{"another error", "APPEND fails ()" + end, "a1 NO [SERVERBUG] Internal server error\r\n", true, true},
		{"a panic", "APPEND panic ()" + end, "", true, false},
		{"a command that the library does not read", "APPEND (" + end, "a1 BAD …", false, false},
		{"a command without its end", "APPEND fine () {3}\r\nab", "…", true, false},
		{"a command that goes on behind its end", "APPEND fine () {0}\r\n\r\nL APPEND evil () {0}\r\n\r\n", "a1 OK APPEND completed\r\n", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAppendLane(t, map[string]error{"no": no, "bad": bad, "fails": errors.New("failed")})
			if got := a.fire("a1", tt.first); !matches(got, tt.reply) {
				t.Errorf("the first client was told %q, want %q", got, tt.reply)
			}
			if tt.again {
				a.idles(t, 1)
			}
			if got := a.fire("b7", "APPEND later (\\Draft)"+end); got != "b7 OK APPEND completed\r\n" {
				t.Errorf("the second client was told %q", got)
			}
			a.idles(t, 1)
			if want := map[bool]int{true: 1, false: 2}[tt.again]; a.conns != want {
				t.Errorf("%d connections were made, want %d", a.conns, want)
			}
			if last := a.took[len(a.took)-1]; last != "later [\\Draft] for b7" {
				t.Errorf("the session was given %q", a.took)
			}
			if first := slices.ContainsFunc(a.took, func(s string) bool { return strings.HasSuffix(s, " for a1") }); first != tt.took {
				t.Errorf("the session was given %q", a.took)
			}
		})
	}
}

// Not more than maxLaneIdle connections wait, and none is left when the lane has ended.
func TestLaneConnectionsThatWait(t *testing.T) {
	a := newAppendLane(t, nil)
	var clients sync.WaitGroup
	for i := range 4 * maxLaneIdle {
		clients.Go(func() {
			for n := range 20 {
				tag := fmt.Sprintf("c%d-%d", i, n)
				if got := a.fire(tag, "APPEND m"+tag+" () {0}\r\n\r\n"); got != tag+" OK APPEND completed\r\n" {
					t.Errorf("%s was told %q", tag, got)
				}
			}
		})
	}
	clients.Wait()
	for _, took := range a.took {
		mailbox, tag, _ := strings.Cut(took, " [] for ")
		if mailbox != "m"+tag {
			t.Errorf("the session was given %q", took)
		}
	}
	if len(a.took) != 4*maxLaneIdle*20 {
		t.Errorf("%d APPENDs were taken", len(a.took))
	}
	a.Close()
	if a.idle != 0 {
		t.Errorf("%d connections wait", a.idle)
	}
	if got := a.fire("d1", "APPEND m () {0}\r\n\r\n"); got != "the lane has ended" {
		t.Errorf("a shot was taken after the end: %q", got)
	}
}
