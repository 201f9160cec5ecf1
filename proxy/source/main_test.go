package source

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
)

// taken is what a sink has got.
type taken struct {
	t         *testing.T
	limit     int64
	mailboxes []Mailbox
	lines     []string // in order
	losses    int
	fail      error // of Message
	box       string
}

func (k *taken) Mailboxes(all []Mailbox) error {
	k.mailboxes = all
	return nil
}

func (k *taken) Open(m Mailbox) { k.box = m.Name }

func (k *taken) Wants(size int64) bool { return k.limit == 0 || size <= k.limit }

func (k *taken) Message(m Message) error {
	text, err := io.ReadAll(m.Text)
	if err != nil {
		return err
	}
	slices.Sort(m.Flags)
	line := fmt.Sprintf("%s %d %v %q %d bytes", k.box, m.UID, m.Flags, m.Date, len(text))
	if m.HeaderOnly {
		line += " of header"
	}
	k.lines = append(k.lines, line)
	return k.fail
}

func (k *taken) Failed(m Mailbox, uid uint32, reason error) {
	k.lines = append(k.lines, fmt.Sprintf("%s %d failed: %v", m.Name, uid, reason))
}

func (k *taken) Lost(error) { k.losses++ }

func (k *taken) want(lines ...string) {
	k.t.Helper()
	if !slices.Equal(k.lines, lines) {
		k.t.Errorf("got\n%s\nwant\n%s", strings.Join(k.lines, "\n"), strings.Join(lines, "\n"))
	}
}

// server is a source that says what a test wants.
type server struct {
	t       *testing.T
	address string
	// reply writes the untagged replies to a command, and returns the tagged one without its
	// tag; "": the connection is closed;
	// "reset": it is reset.
	reply func(n int, command string, w io.Writer) string

	mu       sync.Mutex
	commands []string
}

func newServer(t *testing.T, reply func(n int, command string, w io.Writer) string) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: l.Addr().String(), reply: reply}
	var open sync.WaitGroup
	open.Go(func() {
		for n := 1; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.serve(n, nc) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	return s
}

func (s *server) serve(n int, nc net.Conn) {
	defer nc.Close()
	w := bufio.NewWriter(nc)
	fmt.Fprint(w, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n")
	w.Flush()
	for lines := bufio.NewScanner(nc); lines.Scan(); {
		tag, command, _ := strings.Cut(lines.Text(), " ")
		s.mu.Lock()
		s.commands = append(s.commands, command)
		s.mu.Unlock()
		status := s.usual(n, command, w)
		switch status {
		case "":
		case "reset":
			nc.(*net.TCPConn).SetLinger(0)
			return
		default:
			fmt.Fprintf(w, "%s %s\r\n", tag, status)
		}
		if w.Flush() != nil || status == "" {
			return
		}
	}
}

func (s *server) usual(n int, command string, w io.Writer) string {
	if s.reply != nil {
		if status := s.reply(n, command, w); status != "usual" {
			return status
		}
	}
	switch verb, _, _ := strings.Cut(command, " "); verb {
	case "CAPABILITY":
		fmt.Fprint(w, "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n")
	case "LIST":
		fmt.Fprint(w, "* LIST () \"/\" INBOX\r\n")
	case "EXAMINE":
		fmt.Fprint(w, "* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n")
	case "FETCH":
		sendMessages(w, command, 3)
	}
	return "OK done"
}

// sendMessages answers a FETCH of some of n messages, whose UIDs are ten times their number.
func sendMessages(w io.Writer, command string, n int, without ...int) {
	set := strings.Fields(command)[1]
	for seq := 1; seq <= n; seq++ {
		if !contains(set, seq) || slices.Contains(without, seq) {
			continue
		}
		switch {
		case strings.Contains(command, "BODY.PEEK[]"):
			fmt.Fprintf(w, "* %d FETCH (UID %d BODY[] {14}\r\nSubject: x\r\n\r\n)\r\n", seq, seq*10)
		case strings.Contains(command, "BODY.PEEK[HEADER]"):
			fmt.Fprintf(w, "* %d FETCH (UID %d BODY[HEADER]<0> {14}\r\nSubject: x\r\n\r\n)\r\n", seq, seq*10)
		case strings.Contains(command, "RFC822.SIZE"):
			fmt.Fprintf(w, "* %d FETCH (UID %d RFC822.SIZE 14 FLAGS (\\Seen) INTERNALDATE \"07-Nov-2016 10:00:00 +0100\")\r\n", seq,
				seq*10)
		default:
			fmt.Fprintf(w, "* %d FETCH (UID %d)\r\n", seq, seq*10)
		}
	}
}

func contains(set string, seq int) bool {
	for part := range strings.SplitSeq(set, ",") {
		var first, last int
		if n, _ := fmt.Sscanf(part, "%d:%d", &first, &last); n < 2 {
			fmt.Sscan(part, &first)
			last = first
		}
		if first <= seq && seq <= last {
			return true
		}
	}
	return false
}

func optionsFor(t *testing.T, address string) Options {
	t.Helper()
	dialer, err := backend.NewDialer(backend.Options{Address: address, TLS: backend.TLSInsecureNone})
	if err != nil {
		t.Fatal(err)
	}
	ms := time.Millisecond
	return Options{Dialer: dialer, Reply: 20 * time.Second, Pauses: []time.Duration{ms, ms, ms}, most: 2000}
}

// read reads the account bob of a server.
func (s *server) read(k *taken) error {
	k.t = s.t
	return Read(context.Background(), optionsFor(s.t, s.address),
		Login{User: "bob", Password: backend.NewSecret("secret")}, k)
}

func (s *server) heard(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, command := range s.commands {
		if strings.HasPrefix(command, prefix) {
			n++
		}
	}
	return n
}
