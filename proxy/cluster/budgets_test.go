package cluster

import (
	"sync"
	"testing"
	"time"

	"exgate/proxy/budget"
	"exgate/proxy/testkit"
)

// openBooks returns the books of a gateway.
func openBooks(c *Cluster, limits budget.Limits) *budget.Books {
	b := budget.New(time.Now)
	c.ShareBudgets(b)
	b.SetLimits(map[string]budget.Limits{"": limits})
	return b
}

var bookings = map[string]func(t *testing.T, limits budget.Limits) (a, b *budget.Books){
	"memory": func(_ *testing.T, limits budget.Limits) (a, b *budget.Books) {
		books := openBooks(nil, limits)
		return books, books
	},
	"redis": func(t *testing.T, limits budget.Limits) (a, b *budget.Books) {
		r := testkit.StartRedis(t)
		return openBooks(join(t, r), limits), openBooks(join(t, r), limits)
	},
}

// Two gateways keep to the budget of one.
func TestBudgetsConform(t *testing.T) {
	each := func(messages, bytes int64) budget.Limits {
		return budget.Limits{Each: budget.Amount{Messages: messages, Bytes: bytes}}
	}
	tests := map[string]struct {
		limits budget.Limits
		users  []string
		size   int64
		fit    int // of 20
	}{
		"no limit":     {budget.Limits{}, []string{"bob"}, 10, 20},
		"messages":     {each(7, 0), []string{"bob"}, 10, 7},
		"bytes":        {each(0, 65), []string{"bob"}, 10, 6},
		"each its own": {each(7, 0), []string{"bob", "carol"}, 10, 14},
		"no case":      {each(7, 0), []string{"bob", "BOB"}, 10, 7},
		"all together": {budget.Limits{All: budget.Amount{Messages: 9}}, []string{"bob", "carol"}, 10, 9},
		"never":        {each(0, 5), []string{"bob"}, 10, 0},
	}
	for how, open := range bookings {
		for name, tt := range tests {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				a, b := open(t, tt.limits)
				var mu sync.Mutex
				fit := 0
				var all sync.WaitGroup
				for i := range 20 {
					all.Go(func() {
						share, over := []*budget.Books{a, b}[i/2%2].Take("", tt.users[i%len(tt.users)], tt.size)
						if over != nil {
							return
						}
						share.Spend()
						mu.Lock()
						defer mu.Unlock()
						fit++
					})
				}
				all.Wait()
				if fit != tt.fit {
					t.Errorf("%d of 20 fit, want %d", fit, tt.fit)
				}
			})
		}
		t.Run(how+"/what is given back is free for all", func(t *testing.T) {
			t.Parallel()
			a, b := open(t, each(2, 100))
			one, _ := a.Take("", "bob", 10)
			two, _ := b.Take("", "bob", 10)
			if _, over := a.Take("", "bob", 10); over == nil || over.Used != 2 || over.Key != "upstream.pace.messages_per_day" {
				t.Errorf("the third: %v", over)
			}
			one.Close()
			two.Spend()
			three, over := b.Take("", "bob", 80)
			if over != nil {
				t.Fatal(over)
			}
			if over := three.Resize(90); over != nil {
				t.Error(over)
			}
			if over := three.Resize(91); over == nil || over.Used != 10 {
				t.Errorf("more bytes than there are: %+v", over)
			}
			three.Close()
			if four, over := a.Take("", "bob", 90); over != nil {
				t.Error(over)
			} else {
				four.Spend()
			}
			if s := a.Of("", "bob"); s.Used != (budget.Amount{Messages: 2, Bytes: 100}) {
				t.Errorf("used %+v", s.Used)
			}
		})
	}
}

// Without Redis each gateway goes on with what it knows, and tells it when Redis is back.
func TestBudgetsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	first, second := join(t, r), join(t, r)
	limits := budget.Limits{Each: budget.Amount{Messages: 10}}
	a, b := openBooks(first, limits), openBooks(second, limits)
	store := func(b *budget.Books, n int) (stored int) {
		for range n {
			if share, over := b.Take("", "bob", 1); over == nil {
				share.Spend()
				stored++
			}
		}
		return stored
	}
	store(a, 2)
	store(b, 2)
	r.Kill()
	if n, m := store(a, 2), store(b, 20); n != 2 || m != 6 { // a knows of 2, b of 4
		t.Errorf("%d and %d stored without Redis", n, m)
	}
	r.Start()
	testkit.Eventually(t, "Redis is back", func() bool { return first.hasRedis() && second.hasRedis() })
	testkit.Eventually(t, "Redis knows of all", func() bool {
		taken, ok := books{first}.Take("", "bob", 0, budget.Amount{}, budget.Limits{})
		sum := int64(0)
		for _, n := range taken.Each {
			sum += n.Messages
		}
		return ok && sum == 12
	})
	if _, over := a.Take("", "bob", 1); over == nil || over.Used != 12 {
		t.Errorf("the next message: %v", over)
	}
	third := openBooks(join(t, r), limits)
	third.Add("", "bob", time.Now(), budget.Amount{Messages: 3}) // by its ledger
	if _, over := third.Take("", "bob", 1); over == nil || over.Used != 12 {
		t.Errorf("a new gateway: %v", over)
	}
}
