package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/folders"
	"exgate/config/profile"
	"exgate/proxy/names"
)

// hidingNames map names as the profiles of Exchange do, and hide the calendar and the notes.
func hidingNames() folders.Options {
	o := apartNames
	o.Hide = []folders.Class{folders.Calendar, folders.Notes}
	return o
}

// A name that the client sends and a mailbox that Exchange has listed, with what the mapping would make of them.
func TestWouldMap(t *testing.T) {
	online := hidingNames()
	online.Reserved = []string{"Files"}
	below := apartNames
	below.Prefix = "INBOX/"
	exchange := []string{"INBOX", "Calendar", "Contacts", "Drafts", "Notes", "Sent Items", "Trash", "trash_exgate_4bw2gbb"}
	for name, tt := range map[string]struct {
		names   folders.Options
		listed  []string // nil: no list came yet
		client  string
		isOwn   bool
		want    string // the client's name and Exchange's
		wantErr string
	}{
		"the same":                  {hidingNames(), exchange, "Trash", false, "Trash Trash", ""},
		"another case":              {hidingNames(), exchange, "TRASH", true, "TRASH TRASH_exgate_…", ""},
		"no list yet":               {hidingNames(), nil, "trash", true, "trash trash", ""},
		"no list yet, a blank":      {hidingNames(), nil, `a `, true, "a  a␣", ""},
		"INBOX":                     {hidingNames(), exchange, "inbox", false, "inbox inbox", ""},
		"reserved":                  {online, exchange, "Files", true, "Files Files_renamed_by_imapsync", ""},
		"made by exgate":            {hidingNames(), exchange, "trash_exgate_4bw2gbb", false, "trash trash_exgate_4bw2gbb", ""},
		"hidden, and opened":        {hidingNames(), exchange, "Notes", false, "Notes Notes", ""},
		"hidden, and stored into":   {hidingNames(), exchange, "Notes", true, "Notes Notes_exgate_…", ""},
		"below a prefix":            {below, []string{"INBOX", "INBOX/Work"}, "INBOX/Work", true, "Work INBOX/Work", ""},
		"to be put below a prefix":  {below, []string{"INBOX", "INBOX/Work"}, "Work", true, "Work INBOX/Work", ""},
		"neither UTF-7 nor UTF-8":   {hidingNames(), exchange, "caf\xe9", true, "", "is neither modified UTF-7 nor UTF-8"},
		"a level without a name":    {hidingNames(), exchange, "a//b", true, "", "a level of its name is empty"},
		"in modified UTF-7":         {hidingNames(), exchange, "&2DzfiQ- ", true, "\U0001f389  \U0001f389␣", ""},
		"the empty name, of a root": {hidingNames(), exchange, "", false, " ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := names.New(tt.names, "alice")
			if err != nil {
				t.Fatal(err)
			}
			var list *folders.List
			if tt.listed != nil {
				list = folders.NewList("/")
				for _, mailbox := range tt.listed {
					list.Add(mailbox)
				}
			}
			client, mailbox, err := m.WouldMap(tt.client, tt.isOwn, list)
			switch {
			case tt.wantErr != "":
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("%v", err)
				}
			case err != nil:
				t.Error(err)
			case !matches(client+" "+mailbox, tt.want):
				t.Errorf("%q is %q in Exchange, want %s", client, mailbox, tt.want)
			}
		})
	}
}

// The same commands as in TestNameInEveryCommand go up as they came, and the log has what would have become of the name.
func TestObserveNameInEveryCommand(t *testing.T) {
	list := []string{"a0 LIST \"\" \"*\"", "* LIST () \"/\" INBOX", "* LIST () \"/\" other", "* LIST () \"/\" {5}", "Trash", "a0 OK done"}
	for _, command := range append([]string{"CREATE %s", "CREATE %s/", "APPEND %s (\\Seen) {1}\r\nx"}, commandsWithName...) {
		for _, as := range []struct{ name, text string }{
			{"atom", "trash"}, {"quoted", `"trash"`}, {"literal", "{5}\r\ntrash"}, {"literal+", "{5+}\r\ntrash"},
		} {
			if as.name != "atom" && command == "CREATE %s/" {
				continue // the blank after a quote begins another argument
			}
			t.Run(command+" "+as.name, func(t *testing.T) {
				g := newGateway(t, withProfile(mapping(apartNames)), observing)
				c, u := g.login()
				c.C(list[0])
				u.C(list[0])
				for _, line := range list[1:] {
					u.S(line)
					c.S(line)
				}
				lines := strings.Split(fmt.Sprintf("a1 "+command, as.text), "\r\n")
				for i, line := range lines {
					c.C(line)
					u.C(strings.Replace(line, "+}", "}", 1)) // Exchange does not get {n+}
					if i == len(lines)-1 {
						break
					}
					u.S("+ go")
					if !strings.HasSuffix(line, "+}") {
						c.S("+ go")
					}
				}
				u.S("a1 NO done")
				c.S("a1 NO done")
				noop(c, u)
				attrs := g.logged("observed a mailbox that would have had another name in Exchange")
				if attrs["mailbox"] != "trash" || !matches(fmt.Sprint(attrs["exchange"]), "trash_exgate_…") {
					t.Errorf("the log says %v", attrs)
				}
				c.C("a2 LOGOUT")
				u.C("a2 LOGOUT")
				u.S("a2 OK done")
				if end := g.logged("session end"); end["names_would_rename"] != 1.0 || end["names_would_refuse"] != 0.0 {
					t.Errorf("the session ends with %v", end)
				}
			})
		}
	}
}

// Each command whose names are mapped has them read in mode: observe, but those that have none.
func TestObservedNamesAreRead(t *testing.T) {
	without := []string{"LIST", "LSUB", "NAMESPACE", "SETQUOTA", "ESEARCH", "NOTIFY", "RLIST", "RLSUB", "GETJMAPACCESS"}
	for verb, rule := range ruleOf {
		want := rule.edits.MapsNames() && !slices.Contains(without, verb) || verb == "APPEND"
		if got := rule.edits.Named != nil; got != want {
			t.Errorf("%s: the names are read: %v, want %v", verb, got, want)
		}
	}
}

// What clients list and make is what the next names are compared with.
func TestObserveKeepsTheList(t *testing.T) {
	for name, tt := range map[string]struct {
		play []string // commands of the client, each answered as Exchange does
		want []string // names that would be others in Exchange
	}{
		"no list":                        {[]string{"CREATE Trash", "STATUS trash (MESSAGES)"}, []string{"trash"}},
		"a list":                         {[]string{`LIST "" "*"`, "CREATE drafts"}, []string{"drafts"}},
		"some levels":                    {[]string{`LIST "" %`, "CREATE drafts"}, []string{"drafts"}},
		"subscribed mailboxes":           {[]string{`LSUB "" "*"`, `LIST (SUBSCRIBED) "" "*"`, "CREATE drafts"}, nil},
		"a mailbox that others deleted":  {[]string{"CREATE Gone", "DELETE Gone", "CREATE gone"}, nil},
		"deleted by another spelling":    {[]string{"CREATE Gone", "DELETE gone", "CREATE GONE"}, []string{"gone"}},
		"renamed":                        {[]string{"CREATE One", "RENAME One Two", "CREATE one", "CREATE two"}, []string{"two"}},
		"renamed with one below it":      {[]string{"CREATE One/sub", "RENAME One Two", "CREATE One/SUB", "CREATE Two/SUB"}, []string{"Two/SUB"}},
		"renamed to another case":        {[]string{"CREATE One", "RENAME One ONE", "CREATE one"}, []string{"one"}},
		"parents":                        {[]string{"CREATE a/b", "CREATE A"}, []string{"A"}},
		"a separator at the end":         {[]string{"CREATE a/", "CREATE A"}, []string{"A"}},
		"a name that Exchange changes":   {[]string{`CREATE "a "`, "CREATE A", "STATUS a (MESSAGES)"}, []string{"a "}},
		"a name twice":                   {[]string{`CREATE "a "`, `STATUS "a " (MESSAGES)`}, []string{"a "}},
		"a list after others have gone":  {[]string{"CREATE Gone", "sim DELETE Gone", `LIST "" "*"`, "CREATE gone"}, nil},
		"some of it leaves what is gone": {[]string{"CREATE Gone", "sim DELETE Gone", `LIST "" "I*"`, "CREATE gone"}, []string{"gone"}},
		"one mailbox":                    {[]string{`LIST "" drafts`, "CREATE drafts"}, []string{"drafts"}},
		"a list of no patterns":          {[]string{`LIST "" ()`, "CREATE drafts"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := exchangesim.Config{Profile: "exchange2016"}
			g, _ := newSimulated(t, cfg, withProfile(mapping(apartNames)), observing)
			c := g.loginSimulated()
			for _, command := range tt.play {
				if aside, ok := strings.CutPrefix(command, "sim "); ok {
					direct := startGateway(t, ListenInsecurePlaintext, g.srv.settings.Load().opts.Upstreams[0].Backend.Address)
					direct.loginSimulated().do(aside, "OK …")
					continue
				}
				c.do(command, "…")
			}
			c.do("LOGOUT", "OK …")
			end := g.logged("session end")
			var got []string
			for line := range strings.Lines(g.log.String()) {
				if _, rest, ok := strings.Cut(line, `"observed a mailbox that would have had another name in Exchange"`); ok {
					_, rest, _ = strings.Cut(rest, `"mailbox":"`)
					mailbox, _, _ := strings.Cut(rest, `"`)
					got = append(got, mailbox)
				}
			}
			if !slices.Equal(got, tt.want) || end["names_would_rename"] != float64(len(tt.want)) {
				t.Errorf("%q would be renamed, and %v at the end, want %q", got, end["names_would_rename"], tt.want)
			}
		})
	}
}

// A session in mode: observe is, byte for byte, that of a gateway that maps no names. The log, the end of the session
// and the ledger say what the mapping would have done.
func TestObserveNamesThroughTheGateway(t *testing.T) {
	commands := []string{
		`LIST "" "*"`, "CREATE trash", "CREATE Trash", "CREATE trash", `CREATE "Work "`, "CREATE a//b", "SELECT Notes",
		"CREATE Calendar", `LIST "" "%"`, `STATUS "work" (MESSAGES)`,
		"APPEND trash {14+}\r\nSubject: x\r\n\r\n", "APPEND Notes {14+}\r\nSubject: x\r\n\r\n", "LOGOUT",
	}
	talk := func(setups ...func(*Options, *limits)) (g *gateway, said []string) {
		g, _ = newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, setups...)
		c := g.loginSimulated()
		for _, command := range commands {
			c.C("x1 " + command)
			line := ""
			for !strings.HasPrefix(line, "x1 ") {
				line = c.S("…")
				said = append(said, line)
			}
		}
		return g, said
	}
	_, plain := talk(withProfile(profile.Profile{Name: "exchange2016", Pipeline: 1}), observing)

	record, file := recording(t), ""
	g, said := talk(withProfile(mapping(hidingNames())), observing, func(o *Options, l *limits) {
		record(o, l)
		file = o.Ledger.Options().File
	})
	for i := range max(len(said), len(plain)) {
		if i >= len(said) || i >= len(plain) || said[i] != plain[i] {
			t.Fatalf("line %d of %d and %d differs: %q, %q", i, len(said), len(plain), said[i:], plain[i:])
		}
	}
	end := g.logged("session end")
	if got := fmt.Sprint(end["names_would_rename"], end["names_would_hide"], end["names_would_refuse"], end["fixes"]); got != "5 2 1" {
		t.Errorf("the session ends with %s: %v", got, end)
	}
	hidden := g.logged("observed mailboxes that clients would not have seen")
	if got := fmt.Sprint(hidden["mailboxes"]); got != "[Calendar Notes]" {
		t.Errorf("the log says that %s would be hidden", got)
	}
	refused := g.logged("observed a name of a mailbox that exgate would have refused")
	if refused["mailbox"] != "a//b" || !strings.Contains(fmt.Sprint(refused["would_refuse"]), "a level of its name is empty") {
		t.Errorf("the log says %v", refused)
	}
	totals := g.srv.Totals().Counters
	if totals["names_would_rename"] != 5 || totals["names_would_hide"] != 2 || totals["names_would_refuse"] != 1 {
		t.Errorf("the totals are %v", totals)
	}
	g.srv.settings.Load().opts.Ledger.Close()
	got := ask(t, file, `SELECT group_concat(row, ', ') FROM (SELECT client || '>' || exchange || ' ' || what AS row FROM folders
		WHERE account = 'alice@example.com' ORDER BY what, client, exchange)`)
	want := ">Calendar would-hide, >Notes would-hide, Calendar>Calendar_exgate_… would-rename, Notes>Notes_exgate_… would-rename, " +
		"Trash>Trash_exgate_… would-rename, Work >Work␣ would-rename, work>work_exgate_… would-rename"
	if !matches(got, want) {
		t.Errorf("the ledger has %s, want %s", got, want)
	}
}
