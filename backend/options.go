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

// TLSMode says how a connection to the upstream is protected.
type TLSMode string

const (
	TLSImplicit     TLSMode = "implicit"      // TLS from the first byte, port 993
	TLSStartTLS     TLSMode = "starttls"      // STARTTLS, mandatory: never falls back to plain text
	TLSInsecureNone TLSMode = "insecure-none" // plain text
)

// Options describe one upstream server.
type Options struct {
	Address    string         // host:port
	TLS        TLSMode        // "" is TLSImplicit
	ServerName string         // name the certificate must carry; "" is the host of Address
	RootCAs    *x509.CertPool // nil: the system's
	// Pin is the SHA-256 of the server's certificate (DER) in hexadecimal,
	// colons allowed. When set it replaces the verification of chain and name.
	Pin string
	// OldTLS lets TLS 1.0 and 1.1 and the RSA key exchange in, which old
	// versions of Exchange have nothing better than. It is worth no more than
	// plain text to somebody who records and breaks it later.
	OldTLS bool
	Login  LoginOptions
	// Admin and OAuth2 are what the gateway logs in with itself, one of them.
	Admin  Admin
	OAuth2 OAuth2Options
	// MaxBackoff bounds how long a "Suggested Backoff Time" is waited out;
	// 0 is DefaultMaxBackoff.
	MaxBackoff time.Duration
	Timeouts   Timeouts
	// LiteralPlus sends messages without waiting for "+", to a server that has
	// LITERAL+ or, for those of up to 4096 bytes, LITERAL- (RFC 7888).
	LiteralPlus bool
}

// DefaultMaxBackoff is above the 300 s that Exchange Online suggests
// (exchange-behaviour.md §4.3).
const DefaultMaxBackoff = 15 * time.Minute

// DefaultReply is how long an upstream may be silent while a reply is awaited.
const DefaultReply = 5 * time.Minute

// DefaultMaxWait, for a free connection, is below the two minutes after which
// imapsync gives up (clients.md).
const DefaultMaxWait = 100 * time.Second

// LoginOptions say what a client's name means and in which spellings it is
// presented upstream.
type LoginOptions struct {
	Domains     []string // NetBIOS and DNS spellings, tried in this order
	UPN         string   // UPN suffix, where it is not the DNS domain
	Separator   string   // "user*admin": "" is none
	Forms       []Form   // in order; nil: the profile's
	Aliases     []Alias  // where a mailbox's alias is not its user's name
	MaxFailures int      // failed logins upstream for one login of a client; 0 is DefaultMaxFailures
}

// DefaultMaxFailures keeps one mistyped password below the lock-out threshold
// of Active Directory, where each failure counts.
const DefaultMaxFailures = 2

// Alias tells the alias (mailNickname) of a user's mailbox, by which Exchange
// looks up the mailbox that an admin asks for (exchange-behaviour.md §2.1).
type Alias struct {
	User  string // as clients name him, in any case
	Alias string
}

// Form is the name of one way to write a login; see forms.go for the table.
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

// Forms are those of a login with a password, among which there is a choice.
var Forms = []Form{
	FormAsSent, FormUser, FormUserUPN, FormDomainUser, FormDomainUserAlias, FormDomainAdminUser, FormAdminUPNUser,
	FormDomainAdminAlias, FormAdminUPNAlias, FormPlainAuthzid,
}

// Timeouts are the phases of an upstream connection. A zero field takes its
// default.
type Timeouts struct {
	Dial     time.Duration // TCP connect; 20 s
	Greeting time.Duration // TLS and greeting; 30 s
	Login    time.Duration // one login command; 60 s
	Reply    time.Duration // silence while a command is in progress; DefaultReply
	Write    time.Duration // one write; 2 min
	Leave    time.Duration // for the server to close after us; 1 s
}

// WithDefaults fills the zero fields.
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

// Validate returns every fault of the options at once, each beginning with
// the name of its key as configuration spells it.
func (o Options) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Address == "" {
		fault("address: missing: give the Exchange server as host:port, such as mail.example.com:993")
	} else if host, port, err := net.SplitHostPort(o.Address); err != nil || host == "" || port == "" {
		fault("address: %q is not host:port, such as mail.example.com:993", o.Address)
	}
	switch o.TLS {
	case "", TLSImplicit, TLSStartTLS, TLSInsecureNone:
	default:
		fault("tls: %q is none of implicit, starttls, insecure-none", o.TLS)
	}
	if o.Pin != "" {
		if b, err := hex.DecodeString(strings.ReplaceAll(o.Pin, ":", "")); err != nil || len(b) != 32 {
			fault("pin: not the SHA-256 of a certificate (64 hexadecimal digits, colons allowed)")
		}
	}
	for i, f := range o.Login.Forms {
		if !slices.Contains(Forms, f) {
			fault("login.forms: entry %d: %q is none of %q", i+1, f, Forms)
		}
	}
	for i, a := range o.Login.Aliases {
		switch {
		case a.User == "" || a.Alias == "":
			fault("login.aliases: entry %d: give both, as in {user: bob@example.com, alias: bob}", i+1)
		case strings.ContainsAny(a.Alias, "\\/@") || checkName(a.Alias) != nil:
			fault(`login.aliases: entry %d: %q is no alias: it has none of @ \ /`, i+1, a.Alias)
		}
	}
	if strings.ContainsAny(o.Login.Separator, "@\\/\r\n\x00") || len(o.Login.Separator) > 1 {
		fault(`login.separator: %q: use one character, none of @ \ /`, o.Login.Separator)
	}
	if o.Admin.Name != "" && o.OAuth2.Flow != FlowNone {
		fault("login.admin: give it or oauth2, not both")
	}
	if err := checkName(o.Admin.Name); err != nil {
		fault("login.admin: %w", err)
	}
	if o.Holds() && o.TLS == TLSInsecureNone {
		fault("tls: insecure-none: what exgate holds goes only to a server whose certificate was verified or pinned")
	}
	errs = append(errs, o.OAuth2.Validate())
	if o.Login.MaxFailures < 0 {
		fault("login.max_failures: %d is negative", o.Login.MaxFailures)
	}
	if o.MaxBackoff < 0 {
		fault("pace.max_backoff: %s is negative", o.MaxBackoff)
	}
	return errors.Join(errs...)
}
