package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"exgate/config/profile"
)

// Validate returns every problem at once. Each begins with its key, spelt as in
// the file. Validate checks only values; CheckFiles opens the files that some
// values name.
func (c *Config) Validate() error {
	var p problems
	choice(&p, "mode", c.Mode, Enforce, Observe)
	c.Listen.validate(&p)
	c.Listen.validateStatus(&p)
	c.TLS.validate(&p)
	c.validateUpstream(&p)
	c.validateFurther(&p)
	c.validateUsers(&p)
	c.validateFixes(&p)
	c.validateNames(&p)
	c.validateLimits(&p)
	c.Cluster.validate(&p)
	choice(&p, "log.format", c.Log.Format, FormatAuto, FormatText, FormatJSON)
	if c.Log.Trace == "" {
		p.add("log.trace", "empty: give a file, or off")
	}
	if c.Ledger.Retention < 0 {
		p.add("ledger.retention", "%s is negative: use a time such as 8760h, or 0 for ever", c.Ledger.Retention)
	}
	if c.Ledger.Size < 0 {
		p.add("ledger.size", "%d is negative: give a number of bytes, or 0 for no limit", c.Ledger.Size)
	}
	if c.Log.RotateAt != 0 && c.Log.RotateAt < smallestLog {
		p.add("log.rotate_at", "%d is not a size for a log: use %d bytes or more, or 0 for never", c.Log.RotateAt,
			smallestLog)
	}
	if c.Ledger.ReportEvery < 0 {
		p.add("ledger.report_every", "%s is negative: use a time such as 1h, or 0 for never", c.Ledger.ReportEvery)
	}
	if c.Ledger.Report != "" && c.Ledger.ReportFormat() == "" {
		p.add("ledger.report", "%q: use a name that ends in .html, .json, .csv or .txt", c.Ledger.Report)
	}
	if c.Ledger.Report != "" && c.Ledger.File == LedgerOff {
		p.add("ledger.report", "there is no report without a ledger: remove it, or ledger.file: off")
	}
	if c.DrainTimeout < 0 {
		p.add("drain_timeout", "%s is negative: use a time such as 1m", c.DrainTimeout)
	}
	return errors.Join(p...)
}

// smallestLog is the smallest size at which a log is rotated. A smaller log would lose
// within seconds what it is kept for.
const smallestLog = 1_000_000

func (l Listen) validate(p *problems) {
	if _, err := l.Proxies(); err != nil {
		p.add("listen.proxy_protocol", "%s", err)
	}
	if l.StartTLS == "" && l.Implicit == "" && l.InsecurePlaintext == "" {
		p.add("listen", "no listener: set listen.starttls or listen.implicit, for example to 127.0.0.1:1143")
	}
	taken := map[string]string{}
	for _, listener := range []struct{ key, address string }{
		{"listen.starttls", l.StartTLS},
		{"listen.implicit", l.Implicit},
		{"listen.insecure-plaintext", l.InsecurePlaintext},
		{"listen.status", l.Status},
	} {
		if listener.address == "" {
			continue
		}
		host, port, err := net.SplitHostPort(listener.address)
		if err != nil {
			p.add(listener.key, "%q is not host:port, such as 127.0.0.1:1143", listener.address)
			continue
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil {
			p.add(listener.key, "port %q is not a number from 0 to 65535", port)
		} else if first, ok := taken[listener.address]; ok && n != 0 {
			p.add(listener.key, "%s is already used by %s: use another port", listener.address, first)
		}
		taken[listener.address] = listener.key
		if listener.key == "listen.insecure-plaintext" && !isLoopback(host) {
			p.add(listener.key, "%s can be reached from other machines, so others could read the passwords: "+
				"use 127.0.0.1 or [::1], or listen.starttls", listener.address)
		}
	}
}

// hostOf returns the host of an address; "" if it has none.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address) // Validate has reported an invalid address
	return host
}

// isLoopback reports whether only this machine can reach the host.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (t TLS) validate(p *problems) {
	const remedy = "missing: give certificate_file and key_file, or neither for a self-signed certificate"
	switch {
	case t.CertificateFile != "" && t.KeyFile == "":
		p.add("tls.key_file", remedy)
	case t.CertificateFile == "" && t.KeyFile != "":
		p.add("tls.certificate_file", remedy)
	}
}

func (c *Config) validateUpstream(p *problems) {
	c.Upstream.validate(p)
	c.Upstream.validateSecrets(p)
	p.addAll("upstream.", c.backendOptions().Validate())
}

// At returns the configuration of a further upstream: c, with that upstream in
// the place of the first.
func (c *Config) At(u FurtherUpstream) *Config {
	at := *c
	at.Upstream = u.Upstream
	return &at
}

func (c *Config) validateFurther(p *problems) {
	names := []string{"default"}
	for i, u := range c.Upstreams {
		entry := fmt.Sprintf("upstreams, entry %d", i+1)
		switch {
		case u.Name == "" || strings.ContainsAny(u.Name, " \t=#"):
			p.add(entry, "name %q: use one word", u.Name)
		case slices.Contains(names, u.Name):
			p.add(entry, "another upstream is called %q too: use another name", u.Name)
		case len(u.Match) == 0 && c.RoutesFile == "":
			p.add(entry, "%s: no login can reach this server: set match, or routes_file", u.Name)
		}
		names = append(names, u.Name)
		if u.TLS == "" {
			continue // the entry could not be decoded: it lacks even the defaults
		}
		var its problems
		c.At(u).validateUpstream(&its)
		for _, problem := range its {
			p.add(entry+", "+u.Name, "%s", problem)
		}
	}
}

// validate finds the problems that backend.Options.Validate cannot know.
func (u Upstream) validate(p *problems) {
	portOf := func(key, address string) {
		if _, port, err := net.SplitHostPort(address); err == nil && port != "" {
			if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
				p.add(key, "port %q is not a number from 1 to 65535", port)
			}
		}
	}
	portOf("upstream.address", u.Address)
	for _, address := range u.MoreAddresses {
		portOf("upstream.more_addresses", address)
	}
	choice(p, "upstream.profile", u.Profile, profile.Names()...)
	if u.Pipeline < 0 {
		p.add("upstream.pipeline", "%d is negative: use 1 or more, or 0 for the profile's value", u.Pipeline)
	}
	for i, domain := range u.Login.Domains {
		if strings.HasPrefix(domain, "[") || strings.HasSuffix(domain, "]") {
			p.add("upstream.login.domains", `entry %d: %q: write a list on the command line or in the environment `+
				`without brackets, such as EXAMPLE,example.local`, i+1, domain)
		} else if domain == "" || strings.ContainsAny(domain, "\\/@ ") {
			p.add("upstream.login.domains", `entry %d: %q is not a domain such as EXAMPLE or example.local`, i+1, domain)
		}
	}
	if strings.ContainsAny(u.Login.UPN, "\\/@ ") {
		p.add("upstream.login.upn", "%q: write only the part after the @, such as example.com", u.Login.UPN)
	}
	if u.ReplyTimeout < time.Second {
		p.add("upstream.reply_timeout", "%s is too short: use 1s or more; a SEARCH in a large mailbox takes minutes",
			u.ReplyTimeout)
	}
	u.Pace.validate(p)
	if u.Pace.ParkAfter > 0 && !u.Resume {
		p.add("upstream.pace.park_after", "a parked session must be resumed: set upstream.resume: true")
	}
}

func (pace Pace) validate(p *problems) {
	rate := func(key string, perSecond float64) {
		if !(perSecond >= 0) || math.IsInf(perSecond, 0) {
			p.add("upstream.pace."+key, "%v is not a rate: use a number such as 4 or 0.33, or 0 for no limit",
				perSecond)
		}
	}
	bytes := func(key string, perSecond int64) {
		if perSecond < 0 || 0 < perSecond && perSecond < slowestLink {
			p.add("upstream.pace."+key, "%d is too slow: use %d or more, or 0 for no limit", perSecond, slowestLink)
		}
	}
	if pace.MessagesPerSecond != nil {
		rate("messages_per_second", *pace.MessagesPerSecond)
	}
	rate("commands_per_second", pace.CommandsPerSecond)
	bytes("bytes_per_second", pace.BytesPerSecond)
	rate("all.messages_per_second", pace.All.MessagesPerSecond)
	rate("all.commands_per_second", pace.All.CommandsPerSecond)
	bytes("all.bytes_per_second", pace.All.BytesPerSecond)
	perDay := func(key string, n int64) {
		if n < 0 {
			p.add("upstream.pace."+key, "%d is negative: use a number such as 1_000_000_000, or 0 for no limit", n)
		}
	}
	choice(p, "upstream.pace.over_budget", pace.OverBudget, OverBudgetRefuse, OverBudgetDisconnect)
	perDay("messages_per_day", pace.MessagesPerDay)
	perDay("bytes_per_day", pace.BytesPerDay)
	perDay("all.messages_per_day", pace.All.MessagesPerDay)
	perDay("all.bytes_per_day", pace.All.BytesPerDay)
	if n := pace.ConnectionsPerAccount; n < 0 || n == 1 {
		p.add("upstream.pace.connections_per_account",
			"%d is too few: use 2 or more, because exgate reserves one for its own needs, or 0 for no limit", n)
	}
	if n := pace.ConnectionsPerLogin; n != nil && *n < 0 {
		p.add("upstream.pace.connections_per_login", "%d is negative: use 1 or more, or 0 for no limit", *n)
	}
	if pace.MaxWait <= 0 {
		p.add("upstream.pace.max_wait", "%s is not a waiting time: use less than two minutes, after which clients "+
			"give up",
			pace.MaxWait)
	}
	if pace.ParkAfter < 0 {
		p.add("upstream.pace.park_after", "%s is negative: use a time such as 1m, or 0 for never", pace.ParkAfter)
	}
}

// slowestLink is the lowest pace in bytes per second: a message of 1 MB takes two
// minutes. With less, client and Exchange give each other up.
const slowestLink = 8 << 10

func (c *Config) validateNames(p *problems) {
	n := c.Names
	choice(p, "names.characters", n.Characters, "", CharactersReplace, NamesOff)
	choice(p, "names.special_use", n.SpecialUse, "", SpecialUseAdd, NamesOff)
	p.addAll("names.", c.Profile(c.Upstream.Profile).Names.Validate())
}

func (c *Config) validateLimits(p *problems) {
	l := c.Limits
	bound := func(key string, n int) {
		if n < 0 {
			p.add(key, "%d is negative: give a number, or 0 for no limit", n)
		}
	}
	bound("limits.connections_per_address", l.ConnectionsPerAddress)
	bound("limits.failed_logins", l.FailedLogins)
	if l.MessageSize < 0 {
		p.add("limits.message_size", "%d is negative: give a number of bytes, or 0 for the profile's value",
			l.MessageSize)
	}
	size := func(key string, n int64) {
		if n <= 0 {
			p.add(key, "%d is not a size: give a number of bytes", n)
		}
	}
	size("limits.spool_memory_per_message", l.SpoolMemoryPerMessage)
	size("limits.spool_memory", l.SpoolMemory)
	// Each budget must hold the one before it.
	profile := c.Profile(c.Upstream.Profile)
	least, because := int64(1), ""
	if profile.MessageLimit > 0 {
		least = profile.MessageLimit
		because = fmt.Sprintf("the largest message (profile %s, limits.message_size)", profile.Name)
	}
	for _, budget := range []struct {
		key   string
		bytes int64
	}{
		{"limits.spool_per_session", l.SpoolPerSession},
		{"limits.spool_per_account", l.SpoolPerAccount},
		{"limits.spool_total", l.SpoolTotal},
	} {
		switch {
		case budget.bytes <= 0:
			p.add(budget.key, "%d is not a budget: give a number of bytes", budget.bytes)
		case budget.bytes < least:
			p.add(budget.key, "%d is less than %s: give %d bytes or more", budget.bytes, because, least)
		}
		if budget.bytes > least {
			least, because = budget.bytes, budget.key
		}
	}
}

// problems collects errors that begin with a key.
type problems []error

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
}

// addAll takes joined errors apart and puts the prefix before each key.
func (p *problems) addAll(prefix string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			p.addAll(prefix, err)
		}
	} else if err != nil {
		*p = append(*p, fmt.Errorf("%s%w", prefix, err))
	}
}

// choice adds a problem if the value is not one of the choices. "" among the
// choices stands for the profile's value; the message leaves it out.
func choice[T ~string](p *problems, key string, value T, choices ...T) {
	if !slices.Contains(choices, value) {
		words := strings.TrimSpace(strings.Trim(fmt.Sprint(choices), "[]"))
		p.add(key, "%q is not one of %s", value, strings.ReplaceAll(words, " ", ", "))
	}
}
