package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"exgate/backend"
)

const (
	first  = `INBOX 10 [\Seen] "07-Nov-2016 10:00:00 +0100" 14 bytes`
	second = `INBOX 20 [\Seen] "07-Nov-2016 10:00:00 +0100" 14 bytes`
	third  = `INBOX 30 [\Seen] "07-Nov-2016 10:00:00 +0100" 14 bytes`
)

func TestRead(t *testing.T) {
	s := newServer(t, nil)
	var k taken
	if err := s.read(&k); err != nil {
		t.Fatal(err)
	}
	k.want(first, second, third)
	if s.heard("SELECT")+s.heard("STORE")+s.heard("UID STORE") > 0 || s.heard("EXAMINE") != 1 {
		t.Errorf("%q", s.commands)
	}
}

// go-imap's own server, with go-imap's own store.
func TestReadFromMemory(t *testing.T) {
	user := imapmemserver.NewUser("bob", "secret")
	date := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, name := range []string{"INBOX", "Entwürfe", "a/b&c", "leer"} {
		if err := user.Create(name, nil); err != nil {
			t.Fatal(err)
		}
		if name == "leer" {
			continue
		}
		text := strings.NewReader("Subject: x\r\n\r\n" + name)
		if _, err := user.Append(name, literal{text, int64(text.Len())}, &imap.AppendOptions{Flags: []imap.Flag{`\Flagged`, "$x"},
			Time: date}); err != nil {
			t.Fatal(err)
		}
	}
	store := imapmemserver.New()
	store.AddUser(user)
	srv := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return store.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}}, InsecureAuth: true,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l) // Close ends it
	t.Cleanup(func() { srv.Close() })
	for range 2 { // the second time finds it as the first did
		k := taken{t: t}
		if err := Read(context.Background(), optionsFor(t, l.Addr().String()),
			Login{User: "bob", Password: backend.NewSecret("secret")}, &k); err != nil {
			t.Fatal(err)
		}
		slices.Sort(k.lines)
		k.want(`Entwürfe 1 [$x \Flagged] "03-Feb-2020 04:05:06 +0000" 23 bytes`,
			`INBOX 1 [$x \Flagged] "03-Feb-2020 04:05:06 +0000" 19 bytes`,
			`a/b&c 1 [$x \Flagged] "03-Feb-2020 04:05:06 +0000" 19 bytes`)
		if len(k.mailboxes) != 4 {
			t.Errorf("%+v", k.mailboxes)
		}
	}
	k := taken{t: t}
	err = Read(context.Background(), optionsFor(t, l.Addr().String()), Login{User: "bob", Password: backend.NewSecret("x")}, &k)
	var refused *imap.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "login of bob") {
		t.Errorf("a wrong password: %v", err)
	}
}

type literal struct {
	io.Reader
	size int64
}

func (l literal) Size() int64 { return l.size }

// What real servers say, and go-imap's client does not take.
func TestReadOddSource(t *testing.T) {
	s := newServer(t, func(_ int, command string, w io.Writer) string {
		switch {
		case strings.HasPrefix(command, "LIST"):
			fmt.Fprint(w, "* LIST (\\Noselect) \".\" top\r\n* LIST () \".\" \"Entw\xfcrfe\"\r\n* LIST () NIL {5}\r\nWei\"\\\r\n"+
				"* LIST () \".\" &invalid\r\n* XLIST () \".\" x\r\n")
		case strings.HasPrefix(command, "EXAMINE"):
			fmt.Fprint(w, "* FLAGS (\\Seen Stra\xdfe a]b)\r\n* 1 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [ODD no end\r\n")
			return "OK [READ-ONLY] done"
		case strings.Contains(command, "RFC822.SIZE"):
			fmt.Fprint(w, "* VANISHED 3\r\n* 1 FETCH (FLAGS (\\Deleted))\r\n"+
				"* 1 FETCH (UID 5 FLAGS (\\Seen Stra\xdfe a]b \\*) RFC822.SIZE 14 INTERNALDATE \"00-Jan-0000 00:00:00 +0000\")\r\n")
		case strings.Contains(command, "BODY.PEEK[]"):
			fmt.Fprint(w, "* 1 FETCH (FLAGS (\\Deleted))\r\n* 1 FETCH (BODY[] {4}\r\nx\r\n\xff UID 5)\r\n")
		default:
			return "usual"
		}
		return "OK done"
	})
	var k taken
	if err := s.read(&k); err != nil {
		t.Fatal(err)
	}
	const about = ` 5 [Stra?e \* \Seen a?b] "" 4 bytes`
	k.want("Entwürfe"+about, `Wei"\`+about, "&invalid"+about)
	for _, name := range []string{"\"Entw\xfcrfe\"", `"Wei\"\\"`, `"&invalid"`} {
		if s.heard("EXAMINE "+name) != 1 {
			t.Errorf("no EXAMINE %s: %q", name, s.commands)
		}
	}
}

func TestReadGoesOn(t *testing.T) {
	large := func(command string, w io.Writer) string {
		if strings.Contains(command, "RFC822.SIZE") {
			fmt.Fprint(w, "* 1 FETCH (UID 10 RFC822.SIZE 99)\r\n* 2 FETCH (UID 20 RFC822.SIZE 1)\r\n* 3 FETCH (UID 30 RFC822.SIZE 1)\r\n")
			return "OK done"
		}
		return "usual"
	}
	for _, tt := range []struct {
		name   string
		reply  func(n int, command string, w io.Writer) string
		limit  int64
		want   []string
		losses int
	}{
		{"hangs up once, in a text", func(n int, command string, w io.Writer) string {
			if n == 1 && strings.Contains(command, "BODY.PEEK[]") {
				sendMessages(w, "FETCH 1 BODY.PEEK[]", 1)
				fmt.Fprint(w, "* 2 FETCH (UID 20 BODY[] {14}\r\nSubj")
				return ""
			}
			return "usual"
		}, 0, []string{first, second, third}, 1},
		{"hangs up at each text of the second", func(_ int, command string, w io.Writer) string {
			if strings.Contains(command, "BODY.PEEK[]") && contains(strings.Fields(command)[1], 2) {
				sendMessages(w, "FETCH "+strings.Fields(command)[1]+" BODY.PEEK[]", 1)
				return ""
			}
			return "usual"
		}, 0, []string{first, "INBOX 20 failed: the source has closed the connection", third}, 3},
		{"cannot open a mailbox", func(_ int, command string, w io.Writer) string {
			switch command {
			case `LIST "" "*"`:
				fmt.Fprint(w, "* LIST () \"/\" bad\r\n* LIST () \"/\" INBOX\r\n")
			case `EXAMINE "bad"`:
				return "NO it is \x1b[2Jbroken"
			default:
				return "usual"
			}
			return "OK done"
		}, 0, []string{"bad 0 failed: imap: NO it is...", first, second, third}, 0},
		{"hangs up at a mailbox", func(_ int, command string, w io.Writer) string {
			switch command {
			case `LIST "" "*"`:
				fmt.Fprint(w, "* LIST () \"/\" bad\r\n* LIST () \"/\" INBOX\r\n")
			case `EXAMINE "bad"`:
				return ""
			default:
				return "usual"
			}
			return "OK done"
		}, 0, []string{"bad 0 failed: the source has closed the connection", first, second, third}, 3},
		{"has no text for one", func(_ int, command string, w io.Writer) string {
			if strings.Contains(command, "BODY.PEEK[]") {
				sendMessages(w, command, 3, 2)
				return "NO some are gone"
			}
			return "usual"
		}, 0, []string{first, third, "INBOX 20 failed: imap: NO some are gone"}, 0},
		{"has NIL for one", func(_ int, command string, w io.Writer) string {
			if strings.Contains(command, "BODY.PEEK[]") {
				sendMessages(w, command, 3, 2)
				fmt.Fprint(w, "* 2 FETCH (UID 20 BODY[] NIL)\r\n")
				return "OK done"
			}
			return "usual"
		}, 0, []string{first, third, "INBOX 20 failed: the source has sent no text for it"}, 0},
		{"is busy for a while", func(n int, command string, _ io.Writer) string {
			if n == 1 && strings.HasPrefix(command, "FETCH") {
				return "NO [UNAVAILABLE] come back later"
			}
			return "usual"
		}, 0, []string{first, second, third}, 1},
		{"has a large message", func(_ int, command string, w io.Writer) string { return large(command, w) }, 50, []string{
			`INBOX 20 [] "" 14 bytes`, `INBOX 30 [] "" 14 bytes`, `INBOX 10 [] "" 14 bytes of header`,
		}, 0},
		{"has a message that is larger than it says", func(_ int, command string, w io.Writer) string {
			if strings.Contains(command, "BODY.PEEK[]") {
				fmt.Fprint(w, "* 1 FETCH (UID 10 BODY[] {70000}\r\n"+strings.Repeat("x", 70_000)+")\r\n")
				sendMessages(w, command, 3, 1)
				return "OK done"
			}
			return "usual"
		}, 50, []string{strings.Replace(first, "14 bytes", "65536 bytes of header", 1), second, third}, 0},
		{"has an endless text", func(_ int, command string, w io.Writer) string {
			if strings.Contains(command, "BODY.PEEK[]") && contains(strings.Fields(command)[1], 1) {
				fmt.Fprint(w, "* 1 FETCH (UID 10 BODY[] {9000000000}\r\n"+strings.Repeat("x", 70_000))
				return ""
			}
			return "usual"
		}, 50, []string{strings.Replace(first, "14 bytes", "65536 bytes of header", 1), second, third}, 1},
		{"makes the mailbox anew", func(n int, command string, w io.Writer) string {
			switch {
			case strings.HasPrefix(command, "EXAMINE"):
				fmt.Fprintf(w, "* 3 EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n", n)
				return "OK done"
			case n == 1 && strings.Contains(command, "BODY.PEEK[]"):
				sendMessages(w, "FETCH 1 BODY.PEEK[]", 1)
				return ""
			}
			return "usual"
		}, 0, []string{first, "INBOX 0 failed: the source has made the mailbox anew while it was read"}, 1},
		{"has lost a message meanwhile", func(n int, command string, w io.Writer) string {
			switch {
			case n == 1 && strings.Contains(command, "BODY.PEEK[]"):
				sendMessages(w, "FETCH 1:2 BODY.PEEK[]", 2)
				return ""
			case n == 2 && strings.HasPrefix(command, "EXAMINE"):
				fmt.Fprint(w, "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n")
				return "OK done"
			case n == 2 && strings.HasPrefix(command, "FETCH"): // the first is gone, so that the third is number 2
				var b strings.Builder
				for seq := range 2 {
					if contains(strings.Fields(command)[1], seq+1) {
						sendMessages(&b, fmt.Sprint("FETCH ", seq+2, strings.Join(strings.Fields(command)[2:], " ")), 3)
					}
				}
				io.WriteString(w, strings.NewReplacer("* 2 FETCH", "* 1 FETCH", "* 3 FETCH", "* 2 FETCH").Replace(b.String()))
				return "OK done"
			}
			return "usual"
		}, 0, []string{first, second, third}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, tt.reply)
			k := taken{limit: tt.limit}
			if err := s.read(&k); err != nil {
				t.Fatal(err)
			}
			k.want(tt.want...)
			if k.losses != tt.losses {
				t.Errorf("%d connections were lost, want %d", k.losses, tt.losses)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	endless := func(w io.Writer, what string, n int) string {
		for range n {
			if _, err := io.WriteString(w, what); err != nil {
				return ""
			}
		}
		return "OK done"
	}
	at := func(verb string, reply func(w io.Writer) string) func(int, string, io.Writer) string {
		return func(_ int, command string, w io.Writer) string {
			if strings.HasPrefix(command, verb) {
				return reply(w)
			}
			return "usual"
		}
	}
	for _, tt := range []struct {
		name  string
		reply func(n int, command string, w io.Writer) string
		want  string
	}{
		{"login", at("AUTHENTICATE", func(io.Writer) string { return "NO secret is \x1b]0;x\awrong" }),
			"login of bob: imap: NO ***"},
		{"login, escapes", at("AUTHENTICATE", func(io.Writer) string { return "NO bad \x1b]0;x\apassword" }),
			"login of bob: imap: NO bad..."},
		{"hangs up at the login", at("AUTHENTICATE", func(io.Writer) string { return "" }),
			"login of bob: the source has closed the connection"},
		{"is reset at the login", at("AUTHENTICATE", func(io.Writer) string { return "reset" }),
			"login of bob: the source has closed the connection"},
		{"a line without end", at("LIST", func(w io.Writer) string { return endless(w, "* LIST () \"/\" "+strings.Repeat("x", 1000), 2000) }),
			"a response of more than 65536 bytes"},
		{"a long literal", at("LIST", func(w io.Writer) string {
			io.WriteString(w, "* LIST () \"/\" {9000000000}\r\n")
			return endless(w, strings.Repeat("x", 1000), 2000)
		}), "a response of more than 65536 bytes"},
		{"responses without end", at("LIST", func(w io.Writer) string { return endless(w, "* OK still here\r\n", 5000) }),
			"more than 2000 responses"},
		{"mailboxes without end", at("LIST", func(w io.Writer) string {
			for i := range 5000 {
				fmt.Fprintf(w, "* LIST () \"/\" x%d\r\n", i)
			}
			return "OK done"
		}), "more than 2000 responses"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, tt.reply)
			k := taken{limit: 1}
			err := s.read(&k)
			if err == nil && len(k.lines) > 0 { // what cost maxTries connections is passed over
				err = errors.New(strings.Join(k.lines, " "))
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestReadEnds(t *testing.T) {
	s := newServer(t, nil)
	wrong := errors.New("the disk is full")
	k := taken{fail: wrong}
	if err := s.read(&k); !errors.Is(err, wrong) || s.heard("EXAMINE") != 1 {
		t.Errorf("the sink's error: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	silent := newServer(t, func(_ int, command string, _ io.Writer) string {
		if strings.HasPrefix(command, "EXAMINE") {
			cancel()
			<-ctx.Done()
			return ""
		}
		return "usual"
	})
	err := Read(ctx, optionsFor(t, silent.address), Login{User: "bob", Password: backend.NewSecret("x")}, &taken{t: t})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the context's end: %v", err)
	}
	o := optionsFor(t, s.address)
	o.Reply = 50 * time.Millisecond
	release := make(chan struct{})
	mute := newServer(t, func(_ int, command string, _ io.Writer) string {
		if strings.HasPrefix(command, "LIST") {
			<-release
		}
		return "usual"
	})
	o.Dialer = optionsFor(t, mute.address).Dialer
	err = Read(context.Background(), o, Login{User: "bob", Password: backend.NewSecret("x")}, &taken{t: t})
	close(release)
	if err == nil || !strings.Contains(err.Error(), "nothing for 50ms") {
		t.Errorf("a silent source: %v", err)
	}
}

// An account of many messages takes few commands, and each message comes once, in order.
func TestReadMany(t *testing.T) {
	const n = 220
	s := newServer(t, func(_ int, command string, w io.Writer) string {
		switch {
		case strings.HasPrefix(command, "EXAMINE"):
			fmt.Fprintf(w, "* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n", n)
		case strings.HasPrefix(command, "FETCH"):
			sendMessages(w, command, n)
		default:
			return "usual"
		}
		return "OK done"
	})
	var k taken
	if err := s.read(&k); err != nil {
		t.Fatal(err)
	}
	if len(k.lines) != n || !strings.HasPrefix(k.lines[n-1], fmt.Sprintf("INBOX %d ", n*10)) || s.heard("FETCH") != 10 {
		t.Errorf("%d messages by %d commands", len(k.lines), s.heard("FETCH"))
	}
}
