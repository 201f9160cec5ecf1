package exchangesim

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// imapClient logs in with go-imap's client over verified TLS.
func imapClient(t *testing.T, s *Server, addr, name, password string) *imapclient.Client {
	t.Helper()
	pool, err := s.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	c, err := imapclient.DialTLS(addr, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(name, password).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// A whole sync by a client that is not ours: up, over, and down again.
func TestSync(t *testing.T) {
	for _, profile := range Profiles() {
		t.Run(profile, func(t *testing.T) {
			s, addr := startServer(t, Config{Profile: profile}, ImplicitTLS)
			admin := `admin@example.com\alice`
			if profile == "exchange2000" || profile == "exchange2003" {
				admin = `EXAMPLE/admin/alice`
			}
			up := imapClient(t, s, addr, admin, "adminpass")
			if err := up.Create("Archive/2026", nil).Wait(); err != nil {
				t.Fatal(err)
			}
			date := time.Date(2020, 2, 29, 12, 0, 0, 0, time.FixedZone("", 3600))
			const n = 30
			for i := range n {
				msg := crlf(fmt.Sprintf("Message-ID: <m%d@example.com>\nSubject: =?utf-8?q?caf=C3=A9?= %[1]d\nFrom: Zoë <z@example.com>\n\nbody %[1]d\n", i))
				w := up.Append("Archive/2026", int64(len(msg)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: date})
				if _, err := w.Write(msg); err != nil {
					t.Fatal(err)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				data, err := w.Wait()
				uid := imap.UID(i + 1)
				if !s.supports("UIDPLUS") {
					uid = 0
				}
				if err != nil || data.UID != uid {
					t.Fatalf("APPEND %d: %+v, %v", i, data, err)
				}
			}
			if got := s.Messages("alice", "archive/2026"); len(got) != n || !bytes.Contains(got[3].Received, []byte("body 3\r\n")) {
				t.Fatalf("%d messages stored", len(got))
			}

			down := imapClient(t, s, addr, "alice@example.com", "alicepass")
			if err := down.Noop().Wait(); err != nil {
				t.Fatal(err)
			}
			selected, err := down.Select("Archive/2026", nil).Wait()
			if err != nil || selected.NumMessages != n || slices.Contains(selected.PermanentFlags, imap.FlagWildcard) {
				t.Fatalf("SELECT: %+v, %v", selected, err)
			}
			messages, err := down.Fetch(imap.SeqSetNum(1, 2, 30), &imap.FetchOptions{
				UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true,
				BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
				BodySection:   []*imap.FetchItemBodySection{{Peek: true}},
			}).Collect()
			if err != nil || len(messages) != 3 {
				t.Fatalf("FETCH: %d messages, %v", len(messages), err)
			}
			m := messages[2]
			if m.UID != n || m.Envelope.Subject != "café 29" || m.Envelope.MessageID != "m29@example.com" ||
				!m.InternalDate.Equal(date) || m.BodyStructure.MediaType() != "text/plain" || !slices.Equal(m.Flags, []imap.Flag{imap.FlagSeen}) {
				t.Errorf("message: %+v, envelope %+v", m, m.Envelope)
			}
			if body := m.BodySection[0].Bytes; !bytes.Contains(body, []byte("body 29\r\n")) || m.RFC822Size == int64(len(body)) {
				t.Errorf("size %d, body %q", m.RFC822Size, body)
			}
			found, err := down.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "<m7@"}}}, nil).Wait()
			if err != nil || !slices.Equal(found.AllUIDs(), []imap.UID{8}) {
				t.Errorf("SEARCH: %v, %v", found, err)
			}
			if _, err := down.Move(imap.UIDSetNum(1, 2, 3), "Deleted Items").Wait(); err != nil {
				t.Fatal(err)
			}
			if err := down.Logout().Wait(); err != nil {
				t.Fatal(err)
			}
			if a, b := len(s.Messages("alice", "Archive/2026")), len(s.Messages("alice", "Deleted Items")); a != n-3 || b != 3 {
				t.Errorf("after MOVE %d and %d messages", a, b)
			}
		})
	}
}

// Whatever others do, a client that believes EXISTS and EXPUNGE knows how
// many messages there are.
func TestConcurrentViews(t *testing.T) {
	s, addr := startServer(t, Config{}, InsecurePlaintext)
	const clients, rounds = 5, 40
	exists := make([]int, clients)
	command := make([]func(string), clients)
	for i := range clients {
		c := dial(t, addr)
		c.S("* OK …")
		run := func(line string) {
			c.C("t " + line)
			for {
				reply, err := c.r.ReadString('\n')
				if err != nil {
					t.Errorf("client %d, %s: %v", i, line, err)
					return
				}
				words := strings.Fields(reply)
				switch {
				case words[0] == "t":
					return
				case len(words) > 2 && words[2] == "EXISTS":
					exists[i], _ = strconv.Atoi(words[1])
				case len(words) > 2 && words[2] == "EXPUNGE":
					exists[i]--
				}
			}
		}
		run("LOGIN alice alicepass")
		run("SELECT INBOX")
		command[i] = run
	}
	var wg sync.WaitGroup
	for i, run := range command {
		wg.Go(func() {
			for n := range rounds {
				run("APPEND INBOX {12+}\r\nSubject: x\r\n")
				if n%3 == i%3 {
					run("UID STORE *:1 +FLAGS.SILENT (\\Deleted)")
					run("EXPUNGE")
				}
				run("UID FETCH 1:* FLAGS")
			}
		})
	}
	wg.Wait()
	want := len(s.Messages("alice", "INBOX"))
	for i, run := range command {
		run("NOOP")
		if exists[i] != want {
			t.Errorf("client %d believes in %d messages, there are %d", i, exists[i], want)
		}
	}
}

// Close ends what waits: in IDLE, in a literal, before login, in a pause.
func TestCloseEndsWaiting(t *testing.T) {
	s, addr := startServer(t, Config{}, InsecurePlaintext)
	before := dial(t, addr)
	before.S("* OK …")
	idle, literal, slow := dial(t, addr), dial(t, addr), dial(t, addr)
	for _, c := range []*testClient{idle, literal, slow} {
		c.S("* OK …")
		c.C("a LOGIN alice alicepass")
		c.S("a OK …")
	}
	idle.C("b SELECT INBOX")
	for range 6 {
		idle.S("* …")
	}
	idle.S("b OK …")
	idle.C("c IDLE")
	idle.S("+ …")
	literal.C("b APPEND INBOX {100}")
	literal.S("+ …")
	if err := s.AddFault("slow:1h"); err != nil {
		t.Fatal(err)
	}
	slow.C("b NOOP")
	s.Close()
	for _, c := range []*testClient{before, idle, literal, slow} {
		if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil && !isHangUp(err) {
			t.Errorf("got %q and %v", rest, err)
		}
	}
}

// What comes in plain text behind STARTTLS is not run after the handshake.
func TestStartTLSForgetsPlainText(t *testing.T) {
	s, addr := startServer(t, Config{}, StartTLS)
	c := dial(t, addr)
	c.S("* OK …")
	if _, err := io.WriteString(c.conn, "a STARTTLS\r\nevil CAPABILITY\r\n"); err != nil {
		t.Fatal(err)
	}
	c.S("a OK Begin TLS negotiation now.")
	c.startTLS(s)
	c.C("b CAPABILITY")
	c.S("* CAPABILITY …")
	c.S("b OK CAPABILITY completed.")
}

func TestDeliver(t *testing.T) {
	s, _ := startServer(t, Config{}, StartTLS)
	if _, err := s.Deliver("carol", "INBOX", nil, testNow, nil); err == nil {
		t.Error("a user that is not there got mail")
	}
	if _, err := s.Deliver("alice", "INBOX", []string{"custom"}, testNow, nil); err == nil {
		t.Error("a keyword was delivered")
	}
	msg := []byte("Subject: x\r\n\r\ny\r\n")
	if _, err := s.Deliver("Alice", "a/b", []string{`\flagged`}, testNow, msg); err != nil {
		t.Fatal(err)
	}
	got := s.Messages("ALICE", "A/B")
	if len(got) != 1 || !bytes.Equal(got[0].Received, msg) || !got[0].OutlookFlagged || !slices.Equal(got[0].Flags, []string{`\Flagged`}) {
		t.Errorf("%+v", got)
	}
	if s.Messages("alice", "a") == nil || s.Messages("alice", "b") != nil || s.Messages("carol", "INBOX") != nil {
		t.Error("Messages knows the wrong mailboxes")
	}
}

// fixedConn is a client that has said everything and reads all.
type fixedConn struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *fixedConn) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *fixedConn) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *fixedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *fixedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *fixedConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// FuzzCommands runs any bytes as a client's: no panic, and only whole lines
// and literals in reply.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{
		"a NOOP\r\nb LOGOUT\r\n",
		"a SELECT INBOX\r\nb FETCH 1:* (UID BODY[] ENVELOPE BODYSTRUCTURE)\r\nc UID STORE 1 +FLAGS (\\Seen)\r\nd EXPUNGE\r\n",
		"a APPEND INBOX (\\Seen) \" 1-Jan-2020 00:00:00 +0000\" {16+}\r\nSubject: x\r\n\r\ny\r\n\r\nb SELECT {5+}\r\nINBOX\r\n",
		"a CREATE {9+}\r\na\r\nb OK c\r\nb DELETE {4}\r\na\r\nb\r\nc LIST \"\" *\r\n",
		"a SELECT INBOX\r\nb SEARCH OR (SEEN NOT 1) HEADER Subject {1+}\r\nx SINCE 1-Jan-2020\r\nc COPY 1 \"Sent Items\"\r\nd UID MOVE 1:* Drafts\r\n",
		"a IDLE\r\nDONE\r\nb STATUS \"INBOX\" (MESSAGES)\r\nc RENAME a/b c\r\n",
		"a AUTHENTICATE PLAIN\r\n*\r\nb LOGIN \"a\\\\b\" {3+}\r\nabc\r\n",
		"a APPEND INBOX {10300+}\r\n" + strings.Repeat("x ", 5150) + "\r\n\x00\r\n",
		"a SELECT INBOX\r\nb FETCH 1 (BODY[1.2.HEADER.FIELDS (a b)]<1.2> BODY.PEEK[HEADER.FIELDS.NOT (\"x\")] RFC822.TEXT)\r\n",
	} {
		f.Add(true, []byte(seed))
		f.Add(false, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, loggedIn bool, in []byte) {
		s, err := New(Config{Quirks: []string{"no-ten-bads"}, TLS: &tls.Config{Certificates: []tls.Certificate{{}}}, Now: func() time.Time { return testNow }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Seed("alice"); err != nil {
			t.Fatal(err)
		}
		if loggedIn {
			in = append([]byte("login LOGIN alice alicepass\r\n"), in...)
		}
		nc := &fixedConn{in: bytes.NewReader(in)}
		newConn(s, nc, InsecurePlaintext, 1).serve()
		checkReplies(t, nc.out.Bytes())
	})
}

// checkReplies frames what a server wrote.
func checkReplies(t *testing.T, out []byte) {
	t.Helper()
	for len(out) > 0 {
		line, rest, ok := bytes.Cut(out, []byte("\r\n"))
		if !ok || bytes.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("not a line: %.200q", out)
		}
		out = rest
		isData := !bytes.Contains(line, []byte(" NO ")) && !bytes.Contains(line, []byte(" BAD ")) && !bytes.Contains(line, []byte(" OK "))
		if _, n, _, ok := literalSize(line); ok && isData {
			if int64(len(out)) < n {
				t.Fatalf("literal of %d bytes, %d follow", n, len(out))
			}
			out = out[n:]
		}
	}
}
