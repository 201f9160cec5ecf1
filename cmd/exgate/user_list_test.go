package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseUsers(t *testing.T) {
	bob := listedUser{1, "bob", "", "x,y"}
	at := func(u listedUser, line int) listedUser { u.line = line; return u }
	for name, tt := range map[string]struct {
		in   string
		want []listedUser
		err  string
	}{
		"no header":           {"bob,\"x,y\"\n", []listedUser{bob}, ""},
		"Excel's header":      {"\ufeffMailbox;Password\r\nbob;x,y\r\n", []listedUser{at(bob, 2)}, ""},
		"tabs":                {"user\tpass\nbob\tx,y\n", []listedUser{at(bob, 2)}, ""},
		"other order":         {"password,note,email,admin\n\"x,y\",n,bob,root\n", []listedUser{{2, "bob", "root", "x,y"}}, ""},
		"only mailboxes":      {"bob\n\nalice\n", []listedUser{{1, "bob", "", ""}, {3, "alice", "", ""}}, ""},
		"the page of Windows": {"m\xfcller\n", []listedUser{{1, "müller", "", ""}}, ""},
		"twice":               {"bob\nBOB\n", nil, "line 2 has the mailbox of line 1 again"},
		"no mailbox":          {",secret\n", nil, "line 1 has no mailbox"},
		"empty":               {"mailbox\n", nil, "no mailboxes"},
	} {
		t.Run(name, func(t *testing.T) {
			users, err := parseUsers([]byte(tt.in))
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "secret") {
					t.Errorf("the error is %v", err)
				}
			case err != nil:
				t.Error(err)
			case tt.want != nil && !reflect.DeepEqual(users, tt.want):
				t.Errorf("%+v", users)
			}
		})
	}
}
