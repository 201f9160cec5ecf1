package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
)

func TestCheckFrom(t *testing.T) {
	settings, sim := simulated(t, exchangesim.Config{Profile: "exchange2016"}, exchangesim.ImplicitTLS)
	list := func(text string) string {
		path := filepath.Join(t.TempDir(), "users.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	check := func(password, text string, args ...string) ([]listResult, string, int) {
		args = append([]string{"check", "--from", list(text), "--rate", "60000", "--format", "json"}, append(args, settings...)...)
		out, err := exgateWith(t, password+"\n", args...)
		var results []listResult
		if strings.HasPrefix(out, "[") {
			if err := json.Unmarshal([]byte(out), &results); err != nil {
				t.Fatal(err)
			}
		}
		return results, out, exitCode(err)
	}
	admin := []string{"--login", `EXAMPLE\admin`}
	results, out, code := check("adminpass", "\ufeffMailbox;Note\r\nbob;x\r\nalice;y\r\n", admin...)
	if code != 0 || len(results) != 2 || !results[0].Opens || !results[1].Opens || results[0].Folders != 11 || results[0].Form != "plain-authzid" {
		t.Errorf("exit code %d: %s", code, out)
	}
	if results, out, code = check("", "mailbox,password\nbob,bobpass\nalice,wrong\n"); code != exitUnavailable || !results[0].Opens ||
		results[1].Opens || results[1].Step != "login" || results[1].Explain != "login-failed" || strings.Contains(out, "bobpass") {
		t.Errorf("exit code %d: %s", code, out)
	}
	var misspelt strings.Builder
	for i := range 24 {
		fmt.Fprintf(&misspelt, "nobody%d\n", i)
	}
	before := sim.Stats().Commands["LOGIN"] + sim.Stats().Commands["AUTHENTICATE"]
	if _, out, code = check("wrong", misspelt.String()+"bob\n", admin...); code != exitUnavailable || !strings.Contains(out, "not tried") {
		t.Errorf("exit code %d: %s", code, out)
	}
	// Each login tries at most two forms.
	if n := sim.Stats().Commands["LOGIN"] + sim.Stats().Commands["AUTHENTICATE"] - before; n > 2*maxUnproven {
		t.Errorf("a wrong password of an admin cost %d failures", n)
	}
	state := filepath.Join(t.TempDir(), "state")
	results, out, _ = check("adminpass", "bob\n"+misspelt.String()+"alice\n", append(admin, "--state", state)...)
	if n := len(results); n != 26 || !results[0].Opens || !results[25].Opens || results[24].Opens {
		t.Errorf("%s", out)
	}
	before = sim.Stats().Commands["LOGIN"] + sim.Stats().Commands["AUTHENTICATE"]
	if _, out, code = check("adminpass", "bob\nalice\n", append(admin, "--state", state)...); code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	if n := sim.Stats().Commands["LOGIN"] + sim.Stats().Commands["AUTHENTICATE"]; n != before {
		t.Errorf("the second call logged in %d times", n-before)
	}
	kept, err := os.ReadFile(state)
	if err != nil || strings.Contains(string(kept), "adminpass") {
		t.Errorf("%v: %s", err, kept)
	}
	for _, args := range [][]string{{"--format", "x"}, {"--rate", "0"}, {"--append", "Drafts"}} {
		if _, _, code := check("", "bob\n", args...); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}
