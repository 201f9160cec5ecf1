package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// busyWindow is how long sessions are watched.
const busyWindow = 15 * time.Second

// measureSessions opens more and more sessions, which send a command now and then. In the end exgate drains.
func measureSessions(o *options) error {
	g, err := begin(o)
	if err != nil {
		return err
	}
	defer g.end()
	before, err := g.look()
	if err != nil {
		return err
	}
	b := &busy{o: o, g: g}
	for _, count := range o.counts {
		began := time.Now()
		more, err := logInMany(o, g.address, "user", len(b.clients), count-len(b.clients))
		if err != nil {
			return err
		}
		rate := float64(count-len(b.clients)) / time.Since(began).Seconds()
		b.clients = append(b.clients, more...)
		for _, c := range more {
			b.workers.Go(func() { b.work(c) })
		}
		fmt.Printf("%d sessions, %.0f logins a second:\n", count, rate)
		if err := b.watch(before); err != nil {
			return err
		}
	}
	b.stop.Store(true)
	b.workers.Wait()
	if b.err.Load() != nil {
		return *b.err.Load()
	}
	return drain(g, b.clients)
}

// busy is sessions that send a command now and then.
type busy struct {
	o       *options
	g       *gate
	clients []*client
	workers sync.WaitGroup
	stop    atomic.Bool
	err     atomic.Pointer[error]

	mu             sync.Mutex
	noops, fetches []time.Duration
}

// work is one session: nine NOOPs, then a FETCH of three lines, and so on.
func (b *busy) work(c *client) {
	spread := time.Duration(rand.Int64N(int64(b.o.every)))
	time.Sleep(spread)
	if err := c.command("SELECT INBOX"); err != nil {
		b.err.Store(&err)
		return
	}
	for n := 1 + rand.IntN(10); !b.stop.Load(); n++ {
		command, list := "NOOP", &b.noops
		if n%10 == 0 {
			command, list = "UID FETCH 1:3 (FLAGS RFC822.SIZE)", &b.fetches
		}
		began := time.Now()
		if err := c.command(command); err != nil {
			b.err.Store(&err)
			return
		}
		took := time.Since(began)
		b.mu.Lock()
		*list = append(*list, took)
		b.mu.Unlock()
		time.Sleep(b.o.every)
	}
}

// take returns the times of the commands since the last call, and forgets them.
func (b *busy) take() (noops, fetches []time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	noops, fetches = b.noops, b.fetches
	b.noops, b.fetches = nil, nil
	slices.Sort(noops)
	slices.Sort(fetches)
	return noops, fetches
}

// watch measures all sessions as they work, and what an operator asks meanwhile.
func (b *busy) watch(before memory) error {
	time.Sleep(b.o.every) // until the new ones have selected their mailbox
	b.take()
	was, err := b.g.look()
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(busyWindow)
	now, err := b.g.look()
	if err != nil {
		return err
	}
	took := time.Since(began)
	noops, fetches := b.take()
	n := len(noops) + len(fetches)
	if err := b.err.Load(); err != nil {
		return *err
	}
	if len(noops) == 0 || len(fetches) == 0 {
		return fmt.Errorf("no command was answered in %v", took)
	}
	fmt.Printf("  %.0f commands/s, processor of one %.0f µs; NOOP %s; FETCH %s\n", float64(n)/took.Seconds(),
		float64(now.processor-was.processor)/1e3/float64(n), spreadOf(noops), spreadOf(fetches))
	fmt.Printf("  resident %.1f MiB, of a session %.1f KiB; goroutines %d, of a session %.2f\n", now.resident/(1<<20),
		(now.resident-before.resident)/1024/float64(len(b.clients)), now.goroutines,
		float64(now.goroutines-before.goroutines)/float64(len(b.clients)))
	logins, err := loginTimes(b.o, b.g.address, "visitor", 50)
	if err != nil {
		return err
	}
	fmt.Printf("  login %s\n", spreadOf(logins))
	return b.g.operate(b.take)
}

// spreadOf tells of times that are sorted.
func spreadOf(times []time.Duration) string {
	if len(times) == 0 {
		return "none"
	}
	n := len(times)
	round := 10 * time.Microsecond
	return fmt.Sprintf("median %v, 99 %% %v, most %v", times[n/2].Round(round), times[n*99/100].Round(round),
		times[n-1].Round(round))
}

// loginTimes measures logins one after the other, from the connection to the OK, sorted. The accounts are new ones.
func loginTimes(o *options, address, name string, n int) (times []time.Duration, err error) {
	for range n {
		began := time.Now()
		c, err := logIn(o, address, fmt.Sprintf("%s%d@example.com", name, serial.Add(1)))
		if err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
		err = c.command("LOGOUT")
		c.nc.Close()
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	return times, nil
}

// operate measures what an operator and his monitoring ask. take tells how long commands took meanwhile.
func (g *gate) operate(take func() (noops, fetches []time.Duration)) error {
	const times = 5
	ask := func(what string, do func() (int, error)) error {
		take()
		all, size := make([]time.Duration, times), 0
		processor, err := processorOf(g.cmd.Process.Pid)
		if err != nil {
			return err
		}
		for i := range all {
			began := time.Now()
			if size, err = do(); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			all[i] = time.Since(began)
		}
		after, err := processorOf(g.cmd.Process.Pid)
		if err != nil {
			return err
		}
		slices.Sort(all)
		noops, _ := take()
		fmt.Printf("  %-14s %8d bytes, median of %d %v, processor of exgate %v; NOOP meanwhile: %s\n", what, size,
			times, all[times/2].Round(100*time.Microsecond), ((after - processor) / times).Round(time.Millisecond),
			spreadOf(noops))
		return nil
	}
	page := func(path string) func() (int, error) {
		return func() (int, error) {
			text, err := get("http://" + g.status + path)
			return len(text), err
		}
	}
	verb := func(args ...string) func() (int, error) {
		return func() (int, error) {
			text, err := exec.Command(g.cmd.Path, append([]string{"--config", g.config()}, args...)...).Output()
			return len(text), err
		}
	}
	return cmp.Or(ask("/metrics", page("/metrics")), ask("status page", page("/")), ask("exgate who", verb("who")),
		ask("/report", page("/report")), ask("exgate report", verb("report")))
}

// drain stops exgate, and tells how long that takes. The clients read their BYE, and close.
func drain(g *gate, clients []*client) error {
	processor, err := processorOf(g.cmd.Process.Pid)
	if err != nil {
		return err
	}
	times, errs := make([]time.Duration, len(clients)), make([]error, len(clients))
	began := time.Now()
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			defer c.nc.Close()
			errs[i] = c.await("* BYE", "waiting for BYE")
			times[i] = time.Since(began)
		})
	}
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err = g.cmd.Wait()
	took := time.Since(began)
	all.Wait()
	if err := cmp.Or(append(errs, err)...); err != nil {
		return fmt.Errorf("draining: %w\n%s", err, g.said())
	}
	slices.Sort(times)
	used := g.cmd.ProcessState.UserTime() + g.cmd.ProcessState.SystemTime() - processor
	fmt.Printf("drain of %d sessions: BYE %s; ended after %v, processor %v\n", len(clients), spreadOf(times),
		took.Round(time.Millisecond), used.Round(10*time.Millisecond))
	return nil
}
