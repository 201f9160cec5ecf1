//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
	"exgate/proxy/control"
)

// killProfiles are an Exchange without UIDPLUS, and one with it.
var killProfiles = []string{"exchange2007", "exchange2016"}

// A client that loses exgate sends its message again, without a look, as imapsync does by default. exgate is killed at
// each step of an APPEND. Each message is there once in the end, and two equal ones that the client sends on purpose
// are two.
func TestKill9(t *testing.T) {
	t.Parallel() // with TestKill9AtRandom: the tests mostly wait for exgate, which looks for messages
	for _, step := range []struct {
		name   string
		up     bool   // the moment is on the way to Exchange
		moment string // exgate is killed when this has passed, less the bytes that are held
		held   int
		sent   int // how often the client sends the message; 0: once or twice
	}{
		{"before the mark", true, "STATUS Drafts (UIDNEXT", 22, 2},
		{"before the command", true, "APPEND", 6, 2},
		{"before the literal", false, "+ ", 2, 2},
		{"in the literal", true, "the middle", 5, 2},
		{"before the end of the literal", true, "the end.\r\n", 1, 2},
		{"before Exchange's OK", true, "the end.\r\n\r\n", 0, 2},
		{"in Exchange's OK", false, "APPEND completed", 3, 2},
		{"after Exchange's OK", false, "APPEND completed.\r\n", 0, 0},
		{"after the client's OK", true, "NOOP", 4, 1}, // which the client says then
	} {
		for _, profile := range killProfiles {
			t.Run(profile+" "+step.name, func(t *testing.T) {
				t.Parallel()
				w := newKillWorld(t, profile)
				w.killAfter(step.up, step.moment, step.held)
				const message = "the middle of it, and\r\nthe end.\r\n"
				sent, proven := w.send(message)
				if step.sent != 0 && sent != step.sent {
					t.Errorf("the client has sent the message %d times", sent)
				}
				if w.kills != 1 {
					t.Errorf("exgate was killed %d times", w.kills)
				}
				w.holds(message, 1, 1)
				// On purpose. Where the client has the answer, and exgate was killed before the next command, nothing
				// tells this message from one that is sent again.
				w.send(message)
				least := 1
				if proven {
					least = 2
				}
				w.holds(message, least, 2)
			})
		}
	}
}

// A client has the answer to a message, and sends an equal one on purpose. exgate is killed before that goes up: what the
// client sends again then is not the first one.
func TestKill9BeforeAnEqualMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		profile, moment string
		held            int
	}{
		{"exchange2007", "STATUS Drafts (UIDNEXT", 22},
		{"exchange2016", "APPEND", 6}, // it has told the UID of the first one, which is the mark of the next
	} {
		t.Run(tt.profile, func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t, tt.profile)
			w.send("another one\r\n") // the session has asked for what it asks once
			w.send("an equal one\r\n")
			w.killAfter(true, tt.moment, tt.held)
			w.send("an equal one\r\n")
			if w.kills != 1 {
				t.Errorf("exgate was killed %d times", w.kills)
			}
			w.holds("an equal one\r\n", 2, 2)
		})
	}
}

// exgate is killed after Exchange's OK, and once more while it sets the flag of the message that it has found there. The
// message that the client sends a third time is found again: what the ledger has by then does not end the first attempt.
func TestKill9Twice(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t, "exchange2016")
	w.flags = `(\Flagged) `
	w.send("another one\r\n")
	w.killAfter(false, "APPEND completed.\r\n", 0)
	w.orderAfter = func() { w.up, w.moment, w.held, w.beforeKill = false, "STORE completed", 3, w.flushLedger }
	w.send("killed twice\r\n")
	if w.kills != 2 {
		t.Errorf("exgate was killed %d times", w.kills)
	}
	w.holds("killed twice\r\n", 1, 1)
}

// The same at random moments, which are bytes of the connections to Exchange. KILL_MOMENTS=200 in the environment is a
// long run, KILL_SEED=17 has other moments.
func TestKill9AtRandom(t *testing.T) {
	t.Parallel()
	moments, seed := 8, 1
	for name, value := range map[string]*int{"KILL_MOMENTS": &moments, "KILL_SEED": &seed} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*value = n
		}
	}
	messages := []string{"one\r\n", "two\r\n", "two\r\n", "three\r\n" + strings.Repeat("and more\r\n", 300), "four\r\n"}
	play := func(w *killWorld) {
		copies, proven := map[string]int{}, map[string]int{}
		for _, message := range messages {
			copies[message]++
			if _, ok := w.send(message); ok {
				proven[message]++
			}
		}
		for message, n := range copies {
			w.holds(message, min(n, max(proven[message], 1)), n)
		}
	}
	passed := map[string]int{}
	for _, profile := range killProfiles {
		w := newKillWorld(t, profile)
		play(w)
		passed[profile] = w.passed
	}
	rnd := rand.New(rand.NewPCG(uint64(seed), 9))
	for n := range moments {
		profile := killProfiles[n%len(killProfiles)]
		at := 1 + rnd.IntN(passed[profile]-1)
		t.Run(fmt.Sprintf("%s byte %d of %d", profile, at, passed[profile]), func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t, profile)
			w.mu.Lock()
			w.at = at
			w.mu.Unlock()
			play(w)
		})
	}
}

// killWorld is a simulated Exchange, exgate as a program of its own before it, a client that sends again what it has no
// answer to, and a relay between exgate and Exchange that kills exgate.
type killWorld struct {
	t       *testing.T
	file    string // the configuration
	sim     *exchangesim.Server
	relay   *net.TCPListener
	to      string
	copying sync.WaitGroup
	address string        // of exgate
	client  *killedClient // nil: it has no session

	mu     sync.Mutex
	exgate *exec.Cmd // nil: it does not run
	ended  chan struct{}
	kills  int
	passed int    // bytes that the relay has passed on
	at     int    // exgate is killed after so many of them; 0: it is not
	up     bool   // the direction of moment
	moment string // exgate is killed when this has passed; "": it is not
	orders int    // how often a moment was set
	held   int    // the last bytes of moment, which do not pass
	// orderAfter sets the next moment, when exgate is killed; nil: there is none. mu is held.
	orderAfter func()
	// beforeKill is called at the moment, before its bytes pass and exgate is killed; it may be nil. mu is held.
	beforeKill func()
	flags      string // of the client's messages, with a blank behind
}

func newKillWorld(t *testing.T, profile string) *killWorld {
	t.Helper()
	sim, err := exchangesim.New(exchangesim.Config{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	w := &killWorld{t: t, sim: sim, relay: testkit.Listen(t), to: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() { sim.Serve(l, exchangesim.InsecurePlaintext) })
	w.copying.Go(w.accept)
	dir := t.TempDir()
	w.file = filepath.Join(dir, "exgate.yaml")
	config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\" }\nupstream: { address: %q, "+
		"tls: insecure-none, profile: %s, pace: { messages_per_second: 0 } }\nlog: { format: json }\n",
		dir, w.relay.Addr(), profile)
	if err := os.WriteFile(w.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if w.client != nil {
			w.client.Close()
		}
		w.mu.Lock()
		w.kill()
		w.mu.Unlock()
		w.relay.Close()
		sim.Close()
		w.copying.Wait()
		serving.Wait()
	})
	return w
}

// start runs exgate, if it does not run.
func (w *killWorld) start() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.exgate != nil {
		return
	}
	cmd := exec.Command(os.Args[0], "serve", "--config", w.file)
	cmd.Env = append(os.Environ(), runsExgate+"=1")
	log, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	address, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				address <- line.Address
			}
		}
		cmd.Wait()
	}()
	select {
	case w.address = <-address:
	case <-ended:
		w.t.Fatal("exgate does not serve")
	}
	w.exgate, w.ended = cmd, ended
}

// kill kills exgate, if it runs, and waits for its end. w.mu is held.
func (w *killWorld) kill() {
	if w.exgate != nil {
		w.exgate.Process.Kill()
		<-w.ended
		w.exgate = nil
	}
}

// flushLedger returns when all that exgate has given its ledger is on the disk, also that for which nobody waits.
func (w *killWorld) flushLedger() {
	if _, err := control.NewClient(control.Path(filepath.Dir(w.file))).Drain(w.t.Context()); err != nil {
		w.t.Errorf("the ledger is not flushed: %v", err)
	}
}

// killAfter has exgate killed at a moment that has not come yet.
func (w *killWorld) killAfter(up bool, moment string, held int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up, w.moment, w.held = up, moment, held
	w.orders++
}

func (w *killWorld) accept() {
	for {
		near, err := w.relay.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			near.Close()
			continue
		}
		w.copying.Go(func() { w.copy(far, near, true) })
		w.copying.Go(func() { w.copy(near, far, false) })
	}
}

// copy passes bytes on, up to the moment at which exgate is killed.
func (w *killWorld) copy(to, from net.Conn, up bool) {
	defer to.Close()
	defer from.Close()
	var seen []byte // what has passed since the last order, and a buffer more
	orders := 0
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		if orders != w.orders {
			orders, seen = w.orders, nil
		}
		seen = append(seen, buf[:n]...)
		pass, kills := n, false
		if w.moment != "" && w.up == up {
			if i := bytes.Index(seen, []byte(w.moment)); i >= 0 {
				end := i + len(w.moment) - w.held
				pass, kills = max(end-(len(seen)-n), 0), true
			}
		}
		if w.at > 0 && w.passed+pass >= w.at {
			pass, kills = w.at-w.passed, true
		}
		w.passed += pass
		if kills && w.beforeKill != nil {
			w.beforeKill()
			w.beforeKill = nil
		}
		_, writeErr := to.Write(buf[:pass])
		if kills {
			w.at, w.moment = 0, ""
			w.kills++
			w.kill()
			if w.orderAfter != nil {
				w.orderAfter()
				w.orders++
				w.orderAfter = nil
			}
		}
		w.mu.Unlock()
		if err != nil || writeErr != nil || kills {
			return
		}
	}
}

// send stores a message, however often exgate is killed. It returns how often it has sent the message, and whether the
// client has said another command after the answer.
func (w *killWorld) send(body string) (sent int, proven bool) {
	w.t.Helper()
	message := killMessage(body)
	for ; ; sent++ {
		if sent == 5 {
			w.t.Fatal("the message is not stored")
		}
		if !w.login() {
			sent--
			continue
		}
		reply := w.client.ask(fmt.Sprintf("APPEND Drafts %s{%d+}\r\n%s", w.flags, len(message), message))
		if strings.HasPrefix(reply, "OK") {
			break
		}
		if reply != "" {
			w.t.Fatalf("APPEND: %s", reply)
		}
		w.lost()
	}
	if proven = w.client.ask("NOOP") != ""; !proven {
		w.lost()
	}
	return sent + 1, proven
}

// login opens a session, if there is none. It reports false if exgate was killed meanwhile.
func (w *killWorld) login() bool {
	w.t.Helper()
	if w.client != nil {
		return true
	}
	w.start()
	nc, err := net.Dial("tcp", w.address)
	if err != nil {
		return false
	}
	nc.SetDeadline(time.Now().Add(2 * time.Minute))
	w.client = &killedClient{Conn: nc, r: bufio.NewReader(nc)}
	if reply := w.client.ask("LOGIN alice@example.com alicepass"); reply == "" {
		w.lost()
		return false
	} else if !strings.HasPrefix(reply, "OK") {
		w.t.Fatalf("LOGIN: %s", reply)
	}
	return true
}

// lost closes a session that exgate has left.
func (w *killWorld) lost() {
	w.client.Close()
	w.client = nil
	w.mu.Lock() // it is held until exgate has ended
	defer w.mu.Unlock()
	if w.exgate != nil {
		w.t.Fatal("exgate has closed the connection and goes on")
	}
}

func killMessage(body string) string {
	return "From: a@example.com\r\nSubject: killed\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n\r\n" + body
}

// holds checks how many copies of a message Exchange has.
func (w *killWorld) holds(body string, least, most int) {
	w.t.Helper()
	n := 0
	for _, m := range w.sim.Messages("alice", "Drafts") {
		if string(m.Received) == killMessage(body) {
			n++
		}
	}
	if n < least || n > most {
		w.t.Errorf("Exchange has %.20q %d times, want %d to %d", body, n, least, most)
	}
}

// killedClient is a session of the client.
type killedClient struct {
	net.Conn
	r *bufio.Reader
}

// ask says a command and returns its tagged reply without the tag; "" if the connection ends.
func (c *killedClient) ask(command string) string {
	if _, err := io.WriteString(c, "a "+command+"\r\n"); err != nil {
		return ""
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return ""
		}
		if reply, ok := strings.CutPrefix(line, "a "); ok {
			return strings.TrimSpace(reply)
		}
	}
}
