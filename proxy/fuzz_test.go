package proxy

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/routing"
	"exgate/proxy/spool"
	"exgate/proxy/testkit"
	"exgate/proxy/trace"
)

// obliging is an upstream that answers OK to every command that it can parse. That brings a gateway into all its
// states.
type obliging struct {
	l        net.Listener
	sessions sync.WaitGroup
}

// patience is how long the upstream waits for input. Its simple parser may wait for a literal that never comes, and
// that must not slow the fuzzing.
const answerTime = 500 * time.Millisecond

var announcedLiteral = regexp.MustCompile(`[ (]~?\{(\d{1,10})(\+?)\}$`)

func (o *obliging) serve() {
	for {
		nc, err := o.l.Accept()
		if err != nil {
			return
		}
		o.sessions.Go(func() {
			defer nc.Close()
			o.session(nc)
		})
	}
}

func (o *obliging) session(nc net.Conn) {
	nc.SetDeadline(time.Now().Add(answerTime))
	r := bufio.NewReader(nc)
	say := func(s string) { io.WriteString(nc, s+"\r\n") } // the reader notices an error
	say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		verb, _, _ := strings.Cut(strings.ToUpper(rest), " ")
		switch m := announcedLiteral.FindStringSubmatch(rest); {
		case m != nil:
			size, _ := strconv.Atoi(m[1])
			if m[2] == "" {
				say("+ go")
			}
			if _, err := r.Discard(size); err != nil {
				return
			}
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
			say("* 2 EXISTS")
			say(tag + " OK [APPENDUID 1 2] done")
		case verb == "IDLE":
			say("+ idling")
			say("* 3 EXISTS")
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
			say(tag + " OK done")
		case verb == "FETCH" || verb == "UID":
			say("* 2 FETCH (UID 2 FLAGS (\\Flagged) BODY[] {9}\r\na1 OK no\r)")
			say(tag + " OK done")
		case verb == "LOGOUT":
			say("* BYE bye")
			say(tag + " OK done")
			return
		case verb == "LOGIN" || verb == "AUTHENTICATE":
			say(tag + " OK [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+ IDLE] done")
		case verb == "SELECT":
			say("* OK [PERMANENTFLAGS (\\Seen \\Flagged)] those")
			say(tag + " OK [READ-WRITE] done")
		default:
			say(tag + " OK done")
		}
	}
}

// FuzzClient sends the input of a whole session to a gateway. The session must end cleanly when the input ends.
func FuzzClient(f *testing.F) {
	for _, plain := range []bool{true, false} {
		f.Add(plain, []byte("a1 LIST (x) \"\" (a {1+}\r\nb) RETURN (y)\r\na2 RENAME {3+}\r\nabc {3+}\r\nAbc\r\na3 CREATE \"x \"\r\na4 STATUS {2+}\r\na\x00 (MESSAGES)\r\n"))
		f.Add(plain, []byte("a1 UID SEARCH RETURN () CHARSET utf-8 TEXT {1+}\r\nx\r\na2 UID FETCH 1 (ENVELOPE BODY[])\r\na3 STORE 1 +FLAGS (\\Deleted x)\r\na4 COPY 1 {1+}\r\n\xff\r\n"))
		f.Add(plain, []byte("a1 APPEND INBOX (\\Flagged foo) {3+}\r\nabc\r\na2 SELECT INBOX\r\na3 APPEND INBOX (\\Flagged) {2}\r\nhi\r\na4 LOGOUT\r\n"))
		f.Add(plain, []byte("a1 IDLE\r\nDONE\r\na2 IDLE\r\na3 NOOP\r\nDONE\r\na4 UID FETCH 1:* BODY[]\r\n"))
		f.Add(plain, []byte("a1 CREATE {3}\r\nabc\r\na2 CREATE {3+}\r\nabc {0}\r\n x\r\n( {5+}\r\nabcde\r\n"))
		f.Add(plain, []byte("a1 APPEND {5+}\r\nINBOX (\\Seen) \"22-Nov-2026\" ~{300000+}\r\nSubject: x\r\n\r\n"))
		f.Add(plain, []byte("a1 APPEND INBOX CATENATE (TEXT {3+}\r\nabc)\r\na2 REPLACE 1 x {999999999+}\r\n"))
		f.Add(plain, []byte("\x00\r\n\r\n \r\na1\r\na1 \"\r\na1 {05+}\r\n"))
		f.Add(plain, []byte("a1 XFOO (((({}{+}\"\\\"\"\na2 uid\na3 uid x\na4 noop \r\r\n"+strings.Repeat("x", 70_000)))
		for _, name := range []string{"short.txt", "mixed.txt"} {
			if file, err := os.ReadFile(filepath.Join("..", "testdata", "transcripts", name)); err == nil {
				var said strings.Builder
				for line := range strings.Lines(string(file)) {
					if line, ok := strings.CutPrefix(line, "C: "); ok {
						said.WriteString(strings.TrimSuffix(line, "\n") + "\r\n")
					}
				}
				f.Add(plain, []byte(said.String()))
			}
		}
	}
	f.Fuzz(func(t *testing.T, plain bool, input []byte) {
		prof := exchangeProfile
		prof.Names, prof.Replies = apartNames, backend.AllReplies()
		if plain {
			prof = plainProfile
		}
		fuzzSession(t, prof, input)
	})
}

func fuzzSession(t *testing.T, prof profile.Profile, input []byte) {
	up := &obliging{l: testkit.Listen(t)}
	var serving sync.WaitGroup
	serving.Go(up.serve)
	log := new(buffer)
	srv, err := NewServer(Options{
		Upstreams: []routing.Upstream{{
			Backend: backend.Options{Address: up.l.Addr().String(), TLS: backend.TLSInsecureNone},
			Profile: prof.Name, Profiles: func(string) profile.Profile { return prof },
		}},
		Spool: spool.Options{Dir: t.TempDir(), Memory: 1000, Session: 1 << 20},
		Log:   slog.New(slog.NewTextHandler(log, nil)), Trace: trace.NewWire(new(buffer)),
	})
	if err != nil {
		t.Fatal(err)
	}
	near, far := pair(t)
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.serve(far, ListenInsecurePlaintext)
	}()
	said := make(chan struct{})
	go func() {
		defer close(said)
		io.WriteString(near, "a0 LOGIN alice secret\r\n") // fails when the session ends early
		near.Write(input)
		near.(*net.TCPConn).CloseWrite()
	}()
	heard, _ := io.ReadAll(near) // a reset is allowed, a hang is not
	<-said
	near.Close()
	select {
	case <-served:
	case <-time.After(testkit.WaitLimit):
		t.Fatalf("the session does not end; heard %.500q", heard)
	}
	srv.Close()
	up.l.Close()
	serving.Wait()
	up.sessions.Wait()
	if srv.uploads.Used() != 0 || len(srv.accounts.open) != 0 {
		t.Errorf("left: %d bytes, %d accounts", srv.uploads.Used(), len(srv.accounts.open))
	}
	if text := log.String(); strings.Contains(text, "panic") {
		t.Error(text)
	}
}
