package proxy

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/proxy/cluster"
	"exgate/proxy/testkit"
)

// onceSchedules is the number of schedules of a short run; EXGATE_SCHEDULES=500
// in the environment is a long one, and EXGATE_SCHEDULE=17 is that one alone.
const onceSchedules = 32

// onceScale is what the pauses between two looks are divided by.
const onceScale = 20

// atOnce is how many schedules run beside each other: they mostly wait.
const atOnce = 8

// TestExactlyOnce plays random schedules: up to four sessions store messages that
// are equal by intent, others store past the gateway, connections are cut at any
// byte of either direction, and the server is late, or names no UIDs. What is
// stored through the gateway is what was answered OK, and at most what was
// answered "not known" besides; no OK has another's message.
func TestExactlyOnce(t *testing.T) {
	playSchedules(t, func(*testing.T, int) []*cluster.Cluster { return []*cluster.Cluster{nil} })
}

// TestExactlyOnceThroughTwoGateways is the same with sessions of two gateways that share a Redis.
func TestExactlyOnceThroughTwoGateways(t *testing.T) {
	r := testkit.StartRedis(t)
	playSchedules(t, func(t *testing.T, seed int) []*cluster.Cluster {
		var both []*cluster.Cluster
		for range 2 {
			c, err := cluster.Open(t.Context(), cluster.Options{
				Address: r.Address, Name: fmt.Sprint(seed), Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			both = append(both, c)
		}
		return both
	})
}

// playSchedules plays the schedules, each with a gateway for each cluster that open returns.
func playSchedules(t *testing.T, open func(t *testing.T, seed int) []*cluster.Cluster) {
	first, schedules := 0, onceSchedules
	if text := os.Getenv("EXGATE_SCHEDULES"); text != "" {
		schedules = number(t, text)
	}
	if text := os.Getenv("EXGATE_SCHEDULE"); text != "" {
		first = number(t, text)
		schedules = first + 1
	}
	seeds := make(chan int)
	var workers sync.WaitGroup
	var mu sync.Mutex
	var sum onceTally
	for range atOnce {
		workers.Go(func() {
			for seed := range seeds {
				t.Run(fmt.Sprintf("schedule %d", seed), func(t *testing.T) {
					tally := playOnce(t, newOncePlan(uint64(seed)), open(t, seed))
					mu.Lock()
					defer mu.Unlock()
					sum.add(tally)
				})
			}
		})
	}
	for seed := first; seed < schedules; seed++ {
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
	t.Logf("%d schedules: %+v", schedules-first, sum)
	if schedules-first >= onceSchedules && (sum.Cuts == 0 || sum.OK == 0) {
		t.Error("nothing was tried")
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// onceTally counts what became of messages.
type onceTally struct {
	Appends, Cuts               int
	OK, NotKnown, NothingStored int // answers
	Stored, Extra               int // through the gateway; Extra of them were answered "not known"
	OthersUID                   int // OKs with the UID of another session's message, where another client's is equal and one is late
	NotKnownInQuiet             int // answers where the server is not late, and no client stores past the gateway
	ForeignEqual, RestOnForeign int // equal messages of other clients, and OKs that have no other message
}

func (s *onceTally) add(o onceTally) {
	for _, sum := range []struct {
		to *int
		n  int
	}{
		{&s.Appends, o.Appends}, {&s.Cuts, o.Cuts}, {&s.OK, o.OK}, {&s.NotKnown, o.NotKnown},
		{&s.NothingStored, o.NothingStored}, {&s.Stored, o.Stored}, {&s.Extra, o.Extra},
		{&s.ForeignEqual, o.ForeignEqual}, {&s.RestOnForeign, o.RestOnForeign}, {&s.NotKnownInQuiet, o.NotKnownInQuiet},
		{&s.OthersUID, o.OthersUID},
	} {
		*sum.to += sum.n
	}
}

// oncePlan is what one schedule is like.
type oncePlan struct {
	rnd       *rand.Rand
	sessions  int
	perClient int
	uidPlus   bool
	messageID bool
	identical bool // to the last byte; else each has a line of its own
	dated     bool // sent with a date
	before    bool // an equal message stands in the mailbox before
	late      bool // the server is late at times
	foreign   bool // another client stores an equal message meanwhile
	retries   bool // a client tries again what was not stored for sure
}

func newOncePlan(seed uint64) *oncePlan {
	r := rand.New(rand.NewPCG(seed, 12))
	coin := func() bool { return r.IntN(2) == 0 }
	return &oncePlan{
		rnd: r, sessions: 1 + r.IntN(4), perClient: 2 + r.IntN(4), uidPlus: r.IntN(3) > 0,
		messageID: coin(), identical: r.IntN(3) == 0, dated: coin(), before: coin(),
		late: r.IntN(4) == 0, foreign: r.IntN(8) == 0, retries: coin(),
	}
}

var onceMailboxes = []string{"INBOX", "Drafts"}

// message is one of the equal ones; mark is a line of its own.
func (p *oncePlan) message(mark string) string {
	id := ""
	if p.messageID {
		id = "Message-ID: <equal@example.com>\r\n"
	}
	if p.identical {
		mark = "all the same"
	}
	return "From: scanner@example.com\r\n" + id + "Subject: scanned\r\n" +
		"Date: Sun, 1 Nov 2026 10:00:00 +0000\r\n\r\n" + mark + "\r\n"
}

// unequal is a message of another client that is like none of the plan's.
func unequal(n int) string {
	return fmt.Sprintf("From: b@example.com\r\nMessage-ID: <other-%d@example.com>\r\nSubject: other %[1]d\r\n"+
		"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\nother\r\n", n)
}

// onceAnswer is what a client was told of one APPEND.
type onceAnswer struct {
	mailbox, mark, reply string
	uid                  uint32 // of APPENDUID
}

var appendUID = regexp.MustCompile(`\[APPENDUID \d+ (\d+)\]`)

func (a *onceAnswer) isOK() bool          { return strings.HasPrefix(a.reply, "OK") }
func (a *onceAnswer) isNothing() bool     { return strings.Contains(a.reply, "nothing was stored") }
func (p *oncePlan) group(m string) string { return map[bool]string{true: "all", false: m}[p.identical] }

func playOnce(t *testing.T, plan *oncePlan, clusters []*cluster.Cluster) onceTally {
	cfg := exchangesim.Config{}
	if !plan.uidPlus {
		cfg.Profile = "exchange2007"
	}
	setup := func(shared *cluster.Cluster) func(*Options, *limits) {
		return func(o *Options, l *limits) {
			scaledLooks(l)
			l.ReconnectSpread, l.ReconnectPause, l.Reconnect = 10*time.Millisecond, 5*time.Millisecond, testkit.WaitLimit
			o.Cluster = shared
		}
	}
	g, sim, cut := newCutSimulated(t, cfg, setup(clusters[0]))
	gateways := []*gateway{g}
	for _, shared := range clusters[1:] {
		gateways = append(gateways, startGateway(t, ListenInsecurePlaintext, cut.l.Addr().String(),
			withProfile(exchangeProfile), resuming, setup(shared)))
	}
	foreign := map[string]map[uint32]bool{} // UIDs of what was stored past the gateway, by mailbox
	equal := map[string]int{}               // how many of them are equal
	deliver := func(mailbox, message string) {
		date := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
		if strings.Contains(message, "scanned") {
			date = date.AddDate(0, 0, -1) // that of the equal ones
		}
		uid, err := sim.Deliver("alice", mailbox, nil, date, []byte(message))
		if err != nil {
			t.Error(err)
		}
		foreign[mailbox][uid] = true
	}
	for _, mailbox := range onceMailboxes {
		foreign[mailbox] = map[uint32]bool{}
		deliver(mailbox, unequal(0))
		if plan.before {
			deliver(mailbox, plan.message("before"))
		}
	}

	// What the sessions do is drawn beforehand, so that a seed says it all but for
	// how they interleave.
	var answers []onceAnswer
	var mu sync.Mutex
	var clients, others sync.WaitGroup
	for n := range plan.sessions {
		rnd := rand.New(rand.NewPCG(plan.rnd.Uint64(), uint64(n)))
		clients.Go(func() {
			told, err := playOnceClient(gateways[n%len(gateways)], sim, cut, plan, rnd, n)
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, told...)
			if err != nil {
				t.Errorf("session %d: %v", n, err)
			}
		})
	}
	stop := make(chan struct{})
	rnd := rand.New(rand.NewPCG(plan.rnd.Uint64(), 99))
	others.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rnd.IntN(60)) * time.Millisecond):
			}
			mailbox := onceMailboxes[rnd.IntN(2)]
			if plan.foreign && rnd.IntN(3) == 0 {
				deliver(mailbox, plan.message("foreign"))
				equal[mailbox]++
				continue
			}
			deliver(mailbox, unequal(n))
		}
	})
	clients.Wait()
	close(stop)
	others.Wait()
	sim.Close() // what is late is stored now

	tally := onceTally{Appends: len(answers), Cuts: cut.cuts}
	var logs []string
	for _, g := range gateways {
		logs = append(logs, g.log.String())
	}
	fail := func(format string, v ...any) {
		t.Errorf(format+"\nplan %+v\nanswers %q\n%v", append(v, *plan, answers, logs)...)
	}
	for _, mailbox := range onceMailboxes {
		rests := 0
		stored, marks := map[string]int{}, map[uint32]string{}
		for _, m := range sim.Messages("alice", mailbox) {
			if foreign[mailbox][m.UID] {
				continue
			}
			_, body, _ := strings.Cut(string(m.Received), "\r\n\r\n")
			mark := strings.TrimSpace(body)
			marks[m.UID] = plan.group(mark)
			stored[plan.group(mark)]++
			tally.Stored++
		}
		ok, notKnown, taken := map[string]int{}, map[string]int{}, map[uint32]bool{}
		for _, a := range answers {
			if a.mailbox != mailbox {
				continue
			}
			group := plan.group(a.mark)
			switch {
			case a.isOK():
				ok[group]++
				tally.OK++
			case a.isNothing():
				tally.NothingStored++
			default:
				notKnown[group]++
				tally.NotKnown++
			}
			switch {
			case a.uid == 0:
			case plan.foreign && foreign[mailbox][a.uid]: // it is counted below
			case marks[a.uid] != group && plan.foreign && plan.late:
				// An equal one of another client's was counted in the place of one that
				// was late (mailbox.Claims, "What remains").
				tally.OthersUID++
			case marks[a.uid] != group:
				fail("%s of %s was answered with the UID of %q", a.mark, mailbox, marks[a.uid])
			case taken[a.uid]:
				fail("two were answered with UID %d of %s", a.uid, mailbox)
			}
			taken[a.uid] = true
		}
		groups := slices.Concat(keys(ok), keys(stored), keys(notKnown))
		slices.Sort(groups)
		for _, group := range slices.Compact(groups) {
			n := stored[group]
			if n < ok[group] && !plan.foreign || n > ok[group]+notKnown[group] {
				fail("%q of %s: %d stored, %d answered OK, %d not known", group, mailbox, n, ok[group], notKnown[group])
			}
			tally.Extra += max(n-ok[group], 0)
			rests += max(ok[group]-n, 0)
		}
		if rests > equal[mailbox] {
			fail("%d answers of OK in %s rest on other clients' messages: there are %d", rests, mailbox, equal[mailbox])
		}
		tally.RestOnForeign += rests
		tally.ForeignEqual += equal[mailbox]
	}
	if !plan.late && !plan.foreign {
		tally.NotKnownInQuiet = tally.NotKnown
	}
	return tally
}

func keys(m map[string]int) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// playOnceClient is one session: it stores the messages that it has drawn.
func playOnceClient(
	g *gateway, sim *exchangesim.Server, cut *wireCutter, plan *oncePlan, rnd *rand.Rand, n int,
) (answers []onceAnswer, err error) {
	var c *onceClient
	defer func() { c.close() }()
	for k := range plan.perClient {
		a := onceAnswer{mailbox: onceMailboxes[rnd.IntN(2)], mark: fmt.Sprintf("session %d message %d", n, k)}
		selects := rnd.IntN(3) == 0
		for tries := 0; ; tries++ {
			if c == nil {
				if c, err = openOnce(g); err != nil {
					return answers, err
				}
			}
			if selects {
				if _, err := c.run("SELECT " + a.mailbox); err != nil {
					c.close()
					c = nil
				}
				selects = false
				continue
			}
			if rnd.IntN(10) < 7 {
				cut.cutAfter(rnd.IntN(2) == 0, 1+rnd.IntN(700))
			}
			if plan.late && rnd.IntN(3) == 0 {
				err := sim.AddFault(fmt.Sprintf("late-append:%dms", 1+rnd.IntN(600)))
				if rnd.IntN(2) == 0 {
					err = cmp.Or(err, sim.AddFault("lost-append-reply"))
				}
				if err != nil {
					return answers, err
				}
			}
			date := ""
			if plan.dated {
				date = `"01-Nov-2026 10:00:00 +0000" `
			}
			message := plan.message(a.mark)
			reply, lost := c.run(fmt.Sprintf("APPEND %s %s{%d+}\r\n%s", a.mailbox, date, len(message), message))
			a.reply, a.uid = reply, 0
			if m := appendUID.FindStringSubmatch(reply); m != nil {
				uid, _ := strconv.ParseUint(m[1], 10, 32)
				a.uid = uint32(uid)
			}
			answers = append(answers, a)
			if lost != nil {
				c.close()
				c = nil
			}
			if a.isOK() || !plan.retries || tries >= 2 {
				break
			}
		}
	}
	return answers, nil
}

// onceClient is a client that says what went wrong and ends no test: several of
// them are played in one.
type onceClient struct {
	nc net.Conn
	r  *bufio.Reader
	n  int
}

// openOnce logs in, again if a cut comes.
func openOnce(g *gateway) (*onceClient, error) {
	var last error
	for range 10 {
		nc, err := net.Dial("tcp", g.l.Addr().String())
		if err != nil {
			return nil, err
		}
		c := &onceClient{nc: nc, r: bufio.NewReader(nc)}
		if _, err = c.r.ReadString('\n'); err == nil {
			var reply string
			if reply, err = c.run("LOGIN alice@example.com alicepass"); err == nil && strings.HasPrefix(reply, "OK") {
				return c, nil
			}
			err = cmp.Or(err, errors.New(reply))
		}
		c.close()
		last = err
	}
	return nil, fmt.Errorf("logging in: %w", last)
}

// run says a command and returns its tagged reply, without the tag.
func (c *onceClient) run(command string) (string, error) {
	c.n++
	tag := "t" + strconv.Itoa(c.n) + " "
	c.nc.SetDeadline(time.Now().Add(10 * testkit.WaitLimit))
	if _, err := c.nc.Write([]byte(tag + command + "\r\n")); err != nil {
		return "", err
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if reply, ok := strings.CutPrefix(line, tag); ok {
			return strings.TrimSpace(reply), nil
		}
	}
}

func (c *onceClient) close() {
	if c != nil {
		c.nc.Close()
	}
}
