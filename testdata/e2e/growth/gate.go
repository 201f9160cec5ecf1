package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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

// begin builds exgate, if it was not built before, and starts it and its server. The caller calls gate.end.
func begin(o *options) (*gate, error) {
	dir, err := os.MkdirTemp("", "exgate-growth.")
	if err != nil {
		return nil, err
	}
	g, err := beginIn(o, dir)
	if err != nil {
		os.RemoveAll(dir)
	}
	return g, err
}

func beginIn(o *options, dir string) (*gate, error) {
	cert, err := certificate(dir)
	if err != nil {
		return nil, err
	}
	upstream, err := serve(o, cert)
	if err != nil {
		return nil, err
	}
	if o.exgate == "" {
		o.exgate = filepath.Join(dir, "exgate")
		if err := buildExgate(o.exgate); err != nil {
			return nil, err
		}
	}
	return start(o, o.exgate, dir, upstream)
}

// end stops exgate, and removes what it has written.
func (g *gate) end() {
	g.stop()
	os.RemoveAll(g.dir)
}

// gate is the exgate that is measured.
type gate struct {
	cmd              *exec.Cmd
	address, profile string
	status           string // address of metrics and of the status page
	dir, log         string
	upstream         string // address of the server
}

func start(o *options, binary, dir, upstream string) (*gate, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	listen, tls := "implicit", "implicit"
	if o.plaintext {
		listen, tls = "insecure-plaintext", "insecure-none"
	}
	text := fmt.Sprintf(`state_dir: %[1]s/state
listen: {%[2]s: %[3]s, status: %[7]s}
tls: {certificate_file: %[1]s/cert.pem, key_file: %[1]s/key.pem}
upstream:
  address: %[4]s
  tls: %[5]s
  server_name: localhost
  ca_file: %[1]s/cert.pem
  profile: %[6]s
  pace: {messages_per_second: 0, connections_per_account: 0, connections_per_login: 0}
limits: {connections_per_address: 0, failed_logins: 0}
log: {level: warn}
`, dir, listen, ports[0], upstream, tls, o.profile, ports[2])
	if err := os.WriteFile(filepath.Join(dir, "exgate.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	g := &gate{address: ports[0], profile: ports[1], status: ports[2], dir: dir,
		log: filepath.Join(dir, "log"), upstream: upstream}
	return g, g.run(o, binary)
}

// run starts the program, and waits until it answers.
func (g *gate) run(o *options, binary string) error {
	log, err := os.OpenFile(g.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	g.cmd = exec.Command(binary, "--config", g.config(), "serve")
	g.cmd.Env = append(os.Environ(), "MEASURED_BY="+g.profile)
	if o.heap != "" {
		g.cmd.Env = append(g.cmd.Env, "MEASURED_WHOLE=1")
	}
	g.cmd.Stdout, g.cmd.Stderr = log, log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := g.cmd.Start(); err != nil {
		return err
	}
	for range 2000 {
		if c, err := dial(o, g.address); err == nil {
			c.nc.Close()
			return nil
		}
		time.Sleep(5 * time.Millisecond) // it has just been started
	}
	g.stop()
	return fmt.Errorf("exgate does not answer:\n%s", g.said())
}

func (g *gate) config() string { return filepath.Join(g.dir, "exgate.yaml") }

func (g *gate) said() string {
	text, _ := os.ReadFile(g.log)
	return string(text[max(0, len(text)-2000):])
}

func (g *gate) stop() {
	g.cmd.Process.Signal(syscall.SIGTERM)
	g.cmd.Wait()
}

func (g *gate) get(path string) ([]byte, error) { return get("http://" + g.profile + path) }

func get(url string) ([]byte, error) {
	r, err := http.Get(url)
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
	return cmp.Or(os.WriteFile(file, text, 0o600), os.WriteFile(file+".goroutines", stacks, 0o600))
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
	if err := m.ofProcess(g.cmd.Process.Pid); err != nil {
		return m, err
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

// ofProcess reads what the system tells of a process.
func (m *memory) ofProcess(pid int) (err error) {
	if m.processor, err = processorOf(pid); err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
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
	return nil
}

// processorOf is the time of the processor that a process has used.
func processorOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
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
