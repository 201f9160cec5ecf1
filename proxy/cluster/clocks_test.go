package cluster

import (
	"bufio"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/budget"
	"exgate/proxy/guard"
	"exgate/proxy/testkit"
)

// Gateways tell Redis how long something takes, never what time it is: their clocks need not agree. MONITOR shows all that
// Redis is sent; what the scripts do themselves has "lua" in its place of origin.
func TestNoGatewayTellsItsTime(t *testing.T) {
	r := testkit.StartRedis(t)
	monitor, err := net.Dial("tcp", r.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer monitor.Close()
	if _, err := monitor.Write([]byte("MONITOR\r\n")); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(monitor)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // +OK
	c := join(t, r)
	account := c.Accounts("", backend.Pacing{Each: backend.Rates{Messages: 4, Commands: 100}}, 0).Open("bob")
	account.Appends.Charge(1)
	account.Throttled(time.Minute)
	g := c.Guesses()
	g.SetLimit(20)
	try(t, g, "192.0.2.1", "bob", guard.Failed)
	try(t, g, "192.0.2.1", "bob", guard.Succeeded)
	poisons := openShared(t, c)
	if err := poisons.Add(7, [32]byte{1}); err != nil {
		t.Fatal(err)
	}
	c.Forms("").Worked("bob", "upn")
	journal, m := session(openLedger(t, c), "one"), message("m")
	goesUp(journal, m)
	isStored(journal, m, 8)
	books := openBooks(c, budget.Limits{Each: budget.Amount{Messages: 9}})
	if share, over := books.Take("", "bob", 10); over != nil {
		t.Error(over)
	} else {
		share.Spend()
	}
	if err := c.client.Echo(t.Context(), "that is all").Err(); err != nil {
		t.Fatal(err)
	}

	now, sent := float64(time.Now().UnixMilli()), 0
	if err := monitor.SetReadDeadline(time.Now().Add(testkit.WaitLimit)); err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	for lines.Scan() && !strings.Contains(lines.Text(), "that is all") {
		_, command, _ := strings.Cut(lines.Text(), "] ")
		if strings.Contains(lines.Text(), " lua] ") || strings.HasPrefix(strings.ToLower(command), `"eval" `) {
			continue // EVAL has the text of a script, and came before as EVALSHA
		}
		sent++
		for _, text := range number.FindAllString(command, -1) {
			n, _ := strconv.ParseFloat(text, 64) // the expression finds numbers only
			for _, unit := range []float64{1e-3, 1, 1e3} {
				if day := 24 * time.Hour.Seconds() * 1e3; n/unit > now-day && n/unit < now+day {
					t.Errorf("%s is a time of day: %s", text, command)
				}
			}
		}
	}
	if err := lines.Err(); err != nil || sent < 15 {
		t.Errorf("%d commands, %v", sent, err)
	}
}
