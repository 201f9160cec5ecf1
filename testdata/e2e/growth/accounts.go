package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// measureAccounts has one account after the other log in, store messages and log out. Then exgate is replaced, and
// started anew.
func measureAccounts(o *options) error {
	if err := adoptOrphans(); err != nil {
		return err
	}
	g, err := begin(o)
	if err != nil {
		return err
	}
	defer func() { g.end() }()
	done := 0
	if err := lookAtAccounts(o, g, done); err != nil {
		return err
	}
	for _, count := range o.counts {
		if err := visit(o, g, done, count); err != nil {
			return fmt.Errorf("%w\n%s", err, g.said())
		}
		done = count
		if err := lookAtAccounts(o, g, done); err != nil {
			return err
		}
	}
	if err := g.operate(func() (_, _ []time.Duration) { return nil, nil }); err != nil {
		return err
	}
	time.Sleep(o.wait)
	fmt.Printf("%v later:\n", o.wait)
	if err := lookAtAccounts(o, g, done); err != nil {
		return err
	}
	if o.heap != "" {
		if err := g.saveHeap(o.heap); err != nil {
			return err
		}
	}
	if err := handOver(o, g); err != nil {
		return fmt.Errorf("%w\n%s", err, g.said())
	}
	return restart(o, g)
}

// visit has the accounts from first to the last before end log in, store three messages and log out.
func visit(o *options, g *gate, first, end int) error {
	before, err := processorOf(g.cmd.Process.Pid)
	if err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(int64(first))
	began := time.Now()
	logins, errs := make([][]time.Duration, o.atOnce), make([]error, o.atOnce)
	var all sync.WaitGroup
	for w := range o.atOnce {
		all.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= end {
					return
				}
				var took time.Duration
				took, errs[w] = visitOne(o, g, i)
				logins[w] = append(logins[w], took)
			}
		})
	}
	all.Wait()
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	took, n := time.Since(began), end-first
	after, err := processorOf(g.cmd.Process.Pid)
	if err != nil {
		return err
	}
	times := slices.Sorted(slices.Values(slices.Concat(logins...)))
	fmt.Printf("accounts %d to %d: %.0f a second, processor of one %.2f ms; login with %d others at once %s\n",
		first, end, float64(n)/took.Seconds(), float64(after-before)/1e6/float64(n), o.atOnce-1, spreadOf(times))
	return nil
}

func visitOne(o *options, g *gate, i int) (login time.Duration, err error) {
	began := time.Now()
	c, err := logIn(o, g.address, fmt.Sprintf("account%d@example.com", i))
	if err != nil {
		return 0, err
	}
	defer c.nc.Close()
	login = time.Since(began)
	for range 3 {
		if err := c.append(o.sizes[0], int(serial.Add(1))); err != nil {
			return login, err
		}
	}
	return login, c.command("LOGOUT")
}

// lookAtAccounts tells what exgate keeps after so many accounts.
func lookAtAccounts(o *options, g *gate, done int) error {
	times, err := loginTimes(o, g.address, "visitor", 50)
	if err != nil {
		return err
	}
	if o.heap == "" { // else GiveBack is to be seen
		if _, err := g.get("/debug/pprof/heap?gc=1"); err != nil {
			return err
		}
	}
	m, err := g.look()
	if err != nil {
		return err
	}
	fmt.Printf("  %d accounts: live heap %.2f MiB in %d objects, resident %.1f MiB, goroutines %d, ledger %.2f MiB; "+
		"login alone %s\n",
		done, float64(m.stats.HeapAlloc)/(1<<20), m.stats.HeapObjects, m.resident/(1<<20), m.goroutines,
		float64(ledgerSize(g.ledger()))/(1<<20), spreadOf(times))
	return nil
}

// ledger is the file of the gate's ledger.
func (g *gate) ledger() string { return filepath.Join(g.dir, "state", "ledger.db") }

// ledgerSize is the size of a ledger with what SQLite has not yet put into its file.
func ledgerSize(file string) (size int64) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(file + suffix); err == nil {
			size += info.Size()
		}
	}
	return size
}

// adoptOrphans makes this process the parent of an exgate that another exgate has started, when that one ends.
func adoptOrphans() error {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER of prctl(2)
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// handOver has another exgate take over, while one login comes after the other.
func handOver(o *options, g *gate) error {
	old := g.cmd.Process
	stop, times, failed := make(chan struct{}), make(chan []time.Duration, 1), make(chan error, 1)
	go func() {
		var all []time.Duration
		for {
			select {
			case <-stop:
				times <- all
				failed <- nil
				return
			default:
			}
			// Each account has been there before. A client of the old process may get BYE before its login.
			began := time.Now()
			for {
				c, err := logIn(o, g.address, fmt.Sprintf("account%d@example.com", len(all)))
				if err == nil {
					err = c.command("LOGOUT")
					c.nc.Close()
				}
				if err == nil {
					break
				}
				if time.Since(began) > time.Minute {
					times <- all
					failed <- err
					return
				}
			}
			all = append(all, time.Since(began))
		}
	}()
	began := time.Now()
	if err := old.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	err := g.cmd.Wait()
	took := time.Since(began)
	time.Sleep(time.Second) // logins at the new one alone
	close(stop)
	all := <-times
	if err := cmp.Or(err, <-failed); err != nil {
		return fmt.Errorf("the hand-over: %w", err)
	}
	slices.Sort(all)
	fmt.Printf("hand-over: the old exgate ended after %v; %d logins and LOGOUTs meanwhile, one after the other, %s\n",
		took.Round(time.Millisecond), len(all), spreadOf(all))
	next, err := child(old.Pid)
	if err != nil {
		return err
	}
	g.cmd.Process, err = os.FindProcess(next)
	return err
}

// child returns the child of this process that is not the old exgate.
func child(old int) (int, error) {
	processes, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, file := range processes {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) || pid == old {
			continue
		}
		return pid, nil
	}
	return 0, fmt.Errorf("no exgate has taken over")
}

// restart ends exgate, and starts another one with its ledger.
func restart(o *options, g *gate) error {
	began := time.Now()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if _, err := g.cmd.Process.Wait(); err != nil {
		return err
	}
	stopped := time.Since(began)
	began = time.Now()
	if err := g.run(o, o.exgate); err != nil {
		return err
	}
	answers := time.Since(began)
	c, err := logIn(o, g.address, "account1@example.com")
	if err != nil {
		return err
	}
	took := time.Since(began)
	c.nc.Close()
	if err := lookAtAccounts(o, g, 0); err != nil {
		return err
	}
	fmt.Printf("restart: stopped in %v, greeting after %v, first login answered after %v\n",
		stopped.Round(time.Millisecond), answers.Round(time.Millisecond), took.Round(time.Millisecond))
	return nil
}
