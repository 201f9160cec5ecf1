package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	warmUp = 300 * time.Millisecond
	window = 2 * time.Second
)

// target is what appenders append through.
type target struct {
	name, address string
	pid           int
}

// appended is one measurement.
type appended struct {
	perSecond   float64
	processor   time.Duration // of a message
	median, p99 time.Duration
	resident    float64 // MiB
}

// measureAppenders has more and more connections append at the same time, through each target in turn.
func measureAppenders(o *options) error {
	targets, end, err := appendTargets(o)
	if err != nil {
		return err
	}
	defer end()
	type key struct {
		size, count int
		target      string
	}
	found := make(map[key][]appended)
	fmt.Println("size appenders target messages/s processor median p99 resident-MiB")
	for range o.rounds {
		for _, size := range o.sizes {
			for _, count := range o.counts {
				for _, t := range targets {
					one, err := appendThrough(o, t, count, size)
					if err != nil {
						return fmt.Errorf("%s, %d appenders: %w", t.name, count, err)
					}
					found[key{size, count, t.name}] = append(found[key{size, count, t.name}], one)
					fmt.Println(size, count, t.name, one)
				}
			}
		}
	}
	fmt.Println("medians:")
	for _, size := range o.sizes {
		for _, count := range o.counts {
			for _, t := range targets {
				fmt.Println(size, count, t.name, medians(found[key{size, count, t.name}]))
			}
		}
	}
	return nil
}

func (a appended) String() string {
	return fmt.Sprintf("%.0f %v %v %v %.0f", a.perSecond, a.processor.Round(time.Microsecond),
		a.median.Round(10*time.Microsecond), a.p99.Round(10*time.Microsecond), a.resident)
}

func medians(all []appended) appended {
	return appended{
		perSecond: medianOf(all, func(a appended) float64 { return a.perSecond }),
		processor: medianOf(all, func(a appended) time.Duration { return a.processor }),
		median:    medianOf(all, func(a appended) time.Duration { return a.median }),
		p99:       medianOf(all, func(a appended) time.Duration { return a.p99 }),
		resident:  medianOf(all, func(a appended) float64 { return a.resident }),
	}
}

func medianOf[T any, N float64 | time.Duration](all []T, of func(T) N) N {
	values := make([]N, len(all))
	for i, one := range all {
		values[i] = of(one)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// appendTargets starts exgate with profile plain and with the given one, and the floor.
func appendTargets(o *options) (all []target, end func(), err error) {
	var ends []func()
	end = func() {
		for _, f := range ends {
			f()
		}
	}
	defer func() {
		if err != nil {
			end()
		}
	}()
	for _, profile := range []string{"plain", o.profile} {
		of := *o
		of.profile = profile
		g, err := begin(&of)
		if err != nil {
			return nil, nil, err
		}
		o.exgate = of.exgate
		ends = append(ends, g.end)
		t := target{name: profile, address: g.address, pid: g.cmd.Process.Pid}
		if profile == "plain" && o.floor != "" {
			floor, stop, err := startFloor(o, g)
			if err != nil {
				return nil, nil, err
			}
			ends, all = append(ends, stop), append(all, floor)
		}
		all = append(all, t)
	}
	return all, end, nil
}

// startFloor starts the relay that exgate is compared with, before the server of the gate.
func startFloor(o *options, g *gate) (t target, stop func(), err error) {
	ports, err := freePorts(2)
	if err != nil {
		return t, nil, err
	}
	cmd := exec.Command(o.floor, "-addr", ports[0], "-tls-addr", ports[1], "-cert", filepath.Join(g.dir, "cert.pem"),
		"-key", filepath.Join(g.dir, "key.pem"), "-up", g.upstream, "-uptls", "-wrap", "-nodrs")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return t, nil, err
	}
	stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	return target{name: "floor", address: ports[1], pid: cmd.Process.Pid}, stop, nil
}

// appendThrough has so many connections append messages for a while.
func appendThrough(o *options, t target, count, size int) (one appended, err error) {
	clients, err := logInMany(o, t.address, "appender", 0, count)
	if err != nil {
		return one, err
	}
	defer closeAll(clients)
	var on, stop atomic.Bool
	times, errs := make([][]time.Duration, count), make([]error, count)
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			for n := 0; !stop.Load() && errs[i] == nil; n++ {
				began := time.Now()
				errs[i] = c.append(size, int(serial.Add(1)))
				if on.Load() {
					times[i] = append(times[i], time.Since(began))
				}
			}
		})
	}
	time.Sleep(warmUp)
	before, err := processorOf(t.pid)
	if err != nil {
		return one, err
	}
	on.Store(true)
	began := time.Now()
	time.Sleep(window)
	on.Store(false)
	took := time.Since(began)
	after, err := processorOf(t.pid)
	if err != nil {
		return one, err
	}
	var m memory
	if err := m.ofProcess(t.pid); err != nil {
		return one, err
	}
	stop.Store(true)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return one, err
		}
	}
	every := slices.Sorted(slices.Values(slices.Concat(times...)))
	n := len(every)
	if n == 0 {
		return one, fmt.Errorf("nothing was stored in %v", took)
	}
	return appended{
		perSecond: float64(n) / took.Seconds(), processor: (after - before) / time.Duration(n),
		median: every[n/2], p99: every[n*99/100], resident: m.resident / (1 << 20),
	}, nil
}

// serial makes each message another one.
var serial atomic.Int64

// logInMany logs in count clients, o.atOnce at the same time. Each has an account of its own.
func logInMany(o *options, address, name string, first, count int) ([]*client, error) {
	clients, errs := make([]*client, count), make([]error, count)
	turns := make(chan struct{}, o.atOnce)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			clients[i], errs[i] = logIn(o, address, fmt.Sprintf("%s%d@example.com", name, first+i))
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			closeAll(clients)
			return nil, err
		}
	}
	return clients, nil
}

func closeAll(clients []*client) {
	for _, c := range clients {
		if c != nil {
			c.nc.Close()
		}
	}
}

// logIn returns a client that is logged in.
func logIn(o *options, address, user string) (*client, error) {
	c, err := dial(o, address)
	if err != nil {
		return nil, err
	}
	if err := c.command("LOGIN " + user + " secret"); err != nil {
		c.nc.Close()
		return nil, err
	}
	c.nc.SetDeadline(time.Time{})
	return c, nil
}
