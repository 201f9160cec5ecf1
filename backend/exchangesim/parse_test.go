package exchangesim

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestParseLogin(t *testing.T) {
	const online = formUPN | formAdminUPNUser
	for _, tt := range []struct {
		name         string
		forms        loginForms
		who, mailbox string // "" is refused; "=" is an alias
	}{
		{"", onPremisesForms, "", ""},
		{`\`, onPremisesForms, "", ""},
		{`OTHER\bob`, onPremisesForms, "", ""},
		{`OTHER\admin\bob`, onPremisesForms, "", ""},
		{`EXAMPLE\admin\`, onPremisesForms, "", ""},
		{`a\b\c\d`, onPremisesForms, "", ""},
		{`bob@elsewhere.com`, onPremisesForms, "", ""},
		{`EXAMPLEadminbob`, onPremisesForms, "exampleadminbob", ""},
		{`bob`, onPremisesForms, "bob", ""},
		{`BOB@Example.COM`, onPremisesForms, "bob", ""},
		{`EXAMPLE\bob`, onPremisesForms, "bob", ""},
		{`example.local\Bob`, onPremisesForms, "bob", ""},
		{`EXAMPLE\admin\bob`, onPremisesForms, "admin", "=bob"},
		{`Example.Local\Admin\bob@example.com`, onPremisesForms, "admin", "bob"},
		{`admin@example.com\bob`, onPremisesForms, "admin", "=bob"},
		{`EXAMPLE/bob`, slashForms, "bob", ""},
		{`EXAMPLE/admin/bob`, slashForms, "admin", "=bob"},
		{`EXAMPLE/carol/cc`, slashForms, "carol", "=cc"},
		{`admin@example.com/bob`, slashForms, "admin", "=bob"},
		{`admin/bob`, slashForms, "", ""},
		{`EXAMPLE/bob`, backslashForms, "", ""},
		{`EXAMPLE/admin/bob`, backslashForms, "", ""},
		{`EXAMPLE\admin\bob`, slashForms, "", ""},
		{`bob`, online, "", ""},
		{`EXAMPLE\admin\bob`, online, "", ""},
		{`bob@example.com`, online, "bob", ""},
		{`admin@example.com\bob@example.com`, online, "admin", "bob"},
	} {
		n, ok := parseLogin(tt.name, tt.forms)
		who, mailbox := shown(n, ok)
		if who != tt.who || mailbox != tt.mailbox {
			t.Errorf("%q: %q for %q, want %q for %q", tt.name, who, mailbox, tt.who, tt.mailbox)
		}
	}
}

// shown writes what a login names as the tables do.
func shown(n named, ok bool) (who, mailbox string) {
	switch {
	case !ok:
		return "", ""
	case n.alias:
		return n.who, "=" + n.mailbox
	}
	return n.who, n.mailbox
}

func TestParsePlain(t *testing.T) {
	for _, tt := range []struct {
		authzid, authcid string
		forms            loginForms
		who, mailbox     string
	}{
		{"bob", "admin", onPremisesForms &^ formPlainAuthzid, "", ""},
		{"nobody@elsewhere.com", "admin", onPremisesForms, "", ""},
		{"bob", `EXAMPLE\admin\alice`, onPremisesForms, "", ""},
		{"", "bob", onPremisesForms, "bob", ""},
		{"bob", "bob", onPremisesForms &^ formPlainAuthzid, "bob", ""},
		{"bob", "admin", onPremisesForms, "admin", "=bob"},
		{"bob@example.com", "admin@example.com", onPremisesForms, "admin", "bob"},
	} {
		n, ok := parsePlain(tt.authzid, tt.authcid, tt.forms)
		who, mailbox := shown(n, ok)
		if who != tt.who || mailbox != tt.mailbox {
			t.Errorf("%q by %q: %q for %q, want %q for %q", tt.authzid, tt.authcid, who, mailbox, tt.who, tt.mailbox)
		}
	}
}

func TestMatchName(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"%", "a/b", false},
		{"%/%", "a/b", true},
		{"*b", "a/b", true},
		{"%b", "a/b", false},
		{"a*c%e", "a/b/c/d/c-e", true},
		{"a*c%e", "a/c/e", false},
		{"*%", "a/b", true},
		{"INBOX", "INBOX/x", false},
		{"%*%", "x/y/z", true},
		{"*a%b*c", "xa/yab/zc", true},
	} {
		if got := matchName(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q on %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestFoldName(t *testing.T) {
	if got, want := foldName("CAF&AOk-X&-Y"), "caf&AOk-x&-y"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReadLine(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{"", "", io.EOF},
		{"abc", "", io.ErrUnexpectedEOF},
		{"abcdef\r\nx\n", "abcde", errLineTooLong},
		{"abc\r\nx", "abc", nil},
		{"abc\nx", "abc", nil},
		{"abcde\r\n", "abcde", nil},
		{"\r\n", "", nil},
		{"a\rb\r\n", "a\rb", nil},
		{strings.Repeat("x", 10000) + "\r\n", "xxxxx", errLineTooLong},
	} {
		r := bufio.NewReaderSize(strings.NewReader(tt.in), 16)
		line, err := readLine(r, 5)
		if !errors.Is(err, tt.err) || !strings.HasPrefix(string(line), tt.want) || err == nil && string(line) != tt.want {
			t.Errorf("%.20q: %q, %v; want %q, %v", tt.in, line, err, tt.want, tt.err)
		}
	}
}

func TestLiteralSize(t *testing.T) {
	for _, tt := range []struct {
		line     string
		n        int64
		wait, ok bool
	}{
		{"", 0, false, false},
		{"}", 0, false, false},
		{"{}", 0, false, false},
		{"{+}", 0, false, false},
		{"{-1}", 0, false, false},
		{"{12345678901}", 0, false, false},
		{"a {0}", 0, true, true},
		{"a {12+}", 12, false, true},
		{"a {1} {34}", 34, true, true},
	} {
		_, n, wait, ok := literalSize([]byte(tt.line))
		if ok != tt.ok || ok && (n != tt.n || wait != tt.wait) {
			t.Errorf("%q: %d, wait %v, %v", tt.line, n, wait, ok)
		}
	}
}

func TestBadNamesAreListed(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want []string
	}{
		{Config{Profile: "exchange95"}, []string{`"exchange95"`, "exchange2010", "exchange-online"}},
		{Config{Quirks: []string{"no-such"}}, []string{`"no-such"`, "ten-bads", "bare-copyuid"}},
		{Config{Faults: []string{"sulk"}}, []string{`"sulk"`, "throttle:DURATION[:COUNT]", "slow:DURATION"}},
		{Config{Faults: []string{"throttle"}}, []string{"missing", "throttle:DURATION[:COUNT]"}},
		{Config{Faults: []string{"throttle:soon"}}, []string{`"soon"`, "3s"}},
		{Config{Faults: []string{"throttle:3s:0"}}, []string{`"0" is not a count`}},
		{Config{Faults: []string{"slow:1s:2"}}, []string{"too many"}},
		{Config{Faults: []string{"unopenable:"}}, []string{"missing", "unopenable:USER"}},
		{Config{Profile: "x", Quirks: []string{"y"}, Faults: []string{"z"}}, []string{`"x"`, `"y"`, `"z"`}},
	} {
		_, err := New(tt.cfg)
		if err == nil {
			t.Errorf("%v: no error", tt.cfg)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %q does not say %s", tt.cfg, err, want)
			}
		}
	}
}
