package cluster

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/quarantine"
	"exgate/proxy/testkit"
)

// openPoisons returns a list in a directory of its own.
func openPoisons(t *testing.T) *quarantine.Poisons {
	t.Helper()
	p, err := quarantine.OpenPoisons(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// openShared returns a list of a gateway.
func openShared(t *testing.T, c *Cluster) *quarantine.Poisons {
	p := openPoisons(t)
	c.SharePoisons(p)
	return p
}

var poisonings = map[string]func(t *testing.T) (a, b *quarantine.Poisons){
	"memory": func(t *testing.T) (a, b *quarantine.Poisons) {
		p := openShared(t, nil)
		return p, p
	},
	"redis": func(t *testing.T) (a, b *quarantine.Poisons) {
		r := testkit.StartRedis(t)
		return openShared(t, join(t, r)), openShared(t, join(t, r))
	},
}

// What one gateway must not send again, no gateway sends again.
func TestPoisonsConform(t *testing.T) {
	for how, open := range poisonings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			for i := range 3 {
				size, sum := int64(100+i), sha256.Sum256([]byte{byte(i)})
				if err := []*quarantine.Poisons{a, b}[i%2].Add(size, sum); err != nil {
					t.Fatal(err)
				}
				for _, p := range []*quarantine.Poisons{a, b} {
					testkit.Eventually(t, "both know the message", func() bool { return p.HasSize(size) && p.Has(size, sum) })
					if p.Has(size+1, sum) || p.Has(size, sha256.Sum256(nil)) {
						t.Error("another message is on the list")
					}
				}
			}
		})
	}
}

// What was found while Redis was lost, all know when it is back, and those that come later, too.
func TestPoisonsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	first, second := join(t, r), join(t, r)
	a, b := openShared(t, first), openShared(t, second)
	r.Kill()
	testkit.Eventually(t, "both have lost Redis", func() bool { return !first.hasRedis() && !second.hasRedis() })
	sum := sha256.Sum256([]byte("poison"))
	if err := a.Add(6, sum); err != nil {
		t.Fatal(err)
	}
	r.Start()
	testkit.Eventually(t, "the other gateway knows", func() bool { return b.Has(6, sum) })
	third := openShared(t, join(t, r))
	testkit.Eventually(t, "a new gateway knows", func() bool { return third.Has(6, sum) })
	for _, one := range third.All() {
		if one.Age < 0 || one.Age > time.Minute {
			t.Errorf("it is %s old", one.Age)
		}
	}
}

// A list that is longer than what is told at a time is told whole, and its ages stay.
func TestManyPoisons(t *testing.T) {
	const n = 3*poisonsAtOnce + 7
	ago := time.Now().Add(-48 * time.Hour)
	old, err := quarantine.OpenPoisons("", func() time.Time { return ago })
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := old.Add(int64(i), sha256.Sum256([]byte(fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}
	ago = time.Now()
	r := testkit.StartRedis(t)
	join(t, r).SharePoisons(old)
	b := openShared(t, join(t, r))
	testkit.Eventually(t, "all are known", func() bool { return len(b.All()) == n })
	for _, one := range b.All() {
		if one.Age < 47*time.Hour || one.Age > 49*time.Hour {
			t.Fatalf("it is %s old", one.Age)
		}
	}
}

var rememberers = map[string]func(t *testing.T) (a, b *backend.Remembered){
	"memory": func(*testing.T) (a, b *backend.Remembered) {
		r := new(backend.Remembered)
		return r, r
	},
	"redis": func(t *testing.T) (a, b *backend.Remembered) {
		r := testkit.StartRedis(t)
		a, b = new(backend.Remembered), new(backend.Remembered)
		a.Share(join(t, r).Forms(""))
		b.Share(join(t, r).Forms(""))
		return a, b
	},
}

// A form that worked through one gateway is the one that is tried through another.
func TestFormsConform(t *testing.T) {
	bob, carol := backend.Identity{User: "Bob"}, backend.Identity{User: "carol"}
	all := []backend.Attempt{
		{Form: "domain\\user", Spelling: "EXAMPLE"}, {Form: "domain\\user", Spelling: "example.local"}, {Form: "upn"},
	}
	order := func(r *backend.Remembered, id backend.Identity) string {
		var words []string
		for _, a := range r.Narrow(id, all) {
			words = append(words, string(a.Form)+a.Spelling)
		}
		return strings.Join(words, " ")
	}
	const (
		first, second, third = `domain\userEXAMPLE`, `domain\userexample.local`, `upn`
		every                = first + " " + second + " " + third
	)
	for how, open := range rememberers {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			steps := []struct {
				what string
				do   func()
				want string
			}{
				{"nothing", func() {}, every},
				{"it worked", func() { a.Worked(bob, all[1]) }, second},
				{"another form is refused", func() { b.Refused(bob, all[0]) }, second},
				{"it is refused", func() { b.Refused(bob, all[1]) }, second + " " + first + " " + third},
				{"it works again", func() { b.Worked(backend.Identity{User: "bob"}, all[1]) }, second},
				{"it is refused once more", func() { a.Refused(bob, all[1]) }, second + " " + first + " " + third},
				{"and again", func() { b.Refused(bob, all[1]) }, every},
				{"another one works", func() { a.Worked(bob, all[2]) }, third},
			}
			for _, step := range steps {
				step.do()
				for _, r := range []*backend.Remembered{a, b} {
					if got := order(r, bob); got != step.want {
						t.Errorf("%s: %s, want %s", step.what, got, step.want)
					}
					if got := order(r, carol); got != every {
						t.Errorf("%s: another account has %s", step.what, got)
					}
				}
			}
		})
	}
}

// Without Redis, or its data, a gateway remembers what it has seen itself.
func TestFormsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	c := join(t, r)
	var remembered, other backend.Remembered
	remembered.Share(c.Forms(""))
	other.Share(c.Forms("other"))
	id, all := backend.Identity{User: "bob"}, []backend.Attempt{{Form: "upn"}, {Form: "domain"}}
	remembered.Worked(id, all[1])
	if n := len(other.Narrow(id, all)); n != 2 {
		t.Errorf("another upstream has %d forms", n)
	}
	r.Kill()
	if n := len(remembered.Narrow(id, all)); n != 1 {
		t.Errorf("%d forms without Redis", n)
	}
	remembered.Refused(id, all[1])
	r.Start()
	testkit.Eventually(t, "Redis is back", c.hasRedis)
	if got := remembered.Narrow(id, all); len(got) != 2 || got[0] != all[1] {
		t.Errorf("without the data of Redis: %v", got)
	}
}
