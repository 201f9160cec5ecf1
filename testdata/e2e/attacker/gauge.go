package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// gauge reads what exgate says of itself in its metrics.
type gauge struct {
	url  string
	most float64 // bytes of memory, as watch saw them
	lost error   // why exgate could not be asked
}

// use is what exgate uses at one moment.
type use struct{ sessions, connections, goroutines, descriptors, memory float64 }

func (g *gauge) read() (use, error) {
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Get(g.url)
	if err != nil {
		return use{}, err
	}
	defer resp.Body.Close()
	var u use
	fields := map[string]*float64{
		"exgate_sessions": &u.sessions, "exgate_connections": &u.connections, "go_goroutines": &u.goroutines,
		"process_open_fds": &u.descriptors, "process_resident_memory_bytes": &u.memory,
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if field := fields[name]; field != nil {
			if *field, err = strconv.ParseFloat(value, 64); err != nil {
				return u, err
			}
			delete(fields, name)
		}
	}
	if len(fields) > 0 {
		return u, fmt.Errorf("%s lacks %d of the numbers", g.url, len(fields))
	}
	return u, nil
}

// watch notes the most memory that exgate needs until ctx ends.
func (g *gauge) watch(ctx context.Context) {
	for ctx.Err() == nil {
		u, err := g.read()
		if err != nil {
			g.lost = err
			return
		}
		g.most = max(g.most, u.memory)
		pause(ctx, 200*time.Millisecond)
	}
}

// verdict waits until exgate uses no more than before, and prints what it finds.
func (g *gauge) verdict(before use, memory uint64) bool {
	passed := true
	result := func(ok bool, format string, v ...any) {
		word := "ok  "
		if !ok {
			word, passed = "FAIL", false
		}
		fmt.Printf("%s %s\n", word, fmt.Sprintf(format, v...))
	}
	if g.lost != nil {
		result(false, "exgate's metrics could be read all the time: %v", g.lost)
		return false
	}
	result(g.most <= float64(memory), "exgate had at most %.0f MiB in memory (%d allowed)", g.most/(1<<20), memory>>20)
	// What exgate may keep: an idle connection of each account's side, a throttle's end.
	const spare = 20
	var now use
	var err error
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if now, err = g.read(); err != nil {
			result(false, "exgate lives: %v", err)
			return false
		}
		if now.connections == 0 && now.goroutines <= before.goroutines+spare &&
			now.descriptors <= before.descriptors+spare {
			break
		}
	}
	result(now.connections == 0, "no connection of a client is left (%.0f)", now.connections)
	result(now.goroutines <= before.goroutines+spare, "goroutines: %.0f before, %.0f after",
		before.goroutines, now.goroutines)
	result(now.descriptors <= before.descriptors+spare, "descriptors: %.0f before, %.0f after",
		before.descriptors, now.descriptors)
	return passed
}
