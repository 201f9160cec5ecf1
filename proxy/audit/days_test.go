package audit

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
	"exgate/proxy/budget"
	"exgate/proxy/report"
)

// The time forecast is within a fifth of the time that the books of the gateway make the
// messages take, on a simulated clock.
func TestBudgetForecast(t *testing.T) {
	for _, tt := range []struct {
		name     string
		limits   budget.Limits
		pace     float64 // messages a second, of each account
		accounts []int64 // messages
		size     int64
		days     int64
	}{
		{"no need to wait", budget.Limits{Each: budget.Amount{Messages: 1000}}, 4, []int64{900}, 1000, 1},
		{"exactly a day's share", budget.Limits{Each: budget.Amount{Messages: 1000}}, 4, []int64{1000}, 1000, 1},
		{"one more", budget.Limits{Each: budget.Amount{Messages: 1000}}, 4, []int64{1001}, 1000, 2},
		{"messages", budget.Limits{Each: budget.Amount{Messages: 5000}}, 4, []int64{16_000}, 1000, 4},
		{"a share that takes half a day", budget.Limits{Each: budget.Amount{Messages: 5000}}, 5000 / 43_200.0, []int64{14_000}, 1000, 3},
		{"the pace is the slower one", budget.Limits{Each: budget.Amount{Messages: 5000}}, 0.05, []int64{9000}, 1000, 3},
		{"bytes", budget.Limits{Each: budget.Amount{Bytes: 50_000_000}}, 4, []int64{4000}, 33_000, 3},
		{"both", budget.Limits{Each: budget.Amount{Messages: 3000, Bytes: 50_000_000}}, 4, []int64{7000}, 10_000, 3},
		{"of all accounts", budget.Limits{All: budget.Amount{Messages: 6000}}, 4, []int64{2000, 5000, 9000}, 1000, 3},
		{"of each, several", budget.Limits{Each: budget.Amount{Messages: 2000}}, 4, []int64{1000, 5000, 3000}, 1000, 3},
		{"of each and all", budget.Limits{Each: budget.Amount{Messages: 2000}, All: budget.Amount{Messages: 3000}}, 4,
			[]int64{2000, 5000, 6000}, 1000, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Profile: profile.Named("exchange2016"), Budget: tt.limits}
			o.Profile.Pace = backend.Pacing{Each: backend.Rates{Messages: tt.pace}}
			var accounts []Account
			for i, n := range tt.accounts {
				accounts = append(accounts, Account{Name: fmt.Sprint("user", i), Counts: Counts{Stored: n, Attempts: n, Sent: n * tt.size}})
			}
			r := NewReport(o, accounts, 1, time.Now())
			happened := migrated(t, tt.limits, tt.pace, tt.accounts, tt.size)
			if off := math.Abs(r.OneByOne.Seconds() - happened.Seconds()); off > happened.Seconds()/5 {
				t.Errorf("the forecast is %s, it took %s", r.OneByOne, happened)
			}
			if r.Days != tt.days || r.Days != daysOf(happened) {
				t.Errorf("the forecast is %d days, it took %s, want %d", r.Days, happened, tt.days)
			}
			var text bytes.Buffer
			if err := r.Write(&text, "text"); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(": %d day", tt.days); !strings.Contains(text.String(), "the budget of a day") || !strings.Contains(text.String(), want) {
				t.Errorf("the text has no %q:\n%s", want, &text)
			}
		})
	}
}

// migrated stores messages as a gateway does whose clients come back when they are told to, one
// account after the other, and returns how long it took.
func migrated(t *testing.T, limits budget.Limits, pace float64, accounts []int64, size int64) time.Duration {
	t.Helper()
	began := time.Date(2026, 11, 2, 8, 4, 0, 0, time.UTC)
	now := began
	books := budget.New(func() time.Time { return now })
	books.SetLimits(map[string]budget.Limits{"default": limits})
	left := append([]int64(nil), accounts...)
	for {
		var next time.Time // when an account may go on
		for i := range left {
			user := fmt.Sprint("user", i)
			for left[i] > 0 {
				share, over := books.Take("default", user, size)
				if over != nil {
					if over.At.IsZero() {
						t.Fatalf("a message of %d bytes never fits: %v", size, over)
					}
					if next.IsZero() || over.At.Before(next) {
						next = over.At
					}
					break
				}
				share.Spend()
				left[i]--
				now = now.Add(time.Duration(float64(time.Second) / pace))
			}
		}
		if next.IsZero() {
			return now.Sub(began)
		}
		if next.After(now) {
			now = next
		}
	}
}

// A message that is larger than a day's bytes is refused, as the gateway refuses it.
func TestMessageThatNoBudgetFits(t *testing.T) {
	c := newCounter(t, "bob")
	c.options.Budget = budget.Limits{All: budget.Amount{Bytes: 1000}}
	for _, size := range []int{100, 2000} {
		text := header + "\r\n" + strings.Repeat("x", size) + "\r\n"
		if err := c.Add(t.Context(), About{Message: Message{Mailbox: "INBOX"}}, textOf(text)); err != nil {
			t.Fatal(err)
		}
	}
	a := c.End(nil)
	if a.Refused != 1 || a.Stored != 1 || a.Rules["budget"] != 1 || a.Switches[report.SwitchBudget] != 1 {
		t.Errorf("%+v", a.Counts)
	}
}
