package main

import (
	"fmt"
	"strings"
	"time"

	"exgate/backend"
	"exgate/config"
	"exgate/config/profile"
)

// expiryWarning is how long before its end a certificate is worth a word.
const expiryWarning = 30 * 24 * time.Hour

// advise says what to change: what stands in the way first, then what works
// and could be better.
func (r *loginReport) advise(c *config.Config, now time.Time) {
	add := func(format string, args ...any) { r.Advice = append(r.Advice, fmt.Sprintf(format, args...)) }
	if o := r.OtherTLS; o != nil && o.Error == "" && r.Problem != nil {
		add("TLS works the other way: set upstream.tls: %s and upstream.address: %s", o.Mode, o.Address)
	}
	r.adviseTLS(c, now, add)
	r.adviseForms(c, add)
	r.adviseProfile(c, add)
}

func (r *loginReport) adviseTLS(c *config.Config, now time.Time, add func(string, ...any)) {
	t := r.TLS
	switch {
	case t == nil && r.Greeting != "":
		add("passwords can be read on the way to this server: set upstream.tls: implicit (port 993) or starttls (port 143)")
	case t == nil:
	case t.Verified == "" && old(t.Version) && !c.Upstream.InsecureOldTLS:
		add("the server has no more than %s: upstream.insecure-old-tls: true takes it; docs/logins.md says what that is worth", t.Version)
	case t.Verified == "":
	case old(t.Version):
		add("%s keeps out nobody who means it: have this server on the same machine or behind a tunnel, or renew its Windows", t.Version)
	}
	if t != nil && t.Verified != "" && t.Expires.Sub(now) < expiryWarning {
		renewal := "renew it (Enable-ExchangeCertificate)"
		if c.Upstream.Pin != "" {
			renewal += ", and then set upstream.pin anew"
		}
		if t.Expires.Before(now) { // which a pin does not ask about
			add("the certificate ended on %s: %s", t.Expires.Format(time.DateOnly), renewal)
		} else {
			add("the certificate ends on %s: %s", t.Expires.Format(time.DateOnly), renewal)
		}
	}
}

// old tells whether a version of TLS, as crypto/tls names it, is one that needs
// insecure-old-tls.
func old(version string) bool { return version == "TLS 1.0" || version == "TLS 1.1" }

func (r *loginReport) adviseForms(c *config.Config, add func(string, ...any)) {
	refused, accepted := 0, backend.Form("")
	for _, form := range r.Forms {
		switch {
		case form.OK:
			accepted = form.Form
		case form.Asked:
			refused++
		}
	}
	switch {
	case accepted != "" && refused > 0:
		add("Exchange refused %d forms before it took one, which counts towards a lock-out each time that exgate starts: set upstream.login.forms: ['%s']", refused, accepted)
	case accepted == "" && refused > 0 && r.Admin == "" && !strings.Contains(r.Login, "@") && (r.Profile == backend.ProfileOnline || r.Evidence().NamesOnline()):
		add("Exchange Online knows a user by his whole address: log in as that, or set upstream.login.forms: ['user@upn'] and upstream.login.upn")
	case accepted == "" && r.Admin != "" && refused == c.Upstream.Login.MaxFailures:
		add("after %d failures it is given up; if the password is right, and the account can afford more of them, walk the other forms: exgate check --login '%s' --set upstream.login.max_failures=9",
			refused, r.Login)
	}
}

// adviseProfile compares the profile set with what the server shows after the
// login.
func (r *loginReport) adviseProfile(c *config.Config, add func(string, ...any)) {
	if !r.Opened {
		return
	}
	found, why := backend.Detect(r.Evidence())
	sure := !strings.HasPrefix(why, "hint") && !strings.HasPrefix(why, "nothing")
	set := c.Upstream.Profile
	switch {
	case set == profile.Auto && !sure:
		add("what the server is cannot be told for sure (%s): if you know its version, set upstream.profile", why)
	case set == profile.Auto && found == "plain":
		add("this is no Exchange (%s): nothing is repaired, and upstream.profile: plain saves the asking", why)
	case set == profile.Auto || !sure || set == found || set == "exchange-se" && found == "exchange2019":
	case set == "plain":
		add("the server is %s (%s), and profile plain repairs nothing: set upstream.profile: %s, or auto", found, why, found)
	default:
		add("the server is %s (%s), and not %s: set upstream.profile: %s, or auto", found, why, set, found)
	}
}
