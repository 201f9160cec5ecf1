package backend

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// TLSMode is the protection of a connection to the upstream.
type TLSMode string

const (
	TLSImplicit     TLSMode = "implicit"      // TLS from the first byte, port 993
	TLSStartTLS     TLSMode = "starttls"      // STARTTLS, mandatory: never falls back to plain text
	TLSInsecureNone TLSMode = "insecure-none" // plain text
)

// Options describe one upstream server.
type Options struct {
	Address string // host:port
	// MoreAddresses are further addresses of the same Exchange. An account comes to the same
	// address each time; one that does not answer is passed over.
	MoreAddresses []string
	TLS           TLSMode        // "" is TLSImplicit
	ServerName    string         // the name that each certificate must contain; "": the host of its address
	RootCAs       *x509.CertPool // nil: the system's
	// Pin is the SHA-256 of the server's certificate (DER) in hexadecimal,
	// colons allowed. When set it replaces the verification of chain and name.
	Pin string
	// OldTLS allows TLS 1.0 and 1.1, the RSA key exchange and 3DES, because old versions
	// of Exchange have nothing better. It does not protect against somebody who records
	// the traffic and breaks it later.
	OldTLS bool
	// NoHybrid leaves X25519MLKEM768 out of the key shares. It needs TLS 1.3, which old
	// Exchanges have not (docs/exchange.md#tls).
	NoHybrid bool
	Login    LoginOptions
	// Admin and OAuth2 are the gateway's own credentials. Only one of them is set.
	Admin  Admin
	OAuth2 OAuth2Options
	// MaxBackoff is the longest back-off; 0 is DefaultMaxBackoff.
	MaxBackoff time.Duration
	Timeouts   Timeouts
	// LiteralPlus sends messages without waiting for "+", to a server that has
	// LITERAL+ or, for those of up to 4096 bytes, LITERAL- (RFC 7888).
	LiteralPlus bool
}

// DefaultMaxBackoff is above the 300 s that Exchange Online suggests
// (docs/exchange.md#throttling).
const DefaultMaxBackoff = 15 * time.Minute

// DefaultReply is how long an upstream may be silent while exgate waits for a reply.
const DefaultReply = 5 * time.Minute

// DefaultMaxWait, for a free connection, is below the two minutes after which
// imapsync gives up (docs/clients.md#imapsync).
const DefaultMaxWait = 100 * time.Second

// LoginOptions say what a client's name means, and in which spellings exgate sends
// it upstream.
type LoginOptions struct {
	Domains     []string // NetBIOS and DNS spellings, tried in this order
	UPN         string   // the UPN suffix, if it differs from the DNS domain
	Separator   string   // the * of "user*admin"; "": none
	Forms       []Form   // in order; nil: the profile's
	Aliases     []Alias  // for mailboxes whose alias differs from the user's name
	MaxFailures int      // failed logins upstream for one login of a client; 0: DefaultMaxFailures
}

// DefaultMaxFailures keeps one mistyped password below the lock-out threshold of
// Active Directory, where each failure counts.
const DefaultMaxFailures = 2

// Alias is the alias (mailNickname) of a user's mailbox. Exchange finds the mailbox
// that an admin asks for by its alias (docs/exchange.md#login-forms).
type Alias struct {
	User  string // the client's name for the user, in any case
	Alias string
}

// Form is the name of one way to write a login. forms.go has the table.
type Form string

const (
	FormAsSent           Form = "as-sent"            // the name as the client sent it
	FormUser             Form = "user"               // the name before its @
	FormUserUPN          Form = "user@upn"           //
	FormDomainUser       Form = `domain\user`        //
	FormDomainUserAlias  Form = "domain/user/alias"  // Exchange 2000 and 2003
	FormDomainAdminUser  Form = `domain\admin\user`  //
	FormAdminUPNUser     Form = `admin@upn\user`     //
	FormDomainAdminAlias Form = "domain/admin/alias" // Exchange 2000 and 2003
	FormAdminUPNAlias    Form = "admin@upn/alias"    //
	FormPlainAuthzid     Form = "plain-authzid"      // SASL PLAIN, authzid user, authcid admin
	FormToken            Form = "xoauth2"            // with a token, and with nothing else
)

// Forms are the forms of a login with a password, which the configuration chooses
// from.
var Forms = []Form{
	FormAsSent, FormUser, FormUserUPN, FormDomainUser, FormDomainUserAlias, FormDomainAdminUser, FormAdminUPNUser,
	FormDomainAdminAlias, FormAdminUPNAlias, FormPlainAuthzid,
}

// Timeouts limit the phases of an upstream connection. A zero field means the
// default.
type Timeouts struct {
	Dial     time.Duration // TCP connect; 20 s
	Greeting time.Duration // TLS and greeting; 30 s
	Login    time.Duration // one login command; 60 s
	Reply    time.Duration // silence while a command is in progress; DefaultReply
	Write    time.Duration // one write; 2 min
	Leave    time.Duration // for the server to close the connection after exgate; 1 s
}

// WithDefaults returns t with defaults in the zero fields.
func (t Timeouts) WithDefaults() Timeouts {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&t.Dial, 20*time.Second)
	set(&t.Greeting, 30*time.Second)
	set(&t.Login, 60*time.Second)
	set(&t.Reply, DefaultReply)
	set(&t.Write, 2*time.Minute)
	set(&t.Leave, time.Second)
	return t
}

// problems has the problems that Validate has found.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// Validate returns every problem of the options at once. Each begins with its key, as
// the configuration spells it.
func (o Options) Validate() error {
	var found problems
	if o.Address == "" {
		found.add("address: missing: give the Exchange server as host:port, such as mail.example.com:993")
	} else if !isHostPort(o.Address) {
		found.add("address: %q is not host:port, such as mail.example.com:993", o.Address)
	}
	if len(o.MoreAddresses) > maxMoreAddresses {
		found.add("more_addresses: there are %d, and the limit is %d", len(o.MoreAddresses), maxMoreAddresses)
	}
	for i, a := range o.MoreAddresses {
		if !isHostPort(a) {
			found.add("more_addresses: entry %d: %q is not host:port, such as mail2.example.com:993", i+1, a)
		} else if a == o.Address || slices.Contains(o.MoreAddresses[:i], a) {
			found.add("more_addresses: entry %d: %q is there twice", i+1, a)
		}
	}
	switch o.TLS {
	case "", TLSImplicit, TLSStartTLS, TLSInsecureNone:
	default:
		found.add("tls: %q is not one of implicit, starttls, insecure-none", o.TLS)
	}
	if o.Pin != "" {
		if b, err := hex.DecodeString(strings.ReplaceAll(o.Pin, ":", "")); err != nil || len(b) != 32 {
			found.add("pin: this is not the SHA-256 of a certificate (64 hexadecimal digits, colons allowed)")
		}
	}
	o.Login.validate(&found)
	if o.Admin.Name != "" && o.OAuth2.Flow != FlowNone {
		found.add("login.admin: set either this or oauth2, not both")
	}
	if err := checkName(o.Admin.Name); err != nil {
		found.add("login.admin: %w", err)
	}
	if o.Holds() && o.TLS == TLSInsecureNone {
		found.add("tls: insecure-none is not allowed: exgate sends a credential that it holds only to a server whose " +
			"certificate it has verified, or that is pinned")
	}
	o.OAuth2.validate(&found)
	if o.MaxBackoff < 0 {
		found.add("pace.max_backoff: %s is negative", o.MaxBackoff)
	}
	return errors.Join(found...)
}

// maxMoreAddresses is the largest number of MoreAddresses. Each login may try them all.
const maxMoreAddresses = 15

func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && host != "" && port != ""
}

// Addresses returns Address and MoreAddresses.
func (o Options) Addresses() []string { return append([]string{o.Address}, o.MoreAddresses...) }

// validate finds the problems of the login options.
func (o LoginOptions) validate(found *problems) {
	for i, f := range o.Forms {
		if !slices.Contains(Forms, f) {
			found.add("login.forms: entry %d: %q is not one of %q", i+1, f, Forms)
		}
	}
	for i, a := range o.Aliases {
		switch {
		case a.User == "" || a.Alias == "":
			found.add("login.aliases: entry %d: give user and alias, as in {user: bob@example.com, alias: bob}", i+1)
		case strings.ContainsAny(a.Alias, "\\/@") || checkName(a.Alias) != nil:
			found.add(`login.aliases: entry %d: %q is not an alias: an alias contains no @ \ /`, i+1, a.Alias)
		}
	}
	if strings.ContainsAny(o.Separator, "@\\/\r\n\x00") || len(o.Separator) > 1 {
		found.add(`login.separator: %q is not allowed: use one character other than @ \ /`, o.Separator)
	}
	if o.MaxFailures < 0 {
		found.add("login.max_failures: %d is negative", o.MaxFailures)
	}
}
