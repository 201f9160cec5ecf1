// Command idle measures the memory of exgate's sessions that idle after traffic. It builds exgate,
// starts it between clients and a server that answers at once, and prints one line of results for
// each moment. It needs Linux.
//
//	go run ./testdata/e2e/idle [-sessions N] [-profile NAME] [-plaintext] [-tls12] [-heap FILE]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	sessions, users, atOnce int
	messages, headers       int
	append                  int
	profile                 string
	plaintext, tls12        bool
	idle                    bool
	wait                    time.Duration
	heap, exgate            string
}

func main() {
	var o options
	flag.IntVar(&o.sessions, "sessions", 400, "sessions")
	flag.IntVar(&o.users, "users", 0, "accounts; 0: one for each session")
	flag.IntVar(&o.atOnce, "at-once", 8, "sessions that fetch at the same time")
	flag.IntVar(&o.messages, "messages", 100, "messages of 1 to 500 kB that each session fetches")
	flag.IntVar(&o.headers, "headers", 300, "headers that each session fetches")
	flag.IntVar(&o.append, "append", -1,
		"size of the message that each session stores; 0: none; -1: 4096, but none with profile plain")
	flag.StringVar(&o.profile, "profile", "plain", "profile of the upstream")
	flag.BoolVar(&o.plaintext, "plaintext", false, "no TLS on either side")
	flag.BoolVar(&o.tls12, "tls12", false, "the server has TLS 1.2 only, as Exchange 2016 on most systems")
	flag.BoolVar(&o.idle, "idle", false, "the sessions wait in IDLE")
	flag.DurationVar(&o.wait, "wait", 85*time.Second, "time from the first measurement to the second")
	flag.StringVar(&o.heap, "heap", "", "file for a whole profile of the heap at the end, which takes memory itself")
	flag.StringVar(&o.exgate, "exgate", "", "a program that was built before, with -build-only")
	build := flag.String("build-only", "", "build exgate with its profiles to this file, and end")
	flag.Parse()
	if o.append < 0 {
		if o.append = 4096; o.profile == "plain" {
			o.append = 0
		}
	}
	if o.users == 0 {
		o.users = o.sessions
	}
	var err error
	if *build != "" {
		err = buildExgate(*build)
	} else {
		err = measure(&o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

// buildExgate builds exgate with one more file, which serves the profiles of the Go runtime.
func buildExgate(to string) error {
	_, here, _, _ := runtime.Caller(0)
	here = filepath.Dir(here)
	root := filepath.Join(here, "..", "..", "..")
	overlay := map[string]map[string]string{"Replace": {
		filepath.Join(root, "cmd", "exgate", "measured.go"): filepath.Join(here, "measured", "measured.go"),
	}}
	text, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	file := to + ".overlay"
	defer os.Remove(file)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-overlay", file, "-o", to, "./cmd/exgate")
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, os.Stderr, os.Stderr
	return cmd.Run()
}

func measure(o *options) (err error) {
	dir, err := os.MkdirTemp("", "exgate-idle.")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cert, err := certificate(dir)
	if err != nil {
		return err
	}
	upstream, err := serve(o, cert)
	if err != nil {
		return err
	}
	binary := o.exgate
	if binary == "" {
		binary = filepath.Join(dir, "exgate")
		if err := buildExgate(binary); err != nil {
			return err
		}
	}
	gate, err := start(o, binary, dir, upstream)
	if err != nil {
		return err
	}
	defer gate.stop()
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

// gate is the exgate that is measured.
type gate struct {
	cmd              *exec.Cmd
	address, profile string
	log              string
}

func start(o *options, binary, dir, upstream string) (*gate, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	listen, tls := "implicit", "implicit"
	if o.plaintext {
		listen, tls = "insecure-plaintext", "insecure-none"
	}
	text := fmt.Sprintf(`state_dir: %[1]s/state
listen: {%[2]s: %[3]s}
tls: {certificate_file: %[1]s/cert.pem, key_file: %[1]s/key.pem}
upstream:
  address: %[4]s
  tls: %[5]s
  server_name: localhost
  ca_file: %[1]s/cert.pem
  profile: %[6]s
  pace: {messages_per_second: 0, connections_per_account: 0}
limits: {connections_per_address: 0, failed_logins: 0}
log: {level: warn}
`, dir, listen, ports[0], upstream, tls, o.profile)
	if err := os.WriteFile(filepath.Join(dir, "exgate.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	g := &gate{address: ports[0], profile: ports[1], log: filepath.Join(dir, "log")}
	log, err := os.Create(g.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	g.cmd = exec.Command(binary, "--config", filepath.Join(dir, "exgate.yaml"), "serve")
	g.cmd.Env = append(os.Environ(), "MEASURED_BY="+g.profile)
	if o.heap != "" {
		g.cmd.Env = append(g.cmd.Env, "MEASURED_WHOLE=1")
	}
	g.cmd.Stdout, g.cmd.Stderr = log, log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		if c, err := dial(o, g.address); err == nil {
			c.nc.Close()
			return g, nil
		}
		time.Sleep(50 * time.Millisecond) // it has just been started
	}
	g.stop()
	return nil, fmt.Errorf("exgate does not answer:\n%s", g.said())
}

func (g *gate) said() string {
	text, _ := os.ReadFile(g.log)
	return string(text[max(0, len(text)-2000):])
}

func (g *gate) stop() {
	g.cmd.Process.Signal(syscall.SIGTERM)
	g.cmd.Wait()
}

func (g *gate) get(path string) ([]byte, error) {
	r, err := http.Get("http://" + g.profile + path)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

func (g *gate) saveHeap(file string) error {
	text, err := g.get("/debug/pprof/heap?gc=1")
	if err != nil {
		return err
	}
	stacks, err := g.get("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return err
	}
	return joined(os.WriteFile(file, text, 0o600), os.WriteFile(file+".goroutines", stacks, 0o600))
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// memory is what exgate uses, in bytes.
type memory struct {
	resident   float64 // all of it
	anonymous  float64 // that which is no file: the program's code is one
	stats      runtime.MemStats
	goroutines int
	processor  time.Duration
}

func (g *gate) look() (m memory, err error) {
	if m.processor, err = g.processor(); err != nil {
		return m, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch {
		case err != nil: // no number
		case name == "VmRSS":
			m.resident = kib * 1024
		case name == "RssAnon":
			m.anonymous = kib * 1024
		}
	}
	text, err := g.get("/memory")
	if err != nil {
		return m, err
	}
	var told struct {
		Memory     runtime.MemStats
		Goroutines int
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return m, err
	}
	m.stats, m.goroutines = told.Memory, told.Goroutines
	return m, nil
}

// processor is the time of the processor that exgate has used.
func (g *gate) processor() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err // a tick of Linux
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
