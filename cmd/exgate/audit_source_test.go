package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// memorySource is go-imap's server with the accounts alice, bob and empty, whose passwords end
// in "pass". logins counts the connections that were accepted.
func memorySource(t *testing.T) (address string, logins *atomic.Int32) {
	t.Helper()
	store := imapmemserver.New()
	for name, mailboxes := range map[string][]string{"alice": {"INBOX", "Entwürfe"}, "bob": {"INBOX"}, "empty": nil} {
		user := imapmemserver.NewUser(name, name+"pass")
		for _, mailbox := range mailboxes {
			if err := user.Create(mailbox, nil); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"Message-ID: <1@x>\r\n\r\nx\r\n", "Subject: long\r\n\r\n" + strings.Repeat("x", 12_000) + "\r\n"} {
				if _, err := user.Append(mailbox, sized{strings.NewReader(text), int64(len(text))}, &imap.AppendOptions{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		store.AddUser(user)
	}
	logins = new(atomic.Int32)
	srv := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			logins.Add(1)
			return store.NewSession(), nil, nil
		},
		InsecureAuth: true,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l) // Close ends it
	t.Cleanup(func() { srv.Close() })
	return l.Addr().String(), logins
}

type sized struct {
	io.Reader
	size int64
}

func (s sized) Size() int64 { return s.size }

func TestAuditOfAccounts(t *testing.T) {
	address, logins := memorySource(t)
	dir := t.TempDir()
	list, state := filepath.Join(dir, "users.csv"), filepath.Join(dir, "state")
	writeList := func(rows ...string) {
		if err := os.WriteFile(list, []byte("mailbox,password\n"+strings.Join(rows, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--profile", "exchange2016", "--source", address, "--source-tls", "insecure-none", "--from", list, "--state", state}

	writeList("alice,alicepass", "bob,wrong", "empty,emptypass")
	r := audited(t, exitUnavailable, args...)
	var failed []string
	for _, a := range r.Accounts {
		if a.HasFailed() {
			failed = append(failed, a.Name)
		}
	}
	if !slices.Equal(failed, []string{"bob"}) || !strings.Contains(r.Accounts[1].Error, "login of bob: imap: NO") || r.Total.Messages != 4 {
		t.Errorf("failed: %q; %+v", failed, r.Total)
	}
	if a := r.Accounts[0]; a.Fixes["long-lines"] != 2 || a.Mailboxes != 2 || a.Largest[0].Mailbox == "" || a.Duplicates != 1 || a.SameBox != 0 {
		t.Errorf("alice: %+v", a)
	}
	if a := r.Accounts[2]; a.Messages != 0 || a.Mailboxes != 0 || a.HasFailed() {
		t.Errorf("empty: %+v", a)
	}

	// A later call reads only the account that is not done.
	writeList("alice,alicepass", "bob,bobpass", "empty,emptypass")
	before := logins.Load()
	if r = audited(t, 0, args...); r.Total.Messages != 6 || logins.Load() != before+1 {
		t.Errorf("the second call has made %d connections: %+v", logins.Load()-before, r.Total)
	}
	if r = audited(t, 0, append(args, "--again")...); r.Total.Messages != 6 || logins.Load() != before+4 {
		t.Errorf("--again has made %d connections", logins.Load()-before-1)
	}
}

// The password of --login comes from standard input, a file or the environment.
func TestAuditPassword(t *testing.T) {
	address, _ := memorySource(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("bobpass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AUDIT_PASSWORD", "bobpass")
	for _, tt := range []struct {
		name, stdin string
		args        []string
		want        int
	}{
		{"standard input", "bobpass\n", nil, 0}, {"file", "", []string{"--password-file", file}, 0},
		{"environment", "", []string{"--password-env", "AUDIT_PASSWORD"}, 0}, {"none", "", nil, exitUsage},
		{"empty variable", "", []string{"--password-env", "AUDIT_NONE"}, exitUsage}, {"wrong", "x\n", nil, exitUnavailable},
	} {
		out, err := exgateWith(t, tt.stdin, append([]string{"audit", "--source", address, "--source-tls", "insecure-none", "--login", "bob"},
			tt.args...)...)
		if exitCode(err) != tt.want || tt.want == 0 && !strings.Contains(out, "2 messages in 1 mailboxes of 1 accounts") {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
	}
}

// One wrong password of an admin costs few failed logins.
func TestAuditSparesAdmin(t *testing.T) {
	address, logins := memorySource(t)
	list := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(list, []byte("a\nb\nc\nd\ne\nf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exgateWith(t, "wrong\n", "audit", "--source", address, "--source-tls", "insecure-none", "--from", list, "--login", "admin",
		"--parallel", "4")
	if exitCode(err) != exitUnavailable || logins.Load() != maxUnproven || !strings.Contains(out, "too many logins of admin have failed in a row") {
		t.Errorf("%d logins: %v\n%s", logins.Load(), err, out)
	}
}
