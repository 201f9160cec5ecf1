package config

import (
	"slices"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/config/profile"
)

// TestAutoIsStrictest holds the row auto to the others.
func TestAutoIsStrictest(t *testing.T) {
	c := Default()
	auto := c.Profile(profile.Auto)
	if got := c.Profile(""); got.Name != profile.Auto {
		t.Errorf("an unknown name is %q", got.Name)
	}
	for _, name := range profile.Names() {
		if name == "plain" {
			continue
		}
		p := c.Profile(name)
		if p.Name != name {
			t.Errorf("%s gives the row %s", name, p.Name)
		}
		if auto.MessageLimit > p.MessageLimit || auto.Message.LineLimit > p.Message.LineLimit ||
			auto.Pace.Each.Messages > p.Pace.Each.Messages || auto.Pipeline > p.Pipeline ||
			auto.LiteralPlus && !p.LiteralPlus {
			t.Errorf("%s is stricter than auto: %+v", name, p)
		}
		if p.Flagged && !auto.Flagged || p.Keywords && !auto.Keywords || p.Verify && !auto.Verify ||
			p.Message.LongLines != auto.Message.LongLines || p.Message.ReadReceipt != auto.Message.ReadReceipt {
			t.Errorf("%s repairs what auto does not: %+v", name, p)
		}
		if name == "exchange2000" || name == "exchange2003" {
			continue // their greetings tell them apart before the login
		}
		// Within the failures that a login may cost by default, auto comes to a
		// form that is the first of each version.
		first := auto.Forms[:backend.DefaultMaxFailures]
		if !slices.Contains(first, p.Forms[0]) && name != "exchange-online" {
			t.Errorf("%s begins with %s, auto with %s", name, p.Forms[0], first)
		}
		for _, form := range p.Forms {
			if !slices.Contains(auto.Forms, form) {
				t.Errorf("auto never tries %s of %s", form, name)
			}
		}
	}
}

// TestProfileIsACopy keeps a caller from changing the table.
func TestProfileIsACopy(t *testing.T) {
	c := Default()
	c.Profile(profile.Auto).Forms[0] = "changed"
	if got := c.Profile(profile.Auto).Forms[0]; got == "changed" {
		t.Error("the table has changed")
	}
	c.Upstream.Login.Forms = []backend.Form{backend.FormUser}
	c.Profile(profile.Auto).Forms[0] = "changed"
	if got := c.Upstream.Login.Forms[0]; got == "changed" {
		t.Error("the configuration has changed")
	}
}

// TestOverrides sets every choice against the row.
func TestOverrides(t *testing.T) {
	c := Default()
	none := 0.0
	c.Fixes = Fixes{LongLines: "wrap", LineLimit: 500, ReadReceipt: "seen", Flagged: FlaggedLeave, Keywords: KeywordsLeave}
	c.Limits.MessageSize = 1000
	c.Upstream.LiteralPlus = true
	c.Upstream.Pipeline = 5
	c.Upstream.Pace.MessagesPerSecond = &none
	c.Upstream.Login.Forms = []backend.Form{backend.FormUser}
	p := c.Profile("exchange2016")
	if p.Message.LongLines != "wrap" || p.Message.LineLimit != 500 || p.Message.ReadReceipt != "seen" || p.Flagged || p.Keywords ||
		p.MessageLimit != 1000 || !p.LiteralPlus || p.Pipeline != 5 || p.Pace.Each.Messages != 0 ||
		!p.Verify {
		t.Errorf("got %+v", p)
	}
	admins := Default().Profile("exchange2016").Forms
	for _, tt := range []struct{ set, want []backend.Form }{
		{nil, admins},
		{[]backend.Form{backend.FormUser}, slices.Insert(slices.Clone(admins), 0, backend.FormUser)},
		{[]backend.Form{backend.FormUser, backend.FormAdminUPNUser}, []backend.Form{backend.FormUser, backend.FormAdminUPNUser}},
		{[]backend.Form{backend.FormAsSent}, []backend.Form{backend.FormAsSent}}, // which is for both
	} {
		c.Upstream.Login.Forms = tt.set
		if got := c.Profile("exchange2016").Forms; !slices.Equal(got, tt.want) {
			t.Errorf("forms %q: %q", tt.set, got)
		}
	}
	c.Fixes = Fixes{Flagged: FlaggedReplay, Keywords: KeywordsDrop, Oversize: OversizeOff}
	if p := c.Profile("plain"); !p.Flagged || !p.Keywords || p.MessageLimit != 0 {
		t.Errorf("got %+v", p)
	}
}

// TestFormsAreDocumented: the comment of upstream.login.forms, hence the
// sample and the docs, names every form that backend knows.
func TestFormsAreDocumented(t *testing.T) {
	comment := fieldComments(t)["upstream.login.forms"]
	for _, form := range backend.Forms {
		if !strings.Contains(comment, string(form)) {
			t.Errorf("%s is not in %q", form, comment)
		}
	}
}
