package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/backend/folders"
	"exgate/config/profile"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
	"exgate/proxy/testkit"
	"exgate/proxy/users"
)

// twoExchanges starts a gateway in front of an Exchange on premises and Exchange Online, with a routes_file.
func twoExchanges(t *testing.T, lines string, setups ...func(*Options, *limits)) (g *gateway, old, online *exchangesim.Server, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "routes")
	testkit.WriteFile(t, path, lines)
	online, err := exchangesim.New(exchangesim.Config{Profile: "exchange-online", Users: append(exchangesim.DefaultUsers(), exchangesim.User{Name: "robert", Password: "bobpass"})})
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := online.Serve(l, exchangesim.InsecurePlaintext); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { online.Close(); serving.Wait() })
	prof := exchangeProfile
	prof.Forms = []backend.Form{backend.FormAdminUPNUser}
	others := func(o *Options, lim *limits) {
		lim.Watch = time.Millisecond
		o.Upstreams = append(o.Upstreams, routing.Upstream{
			Name: "online", Profile: "exchange-online", Profiles: func(string) profile.Profile { return prof }, Match: []string{"*@cloud.example.com", `CLOUD\*`},
			Backend: backend.Options{Address: l.Addr().String(), TLS: backend.TLSInsecureNone,
				Login: backend.LoginOptions{UPN: "example.com", Domains: []string{"CLOUD"}, Forms: []backend.Form{backend.FormUserUPN, backend.FormAdminUPNUser}}},
		})
		var err error
		if o.Routes, err = routing.LoadUserMap(path, []string{"online"}); err != nil {
			t.Fatal(err)
		}
	}
	setups = append([]func(*Options, *limits){withProfile(exchangeProfile), withDomain, others}, setups...)
	g, old = newSimulated(t, exchangesim.Config{}, setups...)
	return g, old, online, path
}

// logsIn logs a client in and stores a message, by which the test sees which server it reached.
func logsIn(g *gateway, name, password string) *client {
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN " + name + " " + password)
	c.S("a1 OK …")
	c.upload("INBOX", cleanMessage)
	c.S("a1 OK …")
	return c
}

func TestRoutes(t *testing.T) {
	g, old, online, _ := twoExchanges(t, "# moved so far\nalice online\nbob@example.com online mailbox=robert@example.com\n*x@example.com default\n")
	for _, tt := range []struct{ name, password, oldUser, onlineUser string }{
		{"alice", "alicepass", "", "alice"},
		{`CLOUD\bob`, "bobpass", "", "bob"},
		{"bob", "bobpass", "bob", ""},
		{"bob@example.com", "bobpass", "", "robert"},
		{`admin@example.com\alice`, "adminpass", "", "alice"},
		{`EXAMPLE\admin\bob`, "adminpass", "bob", ""},
		{`admin@example.com\bob@example.com`, "adminpass", "", "robert"},
	} {
		count := func(sim *exchangesim.Server, user string) int {
			if user == "" {
				return 0
			}
			return len(sim.Messages(user, "INBOX"))
		}
		before := count(old, tt.oldUser) + count(online, tt.onlineUser)
		logsIn(g, tt.name, tt.password)
		if count(old, tt.oldUser)+count(online, tt.onlineUser) != before+1 {
			t.Errorf("%s went elsewhere", tt.name)
		}
	}
}

// The session of a moved user gets BYE, and the next login goes to the new server. Other sessions stay.
func TestMovedUser(t *testing.T) {
	g, old, online, path := twoExchanges(t, "# nobody yet\n")
	c, stays := logsIn(g, "alice", "alicepass"), logsIn(g, "bob", "bobpass")
	c.C("a2 IDLE")
	c.S("+ …")
	testkit.WriteFile(t, path, "alice online\n")
	c.S("* BYE this mailbox has been moved: log in again")
	c.ends()
	logsIn(g, "alice", "alicepass")
	if a, b := len(old.Messages("alice", "INBOX")), len(online.Messages("alice", "INBOX")); a != 1 || b != 1 {
		t.Errorf("%d messages on the old side, %d on the new", a, b)
	}
	stays.C("a3 NOOP")
	stays.S("a3 OK …")
	// A routes_file with a mistake changes nothing.
	testkit.WriteFile(t, path, "alice nowhere\n")
	g.logged("the map file is used as it was")
	logsIn(g, "alice", "alicepass")
	if b := len(online.Messages("alice", "INBOX")); b != 2 {
		t.Errorf("%d messages on the new side", b)
	}
}

// The session of a caller ends when the users file does not allow its mailbox any more.
func TestUsersFileEndsSessions(t *testing.T) {
	path := testkit.UsersFile(t, "caller HASH(secret) bob alice")
	g, _ := newHolder(t, exchangesim.Config{}, nil, func(o *Options, lim *limits) {
		lim.Watch = time.Millisecond
		var err error
		if o.Users, err = users.Load(path); err != nil {
			t.Fatal(err)
		}
	})
	out, stays := logsIn(g, `caller\bob`, "secret"), logsIn(g, `caller\alice`, "secret")
	testkit.WriteUsers(t, path, "caller HASH(secret) alice")
	out.S("* BYE caller may not open the mailbox bob: users_file does not list it for this caller")
	out.ends()
	stays.C("a3 NOOP")
	stays.S("a3 OK …")
}

// A client that is never idle, since it always has several commands in flight, is
// put out between two of them. (Who is barred by the users file is dismissed in the
// same way: TestUsersFileEndsSessions.)
func TestDismissalBetweenCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes")
	testkit.WriteFile(t, path, "# nobody yet\n")
	g := newGateway(t, func(o *Options, lim *limits) {
		lim.Watch = time.Millisecond
		old := o.Upstreams[0]
		o.Upstreams = append(o.Upstreams,
			routing.Upstream{Name: "new", Backend: old.Backend, Profile: old.Profile, Profiles: old.Profiles})
		var err error
		if o.Routes, err = routing.LoadUserMap(path, []string{"new"}); err != nil {
			t.Fatal(err)
		}
	})
	c, u := g.login()
	c.C("a1 NOOP")
	c.C("a2 NOOP")
	u.C("a1 NOOP")
	u.C("a2 NOOP")
	testkit.WriteFile(t, path, "alice new\n")
	testkit.Eventually(t, "dismissal", func() bool {
		g.srv.logins.mu.Lock()
		defer g.srv.logins.mu.Unlock()
		for conn := range g.srv.logins.open {
			return conn.link.dismissal() != ""
		}
		return false
	})
	c.C("a3 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
	u.silent() // the third command is not taken while the second is in flight
	c.C("a4 NOOP")
	u.S("a2 OK done")
	c.S("a2 OK done")
	c.S("* BYE this mailbox has been moved: log in again")
	c.ends()
	u.ends()
}

// Each upstream has its own limit of connections, and its own queue.
func TestConnectionsPerUpstream(t *testing.T) {
	g, old, online, _ := twoExchanges(t, "# nobody yet\n", func(o *Options, _ *limits) {
		o.Upstreams[0].Connections = slots.Limits{PerLogin: 1, MaxWait: time.Millisecond}
		o.Upstreams[1].Connections = slots.Limits{PerLogin: 2, MaxWait: time.Millisecond}
	})
	refused := func(name string) {
		c := g.dial()
		c.S("* OK …")
		c.C("a1 LOGIN " + name + " bobpass")
		c.until("a1 NO [UNAVAILABLE] all connections …", "* OK …")
	}
	logsIn(g, "bob", "bobpass")
	refused("bob")
	for range 2 {
		logsIn(g, `CLOUD\bob`, "bobpass")
	}
	refused(`CLOUD\bob`)
	if a, b := len(old.Messages("bob", "INBOX")), len(online.Messages("bob", "INBOX")); a != 1 || b != 2 {
		t.Errorf("%d messages on the one side, %d on the other", a, b)
	}
}

// The prefix in routes_file decides where a user's mailboxes are, whoever opens them. It takes the place of
// names.prefix.
func TestRoutedPrefix(t *testing.T) {
	withPrefix := func(o *Options, _ *limits) {
		prof := exchangeProfile
		prof.Names = apartNames
		prof.Names.Prefix = "everybody"
		withProfile(prof)(o, nil)
	}
	g, old, _, path := twoExchanges(t, "bob default mailbox=alice prefix=backup/bob\nadmin default prefix=off\n", withPrefix)
	creates := func(c *client, name string) {
		c.C("b1 CREATE " + name)
		c.until("b1 OK …", "* …")
		c.C(`b2 LIST "" *`)
		c.until("b2 OK …", `* LIST (…) "/" INBOX`, `* LIST (…) "/" `+name, `* LIST (…) "/" Mail`)
	}
	has := func(sim *exchangesim.Server, user, mailbox string) {
		t.Helper()
		if all := sim.Mailboxes(user); !slices.Contains(all, mailbox) {
			t.Errorf("%s has no %s: %q", user, mailbox, all)
		}
	}
	log := func(name, password string) *client {
		c := g.dial()
		c.S("* OK …")
		c.C("a1 LOGIN " + name + " " + password)
		c.S("a1 OK …")
		return c
	}
	c := log(`EXAMPLE\admin\bob`, "adminpass")
	creates(c, "Mail")
	has(old, "alice", "backup/bob/Mail")
	creates(log("alice", "alicepass"), "Mail")
	has(old, "alice", "everybody/Mail")
	admins := log("admin", "adminpass")
	admins.C("b1 CREATE Mail")
	admins.S("b1 OK …")
	has(old, "admin", "Mail")
	// A user whose prefix has changed counts as moved.
	testkit.WriteFile(t, path, "bob default mailbox=alice prefix=archive/bob\nadmin default prefix=off\n")
	c.S("* BYE this mailbox has been moved: log in again")
	c.ends()
	creates(log(`EXAMPLE\admin\bob`, "adminpass"), "Mail")
	has(old, "alice", "archive/bob/Mail")
	admins.C("b2 NOOP")
	admins.S("b2 OK …")
}

// A user who is moved during the login is told so, too.
func TestMovedAtLogin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes")
	testkit.WriteFile(t, path, "# nobody yet\n")
	g := newGateway(t, func(o *Options, lim *limits) {
		lim.Watch = time.Millisecond
		old := o.Upstreams[0]
		o.Upstreams = append(o.Upstreams,
			routing.Upstream{Name: "new", Backend: old.Backend, Profile: old.Profile, Profiles: old.Profiles})
		var err error
		if o.Routes, err = routing.LoadUserMap(path, []string{"new"}); err != nil {
			t.Fatal(err)
		}
	})
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice secret")
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C(`xg1 LOGIN "alice" "secret"`)
	testkit.WriteFile(t, path, "alice new\n")
	g.logged("the map file has changed")
	// The log line about the next change shows that the open sessions were told of this one.
	testkit.WriteFile(t, path, "alice new # still\n")
	g.logged("the map file is used as it was")
	u.S("xg1 OK [CAPABILITY " + capabilities + "] done")
	c.until("a0 OK …")
	c.S("* BYE this mailbox has been moved: log in again")
	c.ends()
}

// The prefix of the map file is a boundary: a caller whom the users file gives only
// what lies below it opens nothing else, whatever command or name is tried.
func TestPrefixIsABoundary(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "routes")
	testkit.WriteFile(t, path, "dave default mailbox=bob prefix=of/dave\ncarol default mailbox=bob prefix=of/carol\n")
	prof := plainProfile
	prof.Names.List = []folders.Pair{{From: "way out", To: "Secrets"}}
	prof.Forms = exchangeProfile.Forms
	g, sim := newHolder(t, exchangesim.Config{}, []string{"dave HASH(secret) bob/of/dave", "carol HASH(secret) bob"}, withProfile(prof), func(o *Options, l *limits) {
		l.CommandsBeforeLogin = 1000
		var err error
		if o.Routes, err = routing.LoadUserMap(path, nil); err != nil {
			t.Fatal(err)
		}
	})
	for _, mailbox := range []string{"Secrets", "of/carol", "INBOX", "of/daveX"} {
		if _, err := sim.Deliver("bob", mailbox, nil, testTime, []byte(cleanMessage)); err != nil {
			t.Fatal(err)
		}
	}
	c := g.dial()
	c.S("* OK …")
	for _, name := range []string{"bob", `dave\bob`, `dave\carol`} {
		c.C("a LOGIN " + name + " secret")
		c.S("a NO …")
	}
	c.C("a LOGIN dave secret")
	c.S("a OK …")
	c.do("CREATE Own", "OK …")
	for _, name := range []string{
		"Secrets", `"way out"`, "of/carol", "of/daveX", "../carol", "/Secrets", "//Secrets", `"of/carol"`, "INBOX", "inbox", "INBOX/Secrets", "X", ".", "..", "&AC8-Secrets",
	} {
		for _, command := range []string{"STATUS %s (MESSAGES)", "SELECT %s", "EXAMINE %s", "DELETE %s", "RENAME %s %s"} {
			c.C("x1 " + strings.ReplaceAll(command, "%s", name))
			for line := c.S("…"); !strings.HasPrefix(line, "x1 "); line = c.S("…") {
				if strings.Contains(line, "1 EXISTS") || strings.Contains(line, "MESSAGES 1") {
					t.Errorf("%s %s: %s", command, name, line)
				}
			}
		}
	}
	for _, command := range []string{"XSELECT Secrets", "UID XUNHEARD 1 Secrets", "ESEARCH IN (mailboxes Secrets) ALL", "NOTIFY SET (mailboxes Secrets ())", "RLIST \"\" *", "SETQUOTA \"\" (STORAGE 1)", "GETJMAPACCESS"} {
		before := sim.Stats().Commands
		c.do(command, "BAD …")
		verb, _, _ := strings.Cut(command, " ")
		if sim.Stats().Commands[verb] != before[verb] {
			t.Errorf("%s reached the server", command)
		}
	}
	for _, pattern := range []string{"*", "%", "of/%", "Secrets", "../*"} {
		for _, name := range c.list(pattern) {
			if strings.Contains(name, "Secrets") || strings.Contains(name, "carol") || strings.Contains(name, "way out") || strings.Contains(name, "daveX") {
				t.Errorf("LIST %s tells of %s", pattern, name)
			}
		}
	}
	for _, mailbox := range []string{"Secrets", "of/carol", "INBOX", "of/daveX"} {
		if n := len(sim.Messages("bob", mailbox)); n != 1 {
			t.Errorf("%s has %d messages", mailbox, n)
		}
	}
	// Who only observes changes no names, and lets nobody in who is to be kept below one.
	set := g.srv.settings.Load().opts
	set.Observe = true
	if err := g.srv.Reload(set); err != nil {
		t.Fatal(err)
	}
	c = g.dial()
	c.S("* OK …")
	c.C("a LOGIN dave secret")
	c.S("a NO [AUTHENTICATIONFAILED] exgate only observes…")
}

// A mistake in the users file changes nothing and is told to the log alone. Without
// the file nobody gets in, and no failure is counted.
func TestMistakeInTheUsersFile(t *testing.T) {
	path := testkit.UsersFile(t, "caller HASH(secret) bob")
	g, _ := newHolder(t, exchangesim.Config{}, nil, boundedLogins, func(o *Options, lim *limits) {
		lim.Watch, lim.CommandsBeforeLogin = time.Millisecond, 1000
		var err error
		if o.Users, err = users.Load(path); err != nil {
			t.Fatal(err)
		}
	})
	stays := logsIn(g, `caller\bob`, "secret")
	testkit.WriteUsers(t, path, "caller HASH(secret) bob", "carol")
	const said = "the users file is used as it was, and lets nobody in if it is missing or others can read it"
	if l := g.logged(said); !strings.Contains(fmt.Sprint(l["err"]), path+", line 2") {
		t.Errorf("the log says %v", l)
	}
	logsIn(g, `caller\bob`, "secret")
	stays.C("a3 NOOP")
	stays.S("a3 OK …")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// The session ends, and hears nothing of the path either.
	stays.S("* BYE exgate does not know now who may open what: try again later, or tell the administrator")
	stays.ends()
	c := g.dial()
	c.S("* OK …")
	for range 2 * failedLogins {
		c.C(`a LOGIN caller\bob secret`)
		if reply := c.S("a NO [UNAVAILABLE] exgate does not know now who may open what…"); strings.Contains(reply, path) {
			t.Fatal(reply)
		}
	}
	testkit.WriteUsers(t, path, "caller HASH(secret) bob")
	logsIn(g, `caller\bob`, "secret")
}
