package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/backend/folders"
)

// exgateNames returns folders as exgate makes their names in Exchange.
func exgateNames(t *testing.T, clients ...string) (exchange []string) {
	t.Helper()
	mapper, err := folders.NewMapper(folders.Options{Case: folders.Apart, Longest: 64})
	if err != nil {
		t.Fatal(err)
	}
	have := folders.NewList("/")
	for _, client := range clients {
		name, err := mapper.Upstream(client, have)
		if err != nil {
			t.Fatal(err)
		}
		have.Add(name)
		exchange = append(exchange, name)
	}
	return exchange
}

func TestPlanNames(t *testing.T) {
	long := strings.Repeat("long ", 20) + "end"
	exchange := exgateNames(t, "Trash", "trash", "trash/Sub", "trash/sub", "a/Box", "a/box", "a/BOX", long)
	var probed []backend.ProbedFolder
	for _, name := range append(exchange, "Other", "x_exgate_abcdefg") {
		probed = append(probed, backend.ProbedFolder{Name: folders.Encode(name), Separator: "/"})
	}
	options := folders.Options{Case: folders.Apart, Longest: 64, Hide: []folders.Class{folders.Calendar}}
	made, err := madeNames(options, probed)
	if err != nil {
		t.Fatal(err)
	}
	var clients []string
	for _, m := range made {
		clients = append(clients, m.Client)
	}
	// x_exgate_abcdefg has its name from somebody else.
	if want := []string{"trash", "trash/sub", "a/box", "a/BOX", long}; !slices.Equal(clients, want) {
		t.Fatalf("made names of %q, want %q", clients, want)
	}
	for _, tt := range []struct {
		client, name, state, why string
	}{
		{"trash", "Bin", nameReady, ""},
		{"trash", "Übrig & neu", nameReady, ""},
		{"trash", "TRASH", nameRefused, "there is a folder of this name"},
		{"trash", "a/b", nameRefused, "the new name has the separator"},
		{"trash", " Bin", nameRefused, "Exchange drops blanks"},
		{"trash", "x\ty", nameRefused, "a control character"},
		{"trash", strings.Repeat("x", 251), nameRefused, "more than 250 characters"},
		{"trash", "y_exgate_abcdefg", nameRefused, "looks like one that exgate makes"},
		{"trash", "other", nameRefused, "there is a folder of this name"},
		{"trash/sub", "Trash", nameReady, ""}, // it is below trash
		{"a/box", "box", nameRefused, "there is a folder of this name"},
		{long, "short", nameReady, "the folder above it"},
		{long, "other", nameRefused, "there is a folder of this name"},
	} {
		planned := slices.Clone(made)
		i := slices.IndexFunc(planned, func(m madeName) bool { return m.Client == tt.client })
		planned[i].New = tt.name
		planNames(options, probed, planned)
		if m := planned[i]; m.State != tt.state || !strings.Contains(m.Why, tt.why) || tt.why == "" && m.Why != "" {
			t.Errorf("%s as %q: %s, %s; want %s, %s", tt.client, tt.name, m.State, m.Why, tt.state, tt.why)
		}
	}
	planned := slices.Clone(made)
	planned[2].New, planned[3].New = "Same", "same"
	planNames(options, probed, planned)
	if planned[2].State != nameReady || planned[3].Why != "another folder is to have this name" {
		t.Errorf("two folders have one name: %+v, %+v", planned[2], planned[3])
	}
	if to := planned[2].to; to != "a/Same" {
		t.Errorf("it is renamed to %s", to)
	}
}

func TestNames(t *testing.T) {
	settings, sim := simulated(t, exchangesim.Config{Profile: "exchange2016"}, exchangesim.ImplicitTLS)
	exchange := exgateNames(t, "Box", "box", "box/Sub", "box/sub")
	trash := exgateNames(t, "Deleted Items", "deleted items")[1]
	for _, user := range []string{"alice", "bob"} {
		for _, name := range append(slices.Clone(exchange), trash) {
			if err := sim.MakeFolder(user, strings.Split(name, "/")...); err != nil {
				t.Fatal(err)
			}
			if _, err := sim.Deliver(user, name, nil, time.Now(), []byte("Subject: "+name+"\r\n\r\nhello\r\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	users := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(users, []byte("mailbox,password\nalice,alicepass\nbob,bobpass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := func(args ...string) (list []madeName, out string, code int) {
		args = append([]string{"names", "--from", users}, append(args, settings...)...)
		out, err := exgateWith(t, "", args...)
		if slices.Contains(args, "json") && strings.HasPrefix(out, "[") {
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				t.Fatal(err)
			}
		}
		return list, out, exitCode(err)
	}
	states := func(list []madeName) (all string) {
		for _, m := range list {
			all += fmt.Sprintf("%s %s=%s; ", m.Mailbox, m.Client, m.State)
		}
		return all
	}
	before := fmt.Sprint(sim.Mailboxes("alice"), sim.Mailboxes("bob"))

	list, out, code := names("--format", "json")
	if len(list) != 6 || code != 0 {
		t.Fatalf("%d folders, exit code %d: %s", len(list), code, out)
	}
	_, csv, _ := names("--format", "csv")
	if !strings.HasPrefix(csv, "mailbox,admin,exchange,client,new,state,why\nalice,,") {
		t.Fatalf("CSV: %s", csv)
	}
	// The administrator writes the new names into the list.
	for old, name := range map[string]string{exchange[1]: "Old box", exchange[3]: "Below", trash: "Bin"} {
		csv = strings.ReplaceAll(csv, ","+old+","+clientOf(list, old)+",,", ","+old+","+clientOf(list, old)+","+name+",")
	}
	wanted := filepath.Join(t.TempDir(), "names.csv")
	if err := os.WriteFile(wanted, []byte("\ufeff"+csv+"carol,,X,x,Y,,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, out, code = names("--rename", wanted, "--format", "json"); code != 0 ||
		strings.Count(states(list), "=ready") != 6 || !strings.Contains(states(list), "carol =absent") {
		t.Errorf("dry run: exit code %d: %s", code, out)
	}
	if after := fmt.Sprint(sim.Mailboxes("alice"), sim.Mailboxes("bob")); after != before {
		t.Fatalf("the dry run has changed something: %s", after)
	}
	// The reply to one RENAME is lost, and another one is refused.
	for _, fault := range []string{"cut-reply:RENAME:3", "refuse:RENAME:NO not now@3"} {
		if err := sim.AddFault(fault); err != nil {
			t.Fatal(err)
		}
	}
	list, out, code = names("--rename", wanted, "--apply", "--format", "json")
	if code != exitData || strings.Count(states(list), "=renamed") != 5 || strings.Count(states(list), "=failed") != 1 ||
		!strings.Contains(out, "not now") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if list, out, code = names("--rename", wanted, "--apply", "--format", "json"); code != 0 ||
		strings.Count(states(list), "=renamed") != 1 || strings.Count(states(list), "=absent") != 6 {
		t.Errorf("the second run: exit code %d: %s", code, out)
	}
	for _, user := range []string{"alice", "bob"} {
		for _, name := range []string{"Box", "Old box", "Old box/Sub", "Old box/Below", "Bin"} {
			if n := len(sim.Messages(user, name)); n != 1 {
				t.Errorf("%s has %d messages in %s: %q", user, n, name, sim.Mailboxes(user))
			}
		}
	}
	if list, _, code = names("--format", "json"); len(list) != 0 || code != 0 {
		t.Errorf("left: %+v, exit code %d", list, code)
	}
}

func clientOf(list []madeName, exchange string) string {
	return list[slices.IndexFunc(list, func(m madeName) bool { return m.Exchange == exchange })].Client
}

func TestNamesUsage(t *testing.T) {
	settings, _ := simulated(t, exchangesim.Config{Profile: "exchange2016"}, exchangesim.ImplicitTLS)
	for _, args := range [][]string{
		{},
		{"--login", "bob", "--format", "xml"},
		{"--login", "bob", "--apply"},
		{"--login", "bob", "--new", "x"},
		{"--login", "bob", "--rename", "/nowhere"},
	} {
		if _, err := exgateWith(t, "bobpass\n", append(append([]string{"names"}, args...), settings...)...); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
	out, err := exgateWith(t, "wrong\n", append([]string{"names", "--login", "bob"}, settings...)...)
	if exitCode(err) != exitUnavailable || !strings.Contains(out, nameClosed) {
		t.Errorf("a mailbox that does not open: %v: %s", err, out)
	}
	out, err = exgateWith(t, "bobpass\n", append([]string{"names", "--login", "bob", "--new", "a=b"}, settings...)...)
	if err != nil || !strings.Contains(out, "mailboxes: 1; folders that exgate has named: 0") {
		t.Errorf("%v: %s", err, out)
	}
}
