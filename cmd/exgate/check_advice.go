package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"exgate/backend"
	"exgate/config"
	"exgate/config/profile"
)

// expiryWarning is the remaining life of a certificate below which exgate warns.
const expiryWarning = 30 * 24 * time.Hour

// advise adds recommendations: first for the problem, then for things that work
// but could be better.
func (r *loginReport) advise(c *config.Config, now time.Time) {
	add := func(format string, args ...any) { r.Advice = append(r.Advice, fmt.Sprintf(format, args...)) }
	if o := r.OtherTLS; o != nil && o.Error == "" && r.Problem != nil {
		add("the server accepts TLS another way: set upstream.tls: %s and upstream.address: %s", o.Mode, o.Address)
	}
	r.adviseTLS(c, now, add)
	r.adviseForms(c, add)
	r.adviseProfile(c, add)
	r.adviseFolders(add)
}

func (r *loginReport) adviseTLS(c *config.Config, now time.Time, add func(string, ...any)) {
	t := r.TLS
	switch {
	case t == nil && r.Greeting != "":
		add("others on the network can read the passwords: set upstream.tls: implicit (port 993) or starttls (port " +
			"143)")
	case t == nil:
	case t.Verified == "" && isOldTLS(t.Version) && !c.Upstream.InsecureOldTLS:
		add("the server supports only %s: upstream.insecure-old-tls: true allows it; docs/logins.md describes the "+
			"risk", t.Version)
	case t.Verified == "":
	case isOldTLS(t.Version):
		add("%s does not stop a determined attacker: run exgate on the same machine as this server, use a tunnel, or "+
			"update the server's Windows", t.Version)
	}
	if t != nil && t.Verified != "" && t.Expires.Sub(now) < expiryWarning {
		renewal := "renew it (Enable-ExchangeCertificate)"
		if c.Upstream.Pin != "" {
			renewal += ", and then change upstream.pin"
		}
		if t.Expires.Before(now) { // exgate accepts it, because a pin replaces the check of the dates
			add("the certificate expired on %s: %s", t.Expires.Format(time.DateOnly), renewal)
		} else {
			add("the certificate expires on %s: %s", t.Expires.Format(time.DateOnly), renewal)
		}
	}
}

// isOldTLS reports whether a version of TLS, as crypto/tls names it, needs
// insecure-old-tls.
func isOldTLS(version string) bool { return version == "TLS 1.0" || version == "TLS 1.1" }

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
		add("Exchange refused %d login forms before it accepted one. This counts towards a lock-out each time that "+
			"exgate starts: set upstream.login.forms: ['%s']", refused, accepted)
	case accepted == "" && refused > 0 && r.Admin == "" && !strings.Contains(r.Login, "@") && r.isOnline():
		add("Exchange Online needs the user's whole address: log in with the address, or set " +
			"upstream.login.forms: ['user@upn'] and upstream.login.upn")
	case accepted == "" && r.Admin != "" && refused > 0 && refused < c.Upstream.Login.MaxFailures:
		add("%s", ownMailbox(r.Admin))
	case accepted == "" && r.Admin != "" && refused == c.Upstream.Login.MaxFailures:
		add("%s", ownMailbox(r.Admin))
		add("exgate stopped after %d failures. If the password is right, and the account is not near a lock-out, try "+
			"the other forms: exgate check --login '%s' --set upstream.login.max_failures=9", refused, r.Login)
	}
}

// ownMailbox advises how to tell an admin's wrong password from a right that is missing.
func ownMailbox(admin string) string {
	return fmt.Sprintf("to tell a wrong password from a missing right, open the admin's own mailbox: exgate check "+
		"--login '%s'. If it opens, the admin lacks FullAccess on this one, or this Exchange wants another form", admin)
}

// isOnline reports whether the server is, or seems to be, Exchange Online.
func (r *loginReport) isOnline() bool {
	return r.Profile == backend.ProfileOnline || r.Evidence().NamesOnline()
}

// adviseFolders names the mailboxes that a client cannot copy, because it does not see them.
func (r *loginReport) adviseFolders(add func(string, ...any)) {
	outside := 0
	for _, folder := range r.Folders {
		if !folder.Shown && slices.Contains(folder.By, "prefix") {
			outside++
		}
	}
	if outside > 0 {
		add("clients do not see %d mailboxes, which are outside names.prefix, so a copy of the mailbox leaves them "+
			"behind: set names.prefix: off if they are wanted", outside)
	}
}

// adviseProfile compares the configured profile with the server that the login
// has shown.
func (r *loginReport) adviseProfile(c *config.Config, add func(string, ...any)) {
	if !r.Opened {
		return
	}
	found, why := backend.Detect(r.Evidence())
	sure := !strings.HasPrefix(why, "hint") && !strings.HasPrefix(why, "nothing")
	set := c.Upstream.Profile
	switch {
	case set == profile.Auto && !sure:
		add("exgate is not sure about the version of the server (%s): if you know it, set upstream.profile", why)
	case set == profile.Auto && found == "plain":
		add("the server is not Exchange (%s), so exgate repairs nothing: set upstream.profile: plain, which makes "+
			"each login faster", why)
	case set == profile.Auto || !sure || set == found || set == "exchange-se" && found == "exchange2019":
	case set == "plain":
		add(
			"the server is %s (%s), but profile plain repairs nothing: set upstream.profile: %s, or auto",
			found,
			why,
			found,
		)
	default:
		add("the server is %s (%s), not %s: set upstream.profile: %s, or auto", found, why, set, found)
	}
}

// adviseEscalation recommends what lets clients go on that stop at the first message which is
// refused; "" if the configuration, with all its values, has it already or repairs nothing.
func adviseEscalation(c *config.Config) string {
	switch c.Fixes.Escalate {
	case config.EscalateShed, config.EscalateEnvelope:
		return ""
	}
	if c.Mode == config.Observe || c.Upstream.Profile == "plain" {
		return ""
	}
	return fmt.Sprintf("mutt, neomutt, imapfilter and offlineimap stop at a message that is refused: set "+
		"fixes.escalate: shed and quarantine.dir, and limits.message_size (now %d) to the true limit of this Exchange",
		c.Limits.MessageSize)
}
