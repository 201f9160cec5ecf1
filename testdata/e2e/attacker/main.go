// Command attacker is the hostile side of the end-to-end test hostile: clients and
// a server that do on purpose what hurts a gateway, while another command, which
// drives honest sessions, runs. It samples what exgate needs of memory, and looks
// whether exgate gives back in the end what the attack took: sessions, goroutines
// and descriptors.
//
// The exit status is that of the command, or 1 if exgate did not bear the attack.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	a := &attack{counts: map[string]int{}}
	var (
		clients  = flag.Int("clients", 8, "hostile clients at a time")
		upstream = flag.String(
			"upstream",
			"",
			"host:port of the hostile server to be, which exgate takes for an upstream",
		)
		metrics = flag.String("metrics", "", "URL of exgate's metrics")
		memory  = flag.Int("memory", 300, "MiB that exgate may have in memory")
	)
	flag.Uint64Var(&a.seed, "seed", 1, "of everything that is random")
	flag.StringVar(&a.gateway, "gateway", "", "host:port of the gateway, TLS from the first byte")
	flag.Parse()
	if flag.NArg() == 0 {
		fatal(errors.New("the command with the honest sessions is missing"))
	}
	gauge := gauge{url: *metrics}
	before, err := gauge.read()
	if err != nil {
		fatal(err)
	}
	listener, err := net.Listen("tcp", *upstream)
	if err != nil {
		fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	honest := exec.CommandContext(ctx, flag.Arg(0), flag.Args()[1:]...)
	honest.Stdout, honest.Stderr = os.Stdout, os.Stderr
	if err := honest.Start(); err != nil {
		fatal(err)
	}
	hostile, end := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { serveHostile(hostile, listener, a) })
	for i := range *clients {
		working.Go(func() { newClient(a, i).work(hostile) })
	}
	working.Go(func() { gauge.watch(hostile) })
	status := 0
	var exit *exec.ExitError
	if err := honest.Wait(); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		fatal(err)
	}
	end()
	working.Wait()
	a.print()
	if !gauge.verdict(before, uint64(*memory)<<20) {
		status = max(status, 1)
	}
	os.Exit(status)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "attacker:", err)
	os.Exit(2)
}

// attack is what all hostile peers share.
type attack struct {
	seed    uint64
	gateway string

	mu     sync.Mutex
	counts map[string]int // of what was done, by name
}

func (a *attack) did(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[what]++
}

func (a *attack) print() {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Println("What was done to exgate:")
	for _, what := range slices.Sorted(maps.Keys(a.counts)) {
		fmt.Printf("%7d  %s\n", a.counts[what], what)
	}
}

// pause waits for d, or until the attack ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
