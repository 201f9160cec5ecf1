package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

// serveHostile is the hostile server, until the context ends.
func serveHostile(ctx context.Context, l net.Listener, a *attack) {
	var serving sync.WaitGroup
	defer serving.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for n := uint64(0); ; n++ {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		s := &server{Conn: raw, r: bufio.NewReader(raw), random: rand.New(rand.NewPCG(a.seed, 1<<32+n))}
		serving.Go(func() {
			defer raw.Close()
			stop := context.AfterFunc(ctx, func() { raw.Close() })
			defer stop()
			a.did("server: " + s.serve(ctx))
		})
	}
}

// server is one connection of the hostile server.
type server struct {
	net.Conn
	r      *bufio.Reader
	random *rand.Rand
}

func (s *server) say(format string, v ...any) error {
	_, err := fmt.Fprintf(s.Conn, format, v...)
	return err
}

// flood sends up to n bytes.
func (s *server) flood(n int) {
	part := strings.Repeat("x", 1024)
	for ; n > 0; n -= len(part) {
		if s.say("%s", part) != nil {
			return
		}
	}
}

// trick is what the server does when a command comes.
type trick struct {
	name string
	do   func(s *server, ctx context.Context, tag string)
}

var tricks = []trick{
	{"silence", func(s *server, ctx context.Context, _ string) { pause(ctx, time.Minute) }},
	{
		"half a line",
		func(s *server, ctx context.Context, _ string) { _ = s.say("* LIST (\\HasNo"); pause(ctx, time.Minute) },
	},
	{"half a literal", func(s *server, ctx context.Context, _ string) {
		_ = s.say("* 1 FETCH (BODY[] {100000}\r\nabc")
		pause(ctx, time.Minute)
	}},
	{"LIST without end", func(s *server, _ context.Context, _ string) {
		long := strings.Repeat("x", 100)
		for n := range 2_000_000 {
			if s.say("* LIST () \"/\" \"folder %d %s\"\r\n", n, long) != nil {
				return
			}
		}
	}},
	{"a line without end", func(s *server, _ context.Context, _ string) {
		_ = s.say("* OK ")
		s.flood(32 << 20)
	}},
	{"a literal of 4 GB", func(s *server, _ context.Context, _ string) {
		_ = s.say("* 1 FETCH (BODY[] {4294967290}\r\n")
		s.flood(32 << 20)
	}},
	{"a wrong tag", func(s *server, _ context.Context, _ string) { _ = s.say("zzz OK done\r\n") }},
	{
		"an unasked +",
		func(s *server, _ context.Context, tag string) { _ = s.say("+ go on\r\n+\r\n%s OK done\r\n", tag) },
	},
	{"BYE", func(s *server, _ context.Context, _ string) {
		_ = s.say("* BYE Connection is closed. 13\r\n")
		s.Close()
	}},
	{"a reset", func(s *server, _ context.Context, _ string) { _ = s.Conn.(*net.TCPConn).SetLinger(0); s.Close() }},
	{"no IMAP", func(s *server, _ context.Context, tag string) {
		_ = s.say("Server Unavailable. 15\r\n\r\n\x00\xff {5}\r\n%s\r\n", tag)
	}},
	{"numbers over all", func(s *server, _ context.Context, tag string) {
		_ = s.say("* 99999999999999999999 EXISTS\r\n* -1 FETCH (UID 0)\r\n* SEARCH %s\r\n%s OK done\r\n",
			strings.Repeat("4294967295 ", 5000), tag)
	}},
	{"parentheses without end", func(s *server, _ context.Context, tag string) {
		_ = s.say("* 1 FETCH (BODYSTRUCTURE %s\r\n%s OK done\r\n", strings.Repeat("(", 60_000), tag)
	}},
	{"drops", func(s *server, ctx context.Context, tag string) {
		for _, b := range []byte("* 3 EXISTS\r\n" + tag + " OK done\r\n") {
			if s.say("%c", b) != nil {
				return
			}
			pause(ctx, 20*time.Millisecond)
		}
	}},
	{"OK", func(s *server, _ context.Context, tag string) { _ = s.say("%s OK done\r\n", tag) }},
	{"OK", func(s *server, _ context.Context, tag string) { _ = s.say("%s OK done\r\n", tag) }},
	{"NO", func(s *server, _ context.Context, tag string) { _ = s.say("%s NO Server Unavailable. 15\r\n", tag) }},
	{"BAD", func(s *server, _ context.Context, tag string) { _ = s.say("%s BAD Command Error. 10\r\n", tag) }},
	{"a throttle", func(s *server, _ context.Context, tag string) {
		_ = s.say("%s BAD Request is throttled. Suggested Backoff Time: 299000 milliseconds\r\n", tag)
	}},
}

// serve speaks until the other side goes. It returns the last trick.
func (s *server) serve(ctx context.Context) string {
	if s.random.IntN(20) == 0 {
		pause(ctx, time.Minute)
		return "no greeting"
	}
	_ = s.say("* OK The Microsoft Exchange IMAP4 service is ready.\r\n")
	last := "nothing was asked"
	honest := s.random.IntN(12) // that many commands it answers as a server should
	for n := 0; ; n++ {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return last
		}
		tag, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		verb, _, _ := strings.Cut(strings.ToUpper(rest), " ")
		if n < honest {
			last = "leaves"
			s.answer(tag, verb, rest)
			continue
		}
		t := tricks[s.random.IntN(len(tricks))]
		last = t.name
		t.do(s, ctx, tag)
	}
}

func (s *server) answer(tag, verb, rest string) {
	switch verb {
	case "CAPABILITY":
		_ = s.say("* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN UIDPLUS MOVE ID LITERAL+ CHILDREN IDLE NAMESPACE\r\n")
	case "AUTHENTICATE":
		if strings.Count(rest, " ") < 2 {
			_ = s.say("+ \r\n")
			_, _ = s.r.ReadString('\n')
		}
	case "SELECT", "EXAMINE":
		_ = s.say(
			"* 3 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen \\Flagged)\r\n* OK [UIDVALIDITY 7] \r\n* OK [UIDNEXT 9] \r\n",
		)
	case "LIST":
		_ = s.say("* LIST (\\HasNoChildren) \"/\" INBOX\r\n")
	case "STATUS":
		_ = s.say("* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7) \r\n")
	case "IDLE":
		_ = s.say("+ IDLE accepted, awaiting DONE command.\r\n")
		return
	case "APPEND":
		var n int64
		if i := strings.LastIndexByte(rest, '{'); i >= 0 {
			_, _ = fmt.Sscanf(rest[i:], "{%d", &n)
		}
		_ = s.say("+ Ready for additional command text.\r\n")
		_, _ = io.CopyN(io.Discard, s.r, min(n, 20<<20))
		_, _ = s.r.ReadString('\n')
	}
	_ = s.say("%s OK %s completed.\r\n", tag, verb)
}
