package main

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"exgate/config"
	"exgate/proxy"
)

// manager tells the service manager what exgate does, by the protocol of systemd
// (sd_notify(3)). Without NOTIFY_SOCKET in the environment it does nothing.
type manager struct {
	server *proxy.Server
	log    *slog.Logger

	mu     sync.Mutex
	phase  string // the first words of the status
	said   string // the last status
	failed bool   // the log has told that the manager cannot be reached
}

// statusEvery is the pause between two looks at the sessions where no watchdog asks for a
// shorter one.
const statusEvery = 10 * time.Second

// watch sends the number of sessions as the status, and the watchdog's message where systemd
// expects one, until stop is called. It counts the sessions before each message: so a
// gateway whose locks are stuck is silent, and systemd ends it.
func (m *manager) watch() (stop func()) {
	every := statusEvery
	watchdog := watchdogOfSystemd()
	if watchdog > 0 {
		every = min(every, watchdog/3)
	}
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticks.C:
				m.status(watchdog > 0)
			}
		}
	})
	return func() {
		close(ended)
		watching.Wait()
	}
}

// status sends the status if it has changed, and the watchdog's message if it is wanted.
func (m *manager) status(watchdog bool) {
	totals := m.server.Totals()
	m.mu.Lock()
	defer m.mu.Unlock()
	var state []string
	text := fmt.Sprintf("%s, connections: %d, logged in: %d", m.phase, totals.Connections, totals.Sessions)
	if text != m.said {
		m.said = text
		state = append(state, "STATUS="+text)
	}
	if watchdog {
		state = append(state, "WATCHDOG=1")
	}
	m.send(state)
}

// ready tells that exgate serves, with the words of the status.
func (m *manager) ready(phase string) { m.enter(phase, "READY=1") }

// reloading tells that exgate reads its configuration. ready must follow.
func (m *manager) reloading() {
	m.enter("reloading", "RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonic().Microseconds()))
}

// follows tells that another process is the service from now on.
func (m *manager) follows(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.send([]string{fmt.Sprintf("MAINPID=%d", pid)})
}

// says tells the status.
func (m *manager) says(phase string) { m.enter(phase) }

// stopping tells that exgate drains.
func (m *manager) stopping() { m.enter("stopping", "STOPPING=1") }

func (m *manager) enter(phase string, state ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A line end would begin another message.
	m.phase = strings.Join(strings.Fields(printable(phase)), " ")
	m.said = m.phase
	m.send(append(state, "STATUS="+m.said))
}

// send sends messages in one datagram. m.mu is held.
func (m *manager) send(state []string) {
	if len(state) == 0 {
		return
	}
	err := notifySystemd(strings.Join(state, "\n"))
	if err != nil && !m.failed {
		m.log.Warn("systemd is not told of the state of exgate", "err", err)
	}
	m.failed = err != nil
}

// servingPhase is the status of a gateway in mode; problem is what was wrong with the
// configuration at the last reload.
func servingPhase(mode config.Mode, problem error) string {
	if problem == nil {
		return "serving, mode " + string(mode)
	}
	first, _, _ := strings.Cut(problem.Error(), "\n")
	return "serving with the previous configuration, since the new one has a mistake: " + first
}

// notifyTimeout is how long exgate waits for a systemd that does not read its socket.
const notifyTimeout = time.Second

// notifySystemd sends one message. The library github.com/coreos/go-systemd has no time limit
// for this, and a gateway that waits for its service manager could neither reload nor stop.
func notifySystemd(message string) error {
	name := os.Getenv("NOTIFY_SOCKET") // a path, or @ and an abstract name, as net takes them
	if name == "" {
		return nil
	}
	socket, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := socket.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err = socket.Write([]byte(message))
	return err
}

// watchdogOfSystemd returns the time after which systemd ends a service that has sent no
// message (sd_watchdog_enabled(3)); 0 if it does not watch this process.
func watchdogOfSystemd() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 || usec > math.MaxInt64/1000 {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}
