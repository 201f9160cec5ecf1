package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/routing"
	"exgate/proxy/spool"
	"exgate/proxy/testkit"
)

// FuzzExchange plays Exchange to a gateway, with what real servers were seen to do wrong (oddServer), mixed by the
// first bytes. go-imap's client does what the other bytes say. It must be able to read all that it gets, no command
// may hang, and no message may be doubled.
func FuzzExchange(f *testing.F) {
	everything := make([]byte, 0, 2*len(oddities))
	for i := range oddities {
		everything = append(everything, 255, byte(i))
	}
	all := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	f.Add(uint32(0), []byte{}, all)
	f.Add(uint32(1<<len(fuzzQuirks)-1), []byte{}, all)
	f.Add(uint32(0), everything, slices.Concat(all, all))
	for i := range oddities {
		f.Add(uint32(1)<<(i%len(fuzzQuirks)), bytes.Repeat([]byte{255, 255, byte(i)}, 20), all)
	}
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		faults, script := make([]byte, 60), make([]byte, 12)
		for i := range faults {
			faults[i] = byte(rnd.IntN(2 * len(oddities)))
		}
		for i := range script {
			script[i] = byte(rnd.IntN(len(fuzzCommands)))
		}
		f.Add(rnd.Uint32(), faults, script)
	}
	f.Fuzz(func(t *testing.T, quirks uint32, faults, script []byte) {
		t.Parallel() // a session mostly waits
		playOdd(t, quirks, faults, script[:min(len(script), 30)])
	})
}

// fuzzQuirks are the quirks of the simulated Exchange that the fuzzer switches on: those of replies.
var fuzzQuirks = []string{
	"missing-data", "substitute", "bare-copyuid", "error-in-ok", "bare-disposition", "address-blanks", "odd-disposition",
	"nil-encoding", "tab-names", "idle-exists-first", "status-blank", "stray-lines", "odd-structure", "empty-copyuid",
	"store-without-uid", "whole-partial", "fetch-holes", "high-numbers", "bare-unavailable",
}

// longestCommand is the deadline of a command. The server may be silent for the reply timeout several times.
const longestCommand = 20 * time.Second

// oddSession is a session of the fuzzer's client.
type oddSession struct {
	t       *testing.T
	c       *imapclient.Client
	uploads []string // the Message-IDs
	stored  []string // those that were answered OK
	copied  int      // times that COPY was sent
}

func playOdd(t *testing.T, quirks uint32, faults, script []byte) {
	cfg := exchangesim.Config{Quirks: []string{"no-regenerated"}, Faults: []string{"throttle-every:9:1ms"}}
	for i, name := range fuzzQuirks {
		if quirks>>i&1 == 1 {
			cfg.Quirks = append(cfg.Quirks, name)
		}
	}
	sim, err := exchangesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() { sim.Serve(l, exchangesim.InsecurePlaintext) })
	defer serving.Wait()
	defer sim.Close()
	for i := range 3 {
		text := fmt.Sprintf("Message-ID: <seed%d@x>\r\nFrom: A <a@x>, b@x\r\nTo: c@x, d@x\r\nSubject: s\r\n\r\ntext\r\n", i)
		if _, err := sim.Deliver("alice", "INBOX", nil, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	odd := startOddServer(t, l.Addr().String(), faults)
	defer odd.stop()
	prof := exchangeProfile
	prof.Names, prof.Replies = apartNames, backend.AllReplies()
	log := new(buffer)
	srv, err := NewServer(Options{
		Upstreams: []routing.Upstream{{
			Backend: backend.Options{
				Address: odd.l.Addr().String(), TLS: backend.TLSInsecureNone,
				Timeouts: backend.Timeouts{Reply: 200 * time.Millisecond, Leave: 10 * time.Millisecond},
			},
			Profile: prof.Name, Profiles: func(string) profile.Profile { return prof }, Resume: true,
		}},
		Spool: spool.Options{Dir: t.TempDir()},
		Log:   slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.limits.Looks = []time.Duration{0, 5 * time.Millisecond}
	srv.limits.LooksPending = []time.Duration{5 * time.Millisecond}
	srv.limits.Reconnect, srv.limits.ReconnectPause, srv.limits.ReconnectSpread = time.Second, time.Millisecond, 0
	srv.limits.Linger, srv.limits.Replay = 0, time.Millisecond
	near, far := pair(t)
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.serve(far, ListenInsecurePlaintext)
	}()
	defer func() {
		near.Close()
		<-served
		srv.Close()
		if text := log.String(); strings.Contains(text, "panic") {
			t.Error(text)
		}
	}()
	s := &oddSession{t: t, c: imapclient.New(near, nil)}
	s.do("LOGIN", func() error { return s.c.Login("alice@example.com", "alicepass").Wait() })
	odd.arm()
	for _, b := range script {
		command := fuzzCommands[int(b)%len(fuzzCommands)]
		if !s.do(command.name, func() error { return command.run(s) }) {
			break
		}
	}
	if err := s.c.Close(); isUnreadable(err) {
		t.Errorf("the client cannot read what it got: %v", err)
	}
	near.Close()
	select {
	case <-served:
	case <-time.After(longestCommand):
		t.Fatalf("the session does not end\n%s", odd)
	}
	s.checkMessages(sim)
	if t.Failed() {
		t.Log(odd, "\n", log.String())
	}
}

// do runs a command. It returns false if the session has ended.
func (s *oddSession) do(name string, run func() error) bool {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- run() }()
	select {
	case err := <-done:
		var refused *imap.Error
		switch {
		case err == nil, errors.As(err, &refused):
			return true
		case isUnreadable(err):
			s.t.Errorf("%s: %v", name, err)
		}
		return false
	case <-time.After(longestCommand):
		s.t.Errorf("%s hangs", name)
		s.c.Close()
		return false
	}
}

// isUnreadable reports whether the client has ended the session because it could not read a response.
func isUnreadable(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return false
		}
	}
	return err != nil && !strings.Contains(err.Error(), io.ErrUnexpectedEOF.Error()) &&
		!strings.Contains(err.Error(), "connection reset") && !strings.HasSuffix(err.Error(), "EOF")
}

// checkMessages holds the mailboxes to what the client was told.
func (s *oddSession) checkMessages(sim *exchangesim.Server) {
	count := make(map[string]int)
	for _, m := range sim.Messages("alice", "INBOX") {
		_, after, _ := strings.Cut(string(m.Received), "Message-ID: <")
		id, _, _ := strings.Cut(after, ">")
		count[id]++
	}
	for _, id := range s.uploads {
		if count[id] > 1 {
			s.t.Errorf("%s was stored %d times", id, count[id])
		}
		if count[id] == 0 && slices.Contains(s.stored, id) {
			s.t.Errorf("%s was answered OK, and is not there", id)
		}
	}
	if n := len(sim.Messages("alice", "Drafts")); n > s.copied {
		s.t.Errorf("%d copies were made by %d COPYs", n, s.copied)
	}
}

// fuzzCommands are what the client of the fuzzer does.
var fuzzCommands = []struct {
	name string
	run  func(*oddSession) error
}{
	{"SELECT", func(s *oddSession) error { _, err := s.c.Select("INBOX", nil).Wait(); return err }},
	{"LIST", func(s *oddSession) error { _, err := s.c.List("", "*", nil).Collect(); return err }},
	{"STATUS", func(s *oddSession) error {
		_, err := s.c.Status("Drafts", &imap.StatusOptions{NumMessages: true, UIDNext: true}).Wait()
		return err
	}},
	{"FETCH structures", func(s *oddSession) error {
		_, err := s.c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
			Envelope: true, Flags: true, UID: true, InternalDate: true, RFC822Size: true,
			BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		}).Collect()
		return err
	}},
	{"FETCH texts", func(s *oddSession) error {
		_, err := s.c.Fetch(imap.SeqSet{{Start: 1, Stop: 3}}, &imap.FetchOptions{
			UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}},
		}).Collect()
		return err
	}},
	{"UID FETCH texts", func(s *oddSession) error {
		_, err := s.c.Fetch(imap.UIDSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
			Flags: true, BodySection: []*imap.FetchItemBodySection{{}},
		}).Collect()
		return err
	}},
	{"FETCH of a piece", func(s *oddSession) error {
		_, err := s.c.Fetch(imap.SeqSetNum(2), &imap.FetchOptions{
			BodySection: []*imap.FetchItemBodySection{{Peek: true, Partial: &imap.SectionPartial{Offset: 3, Size: 9}}},
		}).Collect()
		return err
	}},
	{"SEARCH", func(s *oddSession) error { _, err := s.c.Search(&imap.SearchCriteria{}, nil).Wait(); return err }},
	{"UID SEARCH", func(s *oddSession) error { _, err := s.c.UIDSearch(&imap.SearchCriteria{}, nil).Wait(); return err }},
	{"UID STORE", func(s *oddSession) error {
		flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}
		_, err := s.c.Store(imap.UIDSetNum(2), flags, nil).Collect()
		return err
	}},
	{"COPY", func(s *oddSession) error {
		s.copied++
		_, err := s.c.Copy(imap.SeqSetNum(1), "Drafts").Wait()
		return err
	}},
	{"APPEND", func(s *oddSession) error {
		id := fmt.Sprintf("m%d@x", len(s.uploads))
		s.uploads = append(s.uploads, id)
		text := "Message-ID: <" + id + ">\r\nFrom: a@x\r\nSubject: s\r\n\r\ntext\r\n"
		cmd := s.c.Append("INBOX", int64(len(text)), nil)
		if _, err := io.WriteString(cmd, text); err != nil {
			cmd.Close()
			return appendError(cmd, err)
		}
		if err := cmd.Close(); err != nil {
			return err
		}
		_, err := cmd.Wait()
		if err == nil {
			s.stored = append(s.stored, id)
		}
		return err
	}},
	{"NOOP", func(s *oddSession) error { return s.c.Noop().Wait() }},
	{"IDLE", func(s *oddSession) error {
		idle, err := s.c.Idle()
		if err != nil {
			return err
		}
		if err := idle.Close(); err != nil {
			return err
		}
		return idle.Wait()
	}},
}

// appendError returns the refusal of an APPEND that was refused before its message, or else the error of writing.
func appendError(cmd *imapclient.AppendCommand, err error) error {
	if _, refused := cmd.Wait(); refused != nil {
		return refused
	}
	return err
}
