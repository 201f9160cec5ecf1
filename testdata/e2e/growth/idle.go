package main

import (
	"fmt"
	"sync"
	"time"
)

// measureIdle measures sessions that idle after traffic.
func measureIdle(o *options) error {
	gate, err := begin(o)
	if err != nil {
		return err
	}
	defer gate.end()
	before, err := gate.look()
	if err != nil {
		return err
	}
	clients, err := work(o, gate.address)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, gate.said())
	}
	for i, what := range []string{"at once", "later"} {
		if i > 0 {
			time.Sleep(o.wait)
		}
		now, err := gate.look()
		if err != nil {
			return err
		}
		fmt.Printf("%-8s %4d sessions %s%s: %s\n", what, o.sessions, o.profile,
			map[bool]string{true: " plaintext"}[o.plaintext]+map[bool]string{true: " TLS 1.2"}[o.tls12],
			now.each(before, o.sessions))
	}
	if o.heap != "" {
		if err := gate.saveHeap(o.heap); err != nil {
			return err
		}
	}
	return finish(o, clients)
}

// finish ends all sessions, which must be alive.
func finish(o *options, clients []*client) error {
	errs := make(chan error, len(clients))
	for _, c := range clients {
		go func() {
			var err error
			if o.idle {
				err = c.done()
			}
			if err == nil {
				err = c.command("LOGOUT")
			}
			c.nc.Close()
			errs <- err
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// work has each session do its work, and returns the clients, which idle.
func work(o *options, address string) ([]*client, error) {
	clients, errs := make([]*client, o.sessions), make([]error, o.sessions)
	turns := make(chan struct{}, o.atOnce)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			clients[i], errs[i] = session(o, address, i)
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("session %d: %w", i, err)
		}
	}
	return clients, nil
}

// each tells what one session takes.
func (m memory) each(before memory, sessions int) string {
	n := float64(sessions)
	kib := func(now, then uint64) float64 { return (float64(now) - float64(then)) / 1024 / n }
	a, b := &m.stats, &before.stats
	return fmt.Sprintf("resident %.1f KiB, without files %.1f; heap objects %.1f (%.0f), rest of their spans %.1f, "+
		"free and not returned %.1f, stacks %.1f, other %.1f, goroutines %.2f, processor %.2f ms",
		(m.resident-before.resident)/1024/n, (m.anonymous-before.anonymous)/1024/n,
		kib(a.HeapAlloc, b.HeapAlloc), float64(a.HeapObjects-b.HeapObjects)/n,
		kib(a.HeapInuse-a.HeapAlloc, b.HeapInuse-b.HeapAlloc),
		kib(a.HeapIdle-a.HeapReleased, b.HeapIdle-b.HeapReleased),
		kib(a.StackInuse, b.StackInuse), kib(a.MSpanSys+a.MCacheSys+a.GCSys+a.OtherSys+a.BuckHashSys,
			b.MSpanSys+b.MCacheSys+b.GCSys+b.OtherSys+b.BuckHashSys),
		float64(m.goroutines-before.goroutines)/n, float64(m.processor-before.processor)/1e6/n)
}
