package exchangesim

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"exgate/backend/testkit"
)

func TestBadFaults(t *testing.T) {
	for _, tt := range []struct {
		spec string
		want []string
	}{
		{"sulk", []string{`"sulk"`, "throttle:DURATION[:COUNT]", "cut-reply:VERB:BYTES[:COUNT]"}},
		{"cut-mid-literal:0", []string{`"0" is not a count`}},
		{"reset-reply:FETCH", []string{"missing", "reset-reply:VERB:BYTES"}},
		{"cut-reply:FETCH:-1", []string{`"-1" is not a number of bytes`}},
		{"cut-reply:FROB:1", []string{`"FROB" is not a command`, "WAITING"}},
		{"refuse:GREETING:NO x", []string{"cannot happen at GREETING"}},
		{"cut-reply:WAITING:1", []string{"cannot happen at WAITING"}},
		{"half-close-mid-literal", []string{"not one of"}},
		{"throttle-every:0:3s", []string{`"0" is not a number`}},
		{"throttle-every:3:3s:worse", []string{`"worse"`, "bad-bye"}},
		{"connection-limit:2:hidden", []string{`"hidden"`, "not-connected", "refused"}},
		{"refuse:FETCH:Server Unavailable. 15", []string{"not a refusal", "NO Server"}},
		{"refuse:FETCH:OK done", []string{"not a refusal"}},
		{"refuse:FETCH:3", []string{"missing"}},
		{"random:x", []string{`"x"`}},
		{"random:1:2", []string{"probability"}},
		{"random:1:NaN", []string{"probability"}},
		{"random:1:0.1:cut,nothing", []string{`"nothing"`, "hang-append"}},
		{"slow:1s@0", []string{`"1s@0"`}},
	} {
		_, err := parseFault(tt.spec)
		if err == nil {
			t.Errorf("%s: no error", tt.spec)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %s", tt.spec, err, want)
			}
		}
	}
}

// FuzzParseFault: what is taken can be told of, and says when it strikes.
func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{
		"throttle:3s:2", "reset-reply:uid fetch:120:3@4", "refuse:APPEND:2:NO Request is throttled. Suggested Backoff Time: 3 ms",
		"bye:14:WAITING", "random:7:0.5:cut,hang-reply", "connection-limit::", "throttle-every:5:1m:bad-bye", "refuse-message:BAD\r\nx", "@3",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		got, err := parseFault(spec)
		if err != nil {
			return
		}
		if name, _, _ := strings.Cut(spec, ":"); got.name() != name && !strings.HasPrefix(name, got.name()+"@") {
			t.Errorf("%q became %s", spec, got.name())
		}
		if strings.ContainsAny(got.text, "\r\n") || got.left == 0 || got.spare < 0 || got.bytes < 0 || got.delay < 0 {
			t.Errorf("%q: %+v", spec, got)
		}
	})
}

// Cut at every byte of its conversation, an APPEND is stored if and only if
// the reply had begun.
func TestCutAppendAtEveryByte(t *testing.T) {
	const (
		command = "b APPEND {5}\r\nINBOX (\\Seen) {16}\r\n"
		message = "Subject: x\r\n\r\ny\n"
	)
	asked := strings.Repeat("+ Ready for additional command text.\r\n", 2)
	before := len(command + asked + message + "\r\n")
	s, addr := startServer(t, Config{}, InsecurePlaintext)
	for n := 0; ; n++ {
		order(t, s, fmt.Sprintf("cut-append:%d", n))
		c := dial(t, addr)
		c.S("* OK …")
		c.C("a LOGIN alice alicepass")
		c.S("a OK …")
		stored := len(s.Messages("alice", "INBOX"))
		// All is sent at once: the server takes it as it comes to it.
		c.C(command + message)
		var got string
		for err := error(nil); err == nil && !strings.HasSuffix(got, " completed.\r\n"); {
			var line string
			line, err = c.r.ReadString('\n')
			if got += line; err != nil && !isHangUp(err) {
				t.Fatal(err)
			}
		}
		if s.Stats().Strikes[faultCutAppend] == n { // the conversation is shorter
			if !strings.HasSuffix(got, " completed.\r\n") || n < before+40 {
				t.Errorf("cut at %d did not strike; %q", n, got)
			}
			return
		}
		testkit.Eventually(t, fmt.Sprintf("end of the connection cut at %d, after %q", n, got), func() bool { return s.Stats().Users["alice"] == 0 })
		if grown := len(s.Messages("alice", "INBOX")) - stored; (grown == 1) != (n > before) {
			t.Errorf("cut at %d of %d before the reply: %d messages more; %q", n, before, grown, got)
		}
	}
}

// The same seed strikes the same command of the same connection by the same
// fault. Kinds that go by the clock are left out.
func TestRandomIsDeterministic(t *testing.T) {
	run := func(seed int) string {
		var log bytes.Buffer
		s, addr := startServer(t, Config{
			Faults: []string{fmt.Sprintf("random:%d:0.3:cut-reply,hang-reply,half-close-reply,reset-append,refuse,lost-append-reply,late-append,deliver,expunge", seed)},
			Log:    slog.New(slog.NewTextHandler(&log, nil)),
		}, InsecurePlaintext)
		for range 30 {
			c := dial(t, addr)
			for _, line := range []string{"a LOGIN alice alicepass", "b SELECT INBOX", "c APPEND INBOX {12+}\r\nSubject: x\r\n", "d UID FETCH 1:* FLAGS", "e NOOP"} {
				c.C(line)
			}
			if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil && !isHangUp(err) {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, c.r) // however it ends
			c.conn.Close()
		}
		s.Close()
		return strings.Join(regexp.MustCompile(`fault=\S+ seed=\d+ connection=\d+ command=\d+`).FindAllString(log.String(), -1), "\n")
	}
	first, again, other := run(1), run(1), run(2)
	if first != again || strings.Count(first, "\n") < 20 {
		t.Errorf("not the same, or few:\n%s\n\n%s", first, again)
	}
	if strings.ReplaceAll(other, "seed=2", "seed=1") == first {
		t.Error("another seed makes no difference")
	}
}

// Every kind that is declared is drawn, and strikes.
func TestRandomDrawsAll(t *testing.T) {
	s, err := New(Config{Faults: []string{"random:1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for command := range 2000 {
		c := &conn{srv: s, user: "alice", number: 1, command: command}
		for _, f := range c.draw("APPEND") {
			seen[f.name()] = true
		}
	}
	for _, name := range randomNames() {
		if _, _, known := findFaultKind(name); !known || !seen[name] {
			t.Errorf("%s: drawn: %v", name, seen[name])
		}
	}
}

// Under load and with every fault at random, the store stays whole: each
// message that was answered by OK is there once, and the counts agree.
func TestRandomUnderLoad(t *testing.T) {
	s, addr := startServer(t, Config{Faults: []string{
		"random:3:0.1:cut,reset,half-close,cut-reply,reset-reply,half-close-reply,cut-append,bye,refuse,refuse-message,lost-append,lost-append-reply,deliver,expunge",
		"throttle-every:50:1ms",
	}}, InsecurePlaintext)
	const clients, rounds = 8, 40
	answered := make([][]string, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := range rounds {
				subject := fmt.Sprintf("client %d message %d", i, n)
				if appendOnce(addr, subject) {
					answered[i] = append(answered[i], subject)
				}
			}
		})
	}
	wg.Wait()
	s.ClearFaults()
	found := map[string]int{}
	for _, m := range s.Messages("alice", "INBOX") {
		if _, own := strings.CutPrefix(string(m.Received), "Subject: client"); own {
			found[strings.TrimSuffix(strings.TrimPrefix(string(m.Received), "Subject: "), "\r\n")]++
		}
	}
	for _, list := range answered {
		for _, subject := range list {
			if found[subject] != 1 {
				t.Errorf("%s: answered by OK, there %d times", subject, found[subject])
			}
		}
	}
	st := s.Stats()
	if st.Logins < clients || st.MostConnections < 2 || st.Commands["APPEND"] < clients || len(st.Strikes) < 10 {
		t.Errorf("%+v", st)
	}
	t.Log(st.Strikes)
	testkit.Eventually(t, "end of all connections", func() bool { return len(s.Stats().Users) == 0 && s.Stats().Connections == 0 })
}

// appendOnce says whether an APPEND was answered by OK.
func appendOnce(addr, subject string) bool {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return false // reset at once
	}
	defer nc.Close()
	msg := "Subject: " + subject + "\r\n"
	fmt.Fprintf(nc, "a LOGIN alice alicepass\r\nb SELECT INBOX\r\nc APPEND INBOX {%d+}\r\n%s\r\nd IDLE\r\nDONE\r\ne UID FETCH 1:* FLAGS\r\nf LOGOUT\r\n", len(msg), msg)
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		return false
	}
	got, _ := io.ReadAll(nc) // what came before the end
	return bytes.Contains(got, []byte("c OK "))
}

func TestStats(t *testing.T) {
	s, addr := startServer(t, Config{}, InsecurePlaintext)
	c := dial(t, addr)
	c.S("* OK …")
	c.C("a LOGIN alice alicepass")
	c.S("a OK …")
	c.C("b FROB")
	c.S("b BAD …")
	c.C("c NOOP")
	c.S("c OK …")
	st := s.Stats()
	want := map[string]int{"LOGIN": 1, "unknown": 1, "NOOP": 1}
	if st.Connections != 1 || st.Accepted != 1 || st.Logins != 1 || st.Bads != 1 || !maps.Equal(st.Commands, want) || st.MostOfUser["alice"] != 1 {
		t.Errorf("%+v", st)
	}
	c.conn.Close()
	testkit.Eventually(t, "end", func() bool { return s.Stats().Connections == 0 })
	if st := s.Stats(); st.MostConnections != 1 || st.MostOfUser["alice"] != 1 || len(st.Users) != 0 {
		t.Errorf("%+v", st)
	}
}

// What other clients do, done by a test.
func TestExpungeAndUIDValidity(t *testing.T) {
	s, _ := startServer(t, Config{}, StartTLS)
	if err := s.Seed("alice"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		s.Expunge("carol", "INBOX", 1), s.Expunge("alice", "none", 1), s.Expunge("alice", "INBOX", 9), s.ChangeUIDValidity("alice", "none"),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
	uids := func() (list []uint32) {
		for _, m := range s.Messages("alice", "INBOX") {
			list = append(list, m.UID)
		}
		return list
	}
	if err := s.Expunge("alice", "INBOX", 2); err != nil || !slices.Equal(uids(), []uint32{1, 3}) {
		t.Error(err, uids())
	}
	if err := s.ChangeUIDValidity("alice", "INBOX"); err != nil || !slices.Equal(uids(), []uint32{1, 2}) {
		t.Error(err, uids())
	}
}
