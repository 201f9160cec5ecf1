package proxy

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
)

// modelClient is a client that remembers what it was told of its mailbox. It checks RFC 9051 section 7.5.1: only an
// EXPUNGE changes the number of a message, and none comes between commands or during FETCH, STORE or SEARCH.
type modelClient struct {
	*client
	uids    []uint32 // UIDs of the messages, by number; 0: the client was not told
	flagged map[uint32]bool
	byes    int
	refused int
}

var (
	numberedLine = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE)$`)
	fetchedLine  = regexp.MustCompile(`^\* (\d+) FETCH \((.*)\)$`)
	uidItem      = regexp.MustCompile(`UID (\d+)`)
)

// untagged handles an untagged line that came during a command. command is "" between commands.
func (m *modelClient) untagged(line, command string) {
	m.t.Helper()
	if f := numberedLine.FindStringSubmatch(line); f != nil {
		n, _ := strconv.Atoi(f[1])
		if f[2] == "EXISTS" {
			if n < len(m.uids) {
				m.fatalf("EXISTS went from %d to %d", len(m.uids), n)
			}
			m.uids = append(m.uids, make([]uint32, n-len(m.uids))...)
			return
		}
		verb, _, _ := strings.Cut(command, " ")
		if verb == "" || verb == "FETCH" || verb == "STORE" || verb == "SEARCH" {
			m.fatalf("an EXPUNGE during %q (RFC 9051 section 7.5.1)", command)
		}
		if n < 1 || n > len(m.uids) {
			m.fatalf("EXPUNGE %d of %d messages", n, len(m.uids))
		}
		m.uids = slices.Delete(m.uids, n-1, n)
		return
	}
	f := fetchedLine.FindStringSubmatch(line)
	if f == nil {
		return
	}
	n, _ := strconv.Atoi(f[1])
	if n < 1 || n > len(m.uids) {
		m.fatalf("a FETCH of %d of %d messages", n, len(m.uids))
	}
	if u := uidItem.FindStringSubmatch(f[2]); u != nil {
		uid, _ := strconv.ParseUint(u[1], 10, 32)
		if known := m.uids[n-1]; known != 0 && known != uint32(uid) {
			m.fatalf("number %d was UID %d and is UID %d", n, known, uid)
		}
		m.uids[n-1] = uint32(uid)
	}
}

// run sends a command and returns the status word of the reply; "" if the session ended.
func (m *modelClient) run(command string) string {
	m.t.Helper()
	m.C("t " + command)
	return m.await("t ", command)
}

func (m *modelClient) await(prefix, command string) string {
	m.t.Helper()
	for {
		line, err := m.r.ReadString('\n')
		m.said.add("client <", line)
		line = strings.TrimRight(line, "\r\n")
		switch {
		case err != nil || strings.HasPrefix(line, "* BYE "):
			m.byes++
			m.close()
			return ""
		case strings.HasPrefix(line, prefix) || strings.HasPrefix(line, "t "): // refused in place of "+"
			_, status, _ := strings.Cut(line, " ")
			status, _, _ = strings.Cut(status, " ")
			if status == "NO" {
				m.refused++
			}
			return status
		}
		m.untagged(line, command)
	}
}

var seeds = flag.Uint64("seeds", 12, "sessions that TestSessionProperty plays")

// TestSessionProperty plays random commands under random faults.
func TestSessionProperty(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			playModel(t, seed, 80)
		})
	}
}

func playModel(t *testing.T, seed uint64, steps int) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), resuming, func(_ *Options, l *limits) {
		l.Looks, l.Replay, l.Linger, l.ReconnectPause = l.Looks[:1], 0, 0, time.Millisecond
	})
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := g.loginSimulated()
	for range 6 {
		c.upload("INBOX", cleanMessage)
		c.until("a1 OK …")
	}
	c.close()
	faults := fmt.Sprintf("random:%d:0.15:cut,cut-reply,reset,reset-reply,half-close,half-close-reply,bye,deliver,expunge,refuse,lost-append-reply", seed)
	if err := sim.AddFault(faults); err != nil {
		t.Fatal(err)
	}
	var m *modelClient
	flagged := map[uint32]bool{} // UIDs that any session has flagged
	byes, refused, sessions := 0, 0, 0
	for step := 0; step < steps; step++ {
		if m == nil {
			if m = openModel(g, flagged); m == nil {
				continue // a fault at the login
			}
			sessions++
		}
		status := m.step(rnd)
		if status == "" {
			byes, refused = byes+m.byes, refused+m.refused
			m = nil
		}
		// Only the messages that the client flagged have \Flagged.
		for _, message := range sim.Messages("alice", "INBOX") {
			if slices.Contains(message.Flags, `\Flagged`) && !flagged[message.UID] {
				t.Fatalf("step %d: UID %d has a flag that nobody set on it\n%s", step, message.UID, g.said)
			}
		}
		g.said.reset()
	}
	if m != nil {
		refused += m.refused
		m.close()
	}
	t.Logf("%d sessions, %d ended by BYE, %d commands refused, struck: %v", sessions, byes, refused, sim.Stats().Strikes)
}

// openModel opens a session with INBOX selected, and learns its UIDs.
func openModel(g *gateway, flagged map[uint32]bool) *modelClient {
	m := &modelClient{client: g.dial(), flagged: flagged}
	m.S("* OK …")
	for _, command := range []string{"LOGIN alice@example.com alicepass", "SELECT INBOX", "UID FETCH 1:* (UID)"} {
		if status := m.run(command); status != "OK" {
			m.close()
			return nil
		}
	}
	return m
}

// step runs a random command, and returns its status.
func (m *modelClient) step(rnd *rand.Rand) string {
	any := func() int { return 1 + rnd.IntN(max(len(m.uids), 1)) }
	if len(m.uids) == 0 {
		return m.append()
	}
	switch rnd.IntN(9) {
	case 0:
		return m.run("NOOP")
	case 1:
		return m.run(fmt.Sprintf("FETCH %d:%d (UID FLAGS)", 1, len(m.uids)))
	case 2: // by number, which hits the wrong message if numbers have moved unnoticed
		n := any()
		if m.uids[n-1] == 0 {
			return m.run(fmt.Sprintf("FETCH %d (UID)", n))
		}
		m.flagged[m.uids[n-1]] = true
		return m.run(fmt.Sprintf(`STORE %d +FLAGS (\Flagged)`, n))
	case 3:
		return m.run("SEARCH ALL")
	case 4:
		return m.run("UID SEARCH ALL")
	case 5:
		n := any()
		if status := m.run(fmt.Sprintf(`STORE %d +FLAGS (\Deleted)`, n)); status != "OK" {
			return status
		}
		return m.run("EXPUNGE")
	case 6:
		return m.idle()
	case 7:
		return m.run("STATUS Drafts (MESSAGES)")
	}
	return m.append()
}

func (m *modelClient) append() string {
	m.C(fmt.Sprintf("t APPEND INBOX {%d}", len(cleanMessage)))
	switch status := m.await("+ ", "APPEND"); status {
	case "", "NO", "BAD":
		return status
	}
	m.raw(cleanMessage + "\r\n")
	return m.await("t ", "APPEND")
}

func (m *modelClient) idle() string {
	m.C("t IDLE")
	switch status := m.await("+ ", "IDLE"); status {
	case "", "NO", "BAD":
		return status
	}
	m.C("DONE")
	return m.await("t ", "IDLE")
}
