package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/ledger"
	"exgate/proxy/report"
	"exgate/rewrite"
)

const header = "Date: Tue, 3 Mar 2020 10:00:00 +0100\r\nFrom: ann@example.org\r\n"

func textOf(s string) Text { return Text{bytes.NewReader([]byte(s)), int64(len(s))} }

// The ways of messages through the stages of repair.
func TestForecast(t *testing.T) {
	longLine := strings.Repeat("x", 12_000) + "\r\n"
	longHeader := "X-Odd " + strings.Repeat("z", 20_000) + "\r\n"
	partial := header + "Content-Type: message/partial; id=\"a\"; number=1; total=2\r\n\r\nx\r\n"
	teletex := header + "Subject: =?TELETEX?Q?Gr=FC=DFe?=\r\n\r\nx\r\n"
	for _, tt := range []struct {
		name    string
		profile string
		text    string
		flags   []string
		date    string
		change  func(*Options)
		want    fare
	}{
		{name: "nothing", text: header + "\r\nx\r\n", want: fare{attempts: 1}},
		{name: "long line", text: header + "\r\n" + longLine, want: fare{fixes: []string{"long-lines"}, attempts: 1}},
		{name: "receipt", text: header + "Disposition-Notification-To: a@b.example\r\n\r\nx\r\n",
			want: fare{fixes: []string{"read-receipt"}, attempts: 1}},
		{name: "receipt, unread", text: header + "Disposition-Notification-To: a@b.example\r\n\r\nx\r\n",
			change: func(o *Options) { o.Profile.Message.ReadReceipt = rewrite.ReadReceiptSeen }, want: fare{attempts: 1}},
		{name: "receipt, read", text: header + "Disposition-Notification-To: a@b.example\r\n\r\nx\r\n", flags: []string{`\Seen`},
			change: func(o *Options) { o.Profile.Message.ReadReceipt = rewrite.ReadReceiptSeen },
			want:   fare{fixes: []string{"read-receipt"}, attempts: 1}},
		{name: "flags", text: header + "\r\nx\r\n", flags: []string{`\flagged`, "$MDNSent", "work"},
			want: fare{fixes: []string{"flagged"}, attempts: 1}},
		{name: "flags for Exchange Online", profile: profile.Online, text: header + "\r\nx\r\n", flags: []string{`\Flagged`, "$MDNSent"},
			want: fare{fixes: []string{"keywords"}, attempts: 1}},
		{name: "no date", text: header + "\r\nx\r\n", date: "none", want: fare{fixes: []string{"internal-date"}, attempts: 1}},
		{name: "too large", text: header + "\r\n" + strings.Repeat("body\r\n", 2_000_000),
			want: fare{rule: "oversize", remedy: report.SwitchSize}},
		{name: "encoded word", text: teletex, want: fare{fixes: []string{"encoded-words"}, attempts: 2}},
		{name: "encoded word, and no repair", text: teletex, change: func(o *Options) { o.Profile.Escalate = rewrite.StageProfile },
			want: fare{rule: ledger.RuleExchange, remedy: "fixes.escalate: repair", attempts: 1}},
		{name: "partial", text: partial, want: fare{rule: ledger.RuleExchange, remedy: "fixes.escalate: shed", attempts: 1}},
		{name: "partial, shed", text: partial, change: func(o *Options) { o.Profile.Escalate = rewrite.StageShed },
			want: fare{fixes: []string{"partial"}, attempts: 2}},
		{name: "partial, plain", profile: profile.Plain, text: partial, want: fare{attempts: 1}},
		{name: "8-bit header", text: header + "Subject: Gr\xfc\xdfe\r\n\r\nx\r\n",
			want: fare{risks: []string{"eight-bit"}, attempts: 1}},
		{name: "8-bit header, and no repair", text: header + "Subject: Gr\xfc\xdfe\r\n\r\nx\r\n",
			change: func(o *Options) { o.Profile.Escalate = rewrite.StageProfile },
			want:   fare{risks: []string{"eight-bit"}, escalate: "fixes.escalate: repair", attempts: 1}},
		{name: "long subject", text: header + "Subject: " + strings.Repeat("word ", 60) + "\r\n\r\nx\r\n",
			want: fare{risks: []string{"subject"}, escalate: "fixes.escalate: shed", attempts: 1}},
		{name: "unknown charset of a text", text: header + "Content-Type: text/plain; charset=odd\r\n\r\nx\r\n",
			want: fare{risks: []string{"encoded-words"}, attempts: 1}},
		{name: "long line of a header", text: header + longHeader + "\r\nx\r\n",
			want: fare{fixes: []string{"long-headers"}, risks: []string{"header-lines"}, attempts: 1}},
		{name: "Message-ID too long", text: header + "Message-ID: <" + strings.Repeat("x", 20_000) + ">\r\n\r\nx\r\n",
			want: fare{rule: "header-line", remedy: "fixes.escalate: envelope"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := tt.profile
			if name == "" {
				name = "exchange2016"
			}
			o := Options{Profile: profile.Named(name)}
			if tt.change != nil {
				tt.change(&o)
			}
			date := "03-Mar-2020 10:00:00 +0100"
			if tt.date != "" {
				date = ""
			}
			got, err := o.forecast(context.Background(), textOf(tt.text), tt.flags, &date)
			if err != nil {
				t.Fatal(err)
			}
			if (got.sent > 0) != (got.attempts > 0) || (got.reason != "") != (got.rule != "") {
				t.Errorf("%d bytes in %d attempts; rule %q: %q", got.sent, got.attempts, got.rule, got.reason)
			}
			got.sent, got.reason = 0, ""
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestForecastEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := Options{Profile: profile.Named("exchange2016")}
	if _, err := o.forecast(ctx, textOf(header+"\r\nx\r\n"), nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func newCounter(t *testing.T, account string) *Counter {
	t.Helper()
	c, err := NewCounter(Options{Profile: profile.Named("exchange2016")}, account)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFolders(t *testing.T) {
	folder := func(sep string, names ...string) (all []Folder) {
		for _, name := range names {
			all = append(all, Folder{Name: name, Separator: sep})
		}
		return all
	}
	for _, tt := range []struct {
		name    string
		all     []Folder
		names   []string
		special []string
	}{
		{"none", nil, nil, nil},
		{"plain", folder("/", "INBOX", "a", "a/b", "Sent Items"), nil, []string{`Sent Items (\Sent) becomes Exchange's own Sent Items`}},
		{"case", folder("/", "work", "INBOX", "Work"), []string{"work -> work_exgate_"}, nil},
		{"Courier", folder(".", "INBOX", "INBOX.Trash", "INBOX.a.b/c"), nil,
			[]string{`INBOX.Trash (\Trash) would stand beside Exchange's own Deleted Items`}},
		{"blank at the end", folder("/", "a "), []string{"a  -> a␣ (characters)"}, nil},
		{"one name as Exchange's own", folder("/", "sent items", "DRAFTS"), []string{"sent items -> sent items_exgate_", "DRAFTS -> DRAFTS_exgate_"},
			[]string{`DRAFTS (\Drafts) would stand beside`, `sent items (\Sent) would stand beside`}},
		{"no text", folder("/", "a//b"), []string{"a//b: cannot be stored: "}, nil},
		{"special use", []Folder{{Name: "Gesendet", Separator: "/", Attributes: []string{`\sent`, `\HasNoChildren`}}}, nil,
			[]string{`Gesendet (\Sent) would stand beside Exchange's own Sent Items`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCounter(t, "bob")
			if err := c.Folders(tt.all); err != nil {
				t.Fatal(err)
			}
			var names, special []string
			for _, n := range c.Account.Names {
				names = append(names, n.lines()[0])
			}
			for _, s := range c.Account.Special {
				special = append(special, s.String())
			}
			slices.Sort(names)
			slices.Sort(tt.names)
			begin := func(got, want string) bool { return strings.HasPrefix(got, want) }
			if !slices.EqualFunc(names, tt.names, begin) || !slices.EqualFunc(special, tt.special, begin) {
				t.Errorf("got %q, %q\nwant %q, %q", names, special, tt.names, tt.special)
			}
			if a := &c.Account; a.Mailboxes != int64(len(tt.all)) || a.Changed+a.Refusals != int64(len(tt.names)) {
				t.Errorf("%+v", a.Counts)
			}
		})
	}
}

// Two names of the source become one mailbox if names.case is merge.
func TestFoldersTogether(t *testing.T) {
	o := Options{Profile: profile.Named("exchange2016")}
	o.Profile.Names.Case = "merge"
	c, err := NewCounter(o, "bob")
	if err == nil {
		err = c.Folders([]Folder{{Name: "work", Separator: "/"}, {Name: "Work", Separator: "/"}})
	}
	if err != nil || len(c.Account.Names) != 1 || c.Account.Names[0].lines()[0] != "work -> Work: the same mailbox as Work" {
		t.Errorf("%v, %+v", err, c.Account.Names)
	}
}

func TestTook(t *testing.T) {
	for _, tt := range []struct {
		pace  backend.Rates
		c     Counts
		wants string
	}{
		{backend.Rates{}, Counts{Attempts: 100, Sent: 1e9}, "0s"},
		{backend.Rates{Messages: 4}, Counts{Attempts: 4}, "0s"},
		{backend.Rates{Messages: 4}, Counts{Attempts: 44}, "10s"},
		{backend.Rates{Messages: 0.5}, Counts{Attempts: 11}, "20s"},
		{backend.Rates{Messages: 4, Bytes: 1000}, Counts{Attempts: 44, Sent: 61_000}, "1m0s"},
		{backend.Rates{Messages: 4, Commands: 1}, Counts{Attempts: 44}, "43s"},
	} {
		if got := tookAt(tt.pace, &tt.c); got.String() != tt.wants {
			t.Errorf("%+v: %s, want %s", tt, got, tt.wants)
		}
	}
	for sessions, want := range map[int]time.Duration{1: 10, 2: 6, 3: 4, 9: 4} { // 4 1 3 2 in this order
		if got := together([]time.Duration{4, 1, 3, 2}, sessions); got != want {
			t.Errorf("%d at a time: %d, want %d", sessions, got, want)
		}
	}
	if together(nil, 3) != 0 {
		t.Error("no accounts take time")
	}
}

// filled returns a report with something in each of its parts.
func filled(t *testing.T) *Report {
	t.Helper()
	none := ""
	c := newCounter(t, "bob")
	c.Account.Keywords = map[string]int64{}
	for i := range maxKeywords {
		c.Account.Keywords[fmt.Sprint("k", i)] = 1
	}
	for i, text := range []string{
		header + "Message-ID: <=1@x>\r\n\r\nx\r\n", header + "Message-ID: <=1@x>\r\n\r\n" + strings.Repeat("y", 12_000) + "\r\n",
		header + "Message-ID: <2@x>\r\nSubject: " + strings.Repeat("word ", 60) + "\r\n\r\nx\r\n",
		"From: ann@example.org\r\nMessage-ID: <" + strings.Repeat("x", 20_000) + "<b>\r\n\r\nx\r\n",
	} {
		about := About{Message: Message{Mailbox: "<b>INBOX", UID: uint32(i + 1)}, Flags: []string{"$Forwarded", `\Recent`, `\Seen`}, Date: &none}
		if err := c.Add(context.Background(), about, textOf(text)); err != nil {
			t.Fatal(err)
		}
	}
	c.AddLarge(About{Message: Message{Mailbox: "Big", UID: 9, Size: 50_000_000}}, []byte(header+"\r\n"))
	c.Failed(Message{Mailbox: "INBOX", UID: 8}, "the source has sent no text for it")
	if err := c.Folders([]Folder{{Name: "Work", Separator: "/"}, {Name: "work", Separator: "/"}, {Name: "Sent", Separator: "/"}}); err != nil {
		t.Fatal(err)
	}
	eve := newCounter(t, "=eve").End(errors.New("login of eve:\nimap: NO wrong"))
	return NewReport(c.options, []Account{*c.End(nil), *eve}, 2, time.Unix(1_600_000_000, 0))
}

func TestCounts(t *testing.T) {
	r := filled(t)
	c := r.Total
	if c.Messages != 5 || c.Stored != 3 || c.Untouched != 0 || c.Repaired != 3 || c.Refused != 2 || c.Unread != 1 || c.Duplicates != 1 ||
		c.SameBox != 1 || c.NoDate != 1 || c.NoArrival != 4 || c.Lacking != 4 || c.Keywords[otherKeywords] != 4 || c.Risky != 1 ||
		c.Lost["fixes.escalate: shed"] != 1 || c.Fixes["internal-date"] != 3 || c.LeftBehind() != 3 || c.Changed != 1 {
		t.Errorf("%+v", c)
	}
	if largest := r.Accounts[0].Largest; largest[0].Size != 50_000_000 || len(largest) != 5 {
		t.Errorf("largest: %+v", largest)
	}
}

func TestWrite(t *testing.T) {
	r := filled(t)
	write := func(format string) string {
		var b bytes.Buffer
		if err := r.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := write("text")
	for _, want := range []string{
		"5 messages in 3 mailboxes of 2 accounts, 50.", "3 would be stored: 0 untouched, 3 repaired; 2 refused",
		"1 accounts could not be read", "=eve\n  could not be read, or not all of it: login of eve: imap: NO wrong\n",
		"would arrive with: fixes.escalate: envelope", "  names that change:\n    work -> work_exgate_", "0s one account after the other",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text has no %q:\n%s", want, text)
		}
	}
	var again Report
	if err := json.Unmarshal([]byte(write("json")), &again); err != nil || again.Total.Messages != 5 || len(again.Accounts) != 2 {
		t.Errorf("JSON: %v, %+v", err, again)
	}
	rows, err := csv.NewReader(strings.NewReader(write("csv"))).ReadAll()
	if err != nil || len(rows) != 3 || rows[2][0] != "'=eve" || len(rows[0]) != len(rows[1]) {
		t.Errorf("CSV: %v, %q", err, rows)
	}
	page := write("html")
	for _, bad := range []string{"<b>", "http:", "https:", "src=", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(page, "&lt;b&gt;INBOX") || !strings.Contains(page, "table[data-sorts]") {
		t.Errorf("the page: %s", page)
	}
}

// The limits of lists and of Message-IDs are said.
func TestLimits(t *testing.T) {
	c := newCounter(t, "bob")
	for i := range maxListed + 5 {
		c.Failed(Message{Mailbox: "INBOX", UID: uint32(i + 1)}, "x")
	}
	for i := range maxIDs + 1 {
		c.countID(fmt.Sprint(i), "INBOX")
	}
	c.countID("7", "Sent")
	r := NewReport(c.options, []Account{*c.End(nil)}, 1, time.Now())
	text := r.text()
	if !strings.Contains(text, "and 5 more") || !strings.Contains(text, "more than 1000000 Message-IDs") || r.Total.Duplicates != 1 {
		t.Errorf("%.3000s", text)
	}
	accounts := make([]Account, 12)
	for i := range accounts {
		accounts[i] = Account{Failures: make([]Message, maxListed), Left: make([]Message, maxListed)}
	}
	all := NewReport(c.options, accounts, 1, time.Now())
	listed := 0
	for _, a := range all.Accounts {
		listed += len(a.Failures)
	}
	if listed != maxReported {
		t.Errorf("%d messages are listed", listed)
	}
}
