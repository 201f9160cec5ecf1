package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/proxy/ledger"
)

var began = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// world is a ledger that a test writes.
type world struct {
	t    testing.TB
	file string
	now  time.Time
	*ledger.Ledger
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, file: filepath.Join(t.TempDir(), "ledger.db"), now: began}
	w.Ledger = ledger.Open(ledger.Options{File: w.file, Now: func() time.Time { return w.now }})
	t.Cleanup(w.Close)
	return w
}

func (w *world) session(upstream, account string) *ledger.Journal {
	return w.Session(ledger.Session{ID: account, Upstream: upstream, Account: account})
}

// message stores a message, or not.
func (w *world) message(j *ledger.Journal, id string, m ledger.Message) {
	w.now = w.now.Add(time.Second)
	m.Mailbox, m.Exchange, m.MessageID = "Archive", "Archive", "<"+id+"@example.com>"
	if m.Size == 0 {
		m.Size = 1000
	}
	copy(m.Sum[:], id)
	if m.Outcome == ledger.Limited {
		m.MessageID = ""
	}
	if m.Outcome == ledger.TooLarge || m.Outcome == ledger.Limited {
		m.Sum = [32]byte{} // it was not read
	}
	j.Begin(&m)
	j.Done(&m)
}

func (w *world) read(o Options) *Report {
	w.t.Helper()
	w.Close()
	o.Now = w.now
	r, err := Read(context.Background(), w.file, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// migration writes a small migration of two accounts.
func (w *world) migration() {
	bob, eve := w.session("default", "bob"), w.session("hybrid", "eve")
	w.message(bob, "1", ledger.Message{Outcome: ledger.Stored, DateFrom: ledger.DateClient, Paced: time.Second})
	w.message(bob, "2", ledger.Message{Outcome: ledger.Stored, Fixes: []string{"long-lines", "flagged"}, DateFrom: ledger.DateDerived,
		Throttled: time.Minute})
	w.message(bob, "3", ledger.Message{Outcome: ledger.Rejected, Rule: "refused by Exchange", Reason: "BAD Command Argument Error. 11"})
	w.message(bob, "3", ledger.Message{Outcome: ledger.Rejected, Rule: "refused by Exchange", Reason: "BAD Command Argument Error. 11"})
	w.message(bob, "4", ledger.Message{Outcome: ledger.Failed, Reason: "the connection was lost"})
	w.message(bob, "4", ledger.Message{Outcome: ledger.Stored})
	w.message(bob, "5", ledger.Message{Outcome: ledger.TooLarge, Rule: "oversize", Size: 99_000_000, Date: "1"})
	w.message(bob, "5", ledger.Message{Outcome: ledger.TooLarge, Rule: "oversize", Size: 99_000_000, Date: "1"})
	w.message(bob, "6", ledger.Message{Outcome: ledger.TooLarge, Rule: "oversize", Size: 99_000_000, Date: "2"})
	bob.Folder(ledger.Folder{Client: "a/b", Exchange: "a_b", What: ledger.FolderRenamed})
	bob.Folder(ledger.Folder{Exchange: "Calendar", What: ledger.FolderHidden})
	eve.Folder(ledger.Folder{Client: "trash", Exchange: "trash_x", What: ledger.FolderWouldRename})
	eve.Folder(ledger.Folder{Client: "Notes", Exchange: "Notes_x", What: ledger.FolderWouldRename})
	eve.Folder(ledger.Folder{Exchange: "Notes", What: ledger.FolderWouldHide})
	w.message(eve, "3", ledger.Message{Outcome: ledger.Stored}) // of another account
	w.message(eve, "7", ledger.Message{Outcome: ledger.Refused, Rule: "header-line", Stage: 3, Reason: "=1+1"})
	w.message(eve, "8", ledger.Message{Outcome: ledger.Observed, Rule: "oversize", Fixes: []string{"flagged"}})
	w.message(eve, "9", ledger.Message{Outcome: ledger.Unknown})
	w.message(eve, "10", ledger.Message{Outcome: ledger.Pending}) // on its way
	w.Failed(ledger.LoginFailure{Upstream: "hybrid", Account: "eve", Kind: "not-connected", Reason: "first"})
	w.now = w.now.Add(5 * time.Minute)
	w.Failed(ledger.LoginFailure{Upstream: "hybrid", Account: "eve", Kind: "credentials-refused", Reason: "last"})
}

func TestRead(t *testing.T) {
	w := newWorld(t)
	w.migration()
	r := w.read(Options{})
	got := fmt.Sprintf("%d stored, %d untouched, %d repaired, %d bytes, %v, %d refused, %d rejected, %d too large, %d failed, "+
		"%d unknown, %d observed, %d would refuse, %v, %v, %v, %d and %d dates, %v, %v", r.Total.Stored, r.Total.Untouched,
		r.Total.Repaired, r.Total.Bytes, r.Total.Fixes, r.Total.Refused, r.Total.Rejected, r.Total.TooLarge, r.Total.Failed,
		r.Total.Unknown, r.Total.Observed, r.Total.WouldRefuse, r.Total.WouldFix,
		r.Total.WouldRules, r.Total.Rules, r.Total.DatesKept, r.Total.DatesMade,
		r.Total.Throttled, r.Total.Paced)
	want := "4 stored, 3 untouched, 1 repaired, 4000 bytes, map[flagged:1 long-lines:1], 1 refused, 2 rejected, 3 too large, " +
		"1 failed, 1 unknown, 1 observed, 1 would refuse, map[flagged:1], map[oversize:1], " +
		"map[header-line:1 oversize:3 refused by Exchange:2], 1 and 1 dates, 1m0s, 1s"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var left []string
	for _, m := range r.Left {
		left = append(left, fmt.Sprintf("%s %s %d %s: %s", m.Account, m.MessageID, m.Attempts, m.Outcome, m.Switch))
	}
	wantLeft := []string{
		"bob <3@example.com> 2 rejected: " + switchEnvelope,
		"bob <5@example.com> 2 too-large: " + SwitchSize,
		"bob <6@example.com> 1 too-large: " + SwitchSize,
		"eve <7@example.com> 1 refused: " + switchNone,
		"eve <9@example.com> 1 unknown: " + switchLook,
	}
	if fmt.Sprint(left) != fmt.Sprint(wantLeft) || r.LeftCount != 5 || r.LeftBytes != 198_003_000 {
		t.Errorf("left behind: %d, %d bytes\n%s", r.LeftCount, r.LeftBytes, strings.Join(left, "\n"))
	}
	if len(r.Accounts) != 2 || len(r.Upstreams) != 2 {
		t.Fatalf("%d accounts, %d upstreams", len(r.Accounts), len(r.Upstreams))
	}
	bob, eve := r.Accounts[0], r.Accounts[1]
	if bob.Account != "bob" || bob.Left != 3 || bob.Renamed != 1 || bob.Hidden != 1 || bob.Sessions != 1 || bob.Stored != 3 {
		t.Errorf("bob: %+v", bob)
	}
	if eve.Renamed != 0 || eve.Hidden != 0 || eve.WouldRename != 2 || eve.WouldHide != 1 || bob.WouldRename != 0 {
		t.Errorf("folders: bob %+v, eve %+v", bob, eve)
	}
	if eve.LoginFailures != 2 || eve.FailedKind != "credentials-refused" || eve.FailedReason != "last" || eve.Left != 2 {
		t.Errorf("eve: %+v", eve)
	}
	if len(r.Hours) != 1 || r.Hours[0].Messages != 4 || !r.Hours[0].At.Equal(began) {
		t.Errorf("hours: %+v", r.Hours)
	}
}

func TestReadSome(t *testing.T) {
	w := newWorld(t)
	w.migration()
	r := w.read(Options{Account: "EVE"})
	if len(r.Accounts) != 1 || r.Total.Stored != 1 || r.LeftCount != 2 {
		t.Errorf("of one account: %+v", r)
	}
	if r = w.read(Options{Since: began.Add(3 * time.Minute)}); r.Total.Stored != 0 || r.LeftCount != 0 ||
		r.Accounts[len(r.Accounts)-1].LoginFailures != 1 {
		t.Errorf("since then: %+v", r)
	}
	if _, err := Read(t.Context(), filepath.Join(t.TempDir(), "none"), Options{}); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	os.WriteFile(text, []byte("no database"), 0o600)
	if _, err := Read(t.Context(), text, Options{}); err == nil {
		t.Error("a text is read as a ledger")
	}
}

// A report is made while a gateway writes, and sees what is written by then.
func TestReadMeanwhile(t *testing.T) {
	w := newWorld(t)
	j := w.session("default", "bob")
	for n := 1; n <= 20; n++ {
		m := ledger.Message{Exchange: "INBOX", Size: 1}
		m.Sum[0] = byte(n)
		j.Intend(&m)() // is on the disk
		r, err := Read(t.Context(), w.file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Total.Pending+r.Total.Stored < int64(n) {
			t.Fatalf("%d of %d messages", r.Total.Pending+r.Total.Stored, n)
		}
		m.Outcome = ledger.Stored
		j.Done(&m)
	}
}

func TestWrite(t *testing.T) {
	w := newWorld(t)
	w.migration()
	r := w.read(Options{})
	var text, table, object bytes.Buffer
	for format, out := range map[string]*bytes.Buffer{"text": &text, "csv": &table, "json": &object} {
		if err := r.Write(out, format); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"4 messages stored (4.0 kB): 3 untouched, 1 repaired", "left behind: 5 messages, 198.0 MB",
		"would arrive with: " + switchEnvelope, "eve: 2, the last one 2026-11-01 12:05:14Z: credentials-refused: last",
		"1 of these would have been refused", "0, would be 2", "0, would be 1",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 6 || rows[1][4] != "<3@example.com>" || rows[4][10] != "'=1+1" {
		t.Errorf("CSV: %v, %q", err, rows)
	}
	var again Report
	if err := json.Unmarshal(object.Bytes(), &again); err != nil || again.LeftCount != 5 || again.Total.Stored != 4 ||
		again.Accounts[1].WouldRename != 2 || again.Accounts[1].WouldHide != 1 {
		t.Errorf("JSON: %v\n%s", err, object.String())
	}
}

// A message for which the budget was used up was not read. It is not left behind any more when a later message of
// the same size, date and mailbox was stored.
func TestLimitedMessages(t *testing.T) {
	w := newWorld(t)
	bob := w.session("default", "bob")
	limited := func(date string, size int64) {
		w.message(bob, "", ledger.Message{Outcome: ledger.Limited, Rule: "budget", Date: date, Size: size})
	}
	stored := func(id, date, from string, size int64) {
		w.message(bob, id, ledger.Message{Outcome: ledger.Stored, Date: date, DateFrom: from, Size: size})
	}
	stored("0", "3", ledger.DateClient, 100) // before the refusal, so it is another message
	limited("1", 100)
	limited("2", 100)
	limited("3", 100)
	limited("", 200)
	limited("", 300)
	w.message(bob, "", ledger.Message{Outcome: ledger.TooLarge, Rule: "budget", Date: "4", Size: 999})
	stored("1", "1", ledger.DateClient, 100)
	stored("2", "2", ledger.DateClient, 101)
	stored("4", "9", ledger.DateDerived, 200)
	stored("5", "9", ledger.DateClient, 300)
	r := w.read(Options{})
	var left []string
	for _, m := range r.Left {
		left = append(left, fmt.Sprintf("%s/%d %s", m.Date, m.Size, m.Switch))
	}
	want := []string{"2/100 " + switchLater, "3/100 " + switchLater, "/300 " + switchLater, "4/999 " + SwitchBudget}
	var text strings.Builder
	if err := r.Write(&text, "text"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not read: announced as 100 bytes, limited", "left behind: 4 messages, 1.5 kB"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the report", want)
		}
	}
	if !slices.Equal(left, want) || r.Total.Limited != 5 || r.Total.TooLarge != 1 || r.Total.Failed != 0 {
		t.Errorf("left behind: %q\ntotal: %+v", left, r.Total)
	}
}

// BenchmarkRead makes a report of 1,000,000 messages in 5,000 sessions of 500 accounts.
func BenchmarkRead(b *testing.B) {
	file := filepath.Join(b.TempDir(), "ledger.db")
	fill(b, file, 1_000_000)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.ReadMemStats(&before)
		r, err := Read(b.Context(), file, Options{})
		if err != nil {
			b.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if r.Total.Stored+r.LeftCount != 1_000_000 || len(r.Accounts) != 500 || r.LeftCount != 3000 {
			b.Fatalf("%d stored, %d left, %d accounts", r.Total.Stored, r.LeftCount, len(r.Accounts))
		}
	}
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), "MB-allocated")
	b.ReportMetric(float64(after.HeapSys)/(1<<20), "MB-heap")
}

// The HTML needs nothing from outside, and shows names as they are.
func TestHTML(t *testing.T) {
	w := newWorld(t)
	w.migration()
	j := w.session("default", `<script>alert("x")</script>`)
	w.message(j, "11", ledger.Message{Outcome: ledger.Refused, Rule: "header-line", Reason: `"><img src=http://example.com/x>`})
	r := w.read(Options{})
	var out bytes.Buffer
	if err := r.Write(&out, "html"); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{
		"default-src 'none'", "&lt;script&gt;alert(", `role="img" aria-label="Messages stored over time: 4 messages`,
		"<title>rejected: 2</title>", "Messages left behind, by size", "prefers-color-scheme: dark", "@media print",
		`<td class="n" data-by="99000000">99.0 MB</td>`, "credentials-refused", `scope="col"`, switchEnvelope,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script>alert", "<img", "<link rel=\"stylesheet", "@import", "url(", " src=\"", "href=\"http"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	empty := newWorld(t).read(Options{})
	out.Reset()
	if err := empty.Write(&out, "html"); err != nil || !strings.Contains(out.String(), "Nothing was left behind.") ||
		strings.Contains(out.String(), "<svg") {
		t.Errorf("an empty ledger: %v\n%s", err, out.String())
	}
}

// A migration by two gateways has one report: each account once, however it was spelt, each attempt, and of what one has
// left behind that which the other has not stored.
func TestReadAll(t *testing.T) {
	one, other := newWorld(t), newWorld(t)
	bob, eve := one.session("default", "bob"), one.session("default", "eve")
	one.message(bob, "1", ledger.Message{Outcome: ledger.Stored, Fixes: []string{"flagged"}})
	one.message(bob, "2", ledger.Message{Outcome: ledger.Failed, Reason: "the gateway was stopped"})
	one.message(bob, "3", ledger.Message{Outcome: ledger.Rejected, Rule: "refused by Exchange"})
	one.message(bob, "4", ledger.Message{Outcome: ledger.TooLarge, Rule: "oversize", Size: 99, Date: "1"})
	one.message(eve, "2", ledger.Message{Outcome: ledger.Failed})
	bob.Folder(ledger.Folder{Client: "a/b", Exchange: "a_b", What: ledger.FolderRenamed})
	one.Failed(ledger.LoginFailure{Upstream: "default", Account: "bob", Kind: "not-connected", Reason: "first"})
	other.now = one.now.Add(time.Hour)
	again := other.session("default", "Bob")
	other.message(again, "2", ledger.Message{Outcome: ledger.Stored})
	other.message(again, "3", ledger.Message{Outcome: ledger.Rejected, Rule: "refused by Exchange"})
	other.message(again, "4", ledger.Message{Outcome: ledger.Stored, Size: 99, Date: "1"}) // the limit was raised
	again.Folder(ledger.Folder{Client: "a/b", Exchange: "a_b", What: ledger.FolderRenamed})
	other.Failed(ledger.LoginFailure{Upstream: "default", Account: "Bob", Kind: "credentials-refused", Reason: "last"})
	one.Close()
	other.Close()
	for _, files := range [][]string{{one.file, other.file}, {other.file, one.file}} {
		r, err := ReadAll(t.Context(), files, Options{Now: other.now.Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Accounts) != 2 || r.Total.Stored != 3 || r.Total.Rejected != 2 || r.Total.Failed != 2 || r.Total.Fixes["flagged"] != 1 {
			t.Errorf("%d accounts, %+v", len(r.Accounts), r.Total)
		}
		var left []string
		for _, m := range r.Left {
			left = append(left, fmt.Sprintf("%s %s %d", strings.ToLower(m.Account), m.MessageID, m.Attempts))
		}
		slices.Sort(left)
		if want := []string{"bob <3@example.com> 2", "eve <2@example.com> 1"}; !slices.Equal(left, want) {
			t.Errorf("left behind: %q, want %q", left, want)
		}
		for _, g := range r.Accounts {
			if !strings.EqualFold(g.Account, "bob") {
				continue
			}
			if g.Sessions != 2 || g.Left != 1 || g.LoginFailures != 2 || g.FailedReason != "last" {
				t.Errorf("of bob: %+v", g)
			}
		}
		if len(r.Hours) != 2 {
			t.Errorf("%d hours, want 2", len(r.Hours))
		}
	}
	if _, err := ReadAll(t.Context(), []string{one.file, filepath.Join(t.TempDir(), "none")}, Options{}); err == nil {
		t.Error("a ledger that is not there is left out")
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "exgate-ledgers-*")); len(left) > 0 {
		t.Errorf("left in the directory for temporary files: %q", left)
	}
}

func BenchmarkReadAll(b *testing.B) {
	dir := b.TempDir()
	files := []string{filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")}
	for _, file := range files {
		fill(b, file, 100_000)
	}
	for b.Loop() {
		if _, err := ReadAll(b.Context(), files, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
