package proxy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/emersion/go-imap/v2/imapserver"
)

// said is a session that remembers the arguments of LOGIN, and refuses the login.
type said struct {
	notOwned
	name, password string
}

func (s *said) Login(name, password string) error {
	s.name, s.password = name, password
	return errors.New("refused")
}
func (*said) Close() error                              { return nil }
func (*said) Poll(*imapserver.UpdateWriter, bool) error { return nil }

// loginLane returns an own lane that gives its logins to s.
func loginLane(tb testing.TB, s *said) *ownLane {
	l := &ownLane{shots: make(chan *shot), closed: make(chan struct{}), ended: make(chan struct{})}
	log := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	l.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) { return s, nil, nil },
		Logger:     log, InsecureAuth: true,
	})
	go l.serve(log)
	tb.Cleanup(func() { l.Close() })
	return l
}

// logIn runs a LOGIN through the lane.
func (lane *ownLane) logIn(tb testing.TB, name, password string) {
	command, err := canonicalLogin(name, password)
	if err != nil {
		tb.Fatal(err)
	}
	nc := nowhere{}
	c := &conn{client: clientSide{nc: nc, w: newClientWriter(nc, 0, nil)}, link: link{bell: bell{ring: make(chan struct{}, 1)}}, ctx: context.Background()}
	s := &shot{c: c, tag: "a1", in: bytes.NewReader([]byte(laneTag + " " + command)), done: make(chan struct{})}
	lane.hand(s)
	<-s.done
}

func (nowhere) LocalAddr() net.Addr  { return laneAddr{} }
func (nowhere) RemoteAddr() net.Addr { return laneAddr{} }

// Every byte of a name and a password reaches the session.
func TestLoginInTheLaneKeepsEveryByte(t *testing.T) {
	s := new(said)
	l := loginLane(t, s)
	check := func(name, password string) {
		t.Helper()
		*s = said{}
		if l.logIn(t, name, password); s.name != name || s.password != password {
			t.Errorf("%q %q became %q %q", name, password, s.name, s.password)
		}
	}
	check(`EXAMPLE\admin\bob`, `pa"s\s {5}`)
	check("", "")
	check("{3+}", "a\r\nb")
	check("ä", "\x00\xff")
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func() string {
		b := make([]byte, rnd.IntN(40))
		most := []int{256, 128, 40}[rnd.IntN(3)]
		for i := range b {
			b[i] = byte(rnd.IntN(most))
		}
		return string(b)
	}
	for range 500 {
		check(random(), random())
	}
}

// BenchmarkLogin measures what the own lane adds to a login.
func BenchmarkLogin(b *testing.B) {
	s := new(said)
	l := loginLane(b, s)
	for kind, word := range map[string]string{"ascii": `EXAMPLE\alice`, "literals": `EXAMPLE\älice`} {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.logIn(b, word, word)
			}
		})
	}
}
