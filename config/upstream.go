package config

import (
	"time"

	"exgate/backend"
)

// Upstream is the Exchange server and how exgate behaves towards it.
type Upstream struct {
	// The server, host:port.
	Address string `key:"address" sample:"mail.example.com:993"`
	// implicit: TLS from the first byte (port 993). starttls: STARTTLS, never
	// without it (port 143). insecure-none: plain text.
	TLS backend.TLSMode `key:"tls" sample:"implicit"`
	// The name that the server's certificate must carry. Unset: the host of
	// address.
	ServerName string `key:"server_name" example:"mail.example.com"`
	// Certificates of the authorities to trust, PEM. Unset: the system's.
	CAFile string `key:"ca_file" example:"/etc/exgate/ca.pem"`
	// SHA-256 of the server's certificate in hexadecimal, colons allowed. It
	// replaces the check of the chain and of the name, as needed where an old
	// Exchange has a SHA-1 certificate or its name in the CN only.
	Pin string `key:"pin" example:"9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08"`
	// Take TLS 1.0 and 1.1, and the RSA key exchange without forward secrecy, from
	// a server that has nothing better: Exchange 2000 to 2010 on an old Windows.
	InsecureOldTLS bool `key:"insecure-old-tls"`
	// The row of the profile table. auto: the strictest numbers hold until the
	// login shows what the server is.
	Profile string `key:"profile" sample:"auto"`
	// Send messages without waiting for Exchange's "+": a round trip less for
	// each, where the server has LITERAL+ (RFC 7888). It is not known what Exchange
	// does with the bytes of such a message when it refuses it, so that its
	// connection is given up then. Unset or false: as the profile says.
	LiteralPlus bool `key:"literal_plus"`
	// Commands of one client in flight at once. 0: as the profile says.
	Pipeline int `key:"pipeline"`
	// When Exchange drops a connection, go on with a new one where the client
	// cannot tell the difference. false: the client's session ends too.
	Resume bool `key:"resume"`
	// How long Exchange may be silent while a reply is awaited, before its
	// connection is given up. A SEARCH or COPY in a large mailbox takes minutes.
	ReplyTimeout time.Duration `key:"reply_timeout" example:"10m"`
	// What a client's login name means, and how it is written to Exchange.
	Login Login `key:"login"`
	// Access tokens in place of passwords, as Exchange Online wants them.
	OAuth2 OAuth2 `key:"oauth2"`
	// How fast, and how patiently.
	Pace Pace `key:"pace"`
}

// FurtherUpstream is an entry of upstreams.
type FurtherUpstream struct {
	Name     string   `key:"name"`
	Match    []string `key:"match"`
	Upstream `key:",squash"`
}

// Login is backend.LoginOptions in the file's words.
type Login struct {
	// Windows domains, NetBIOS or DNS, tried in this order. domain\user of one
	// of them is the user himself; any other a\b is the admin a for the user b.
	Domains []string `key:"domains" example:"[EXAMPLE, example.local]"`
	// The UPN suffix, where it is not the DNS name of the domain.
	UPN string `key:"upn" example:"example.com"`
	// One character that makes user*admin mean the admin for the user. Unset:
	// none does.
	Separator string `key:"separator" example:"\"*\""`
	// How logins are written, in the order tried. An admin's: domain\admin\user,
	// admin@upn\user, domain/admin/alias, admin@upn/alias, plain-authzid (SASL
	// PLAIN). A user's own: as-sent, user, user@upn, domain\user,
	// domain/user/alias. Without one for an admin, his are the profile's; without
	// one for a user, his is as-sent.
	Forms []backend.Form `key:"forms" example:"['domain\\admin\\user', 'admin@upn\\user', plain-authzid]"`
	// Users whose mailbox has an alias (mailNickname) that is not their name:
	// Exchange looks up the mailbox that an admin asks for by its alias.
	Aliases []Alias `key:"aliases" example:"[{user: carol@example.com, alias: cc}]"`
	// Failed logins upstream for one login of a client. Each counts towards a
	// lock-out in Active Directory.
	MaxFailures int `key:"max_failures"`
	// An account with FullAccess, as which exgate logs in itself: clients then
	// log in as the callers of users_file, who need not know its password. As
	// Exchange is told it: EXAMPLE\svc or svc@example.com.
	Admin string `key:"admin" example:"EXAMPLE\\svc"`
	// Its password, here or in one of the next two places.
	AdminPassword backend.Secret `key:"admin_password" example:"'pa$s\\word'"`
	// File that holds it; the line end is not part of it.
	AdminPasswordFile string `key:"admin_password_file" example:"/run/credentials/exgate/admin"`
	// Name of the environment variable that holds it.
	AdminPasswordEnv string `key:"admin_password_env" example:"SVC_PASSWORD"`
}

// OAuth2 is backend.OAuth2Options in the file's words.
type OAuth2 struct {
	// Where tokens come from. client-credentials: the application has access to
	// the mailboxes itself (IMAP.AccessAsApp). refresh-token: a user consents
	// once, by exgate login. command: a program prints one. Unset: clients bring
	// what proves their logins, a token by XOAUTH2 or OAUTHBEARER among it.
	Flow backend.Flow `key:"flow" example:"client-credentials"`
	// Directory (tenant) of Microsoft Entra, by id or domain.
	Tenant string `key:"tenant" example:"example.onmicrosoft.com"`
	// Application (client) id.
	ClientID string `key:"client_id" example:"00000000-1111-2222-3333-444444444444"`
	// Client secret, here or in one of the next two places.
	ClientSecret backend.Secret `key:"client_secret" example:"'secret'"`
	// File that holds it; the line end is not part of it.
	ClientSecretFile string `key:"client_secret_file" example:"/run/credentials/exgate/client"`
	// Name of the environment variable that holds it.
	ClientSecretEnv string `key:"client_secret_env" example:"CLIENT_SECRET"`
	// Certificate and RSA key, PEM, that prove the application in place of a
	// secret.
	CertificateFile string `key:"certificate_file" example:"/etc/exgate/client.crt"`
	// Its private key.
	KeyFile string `key:"key_file" example:"/etc/exgate/client.key"`
	// The password of each login is the client secret, so that exgate holds
	// none, and whoever knows it opens what the application may.
	SecretFromLogin bool `key:"secret_from_login"`
	// Whose consent opens all mailboxes, with refresh-token. Unset: each mailbox
	// needs its own.
	Account string `key:"account" example:"svc@example.com"`
	// The program and its arguments, without a shell; {mailbox} is the mailbox.
	// It prints a token, or JSON with access_token and expires_in.
	Command []string `key:"command" example:"[/usr/local/bin/token, '{mailbox}']"`
	// Scopes to ask for. Unset: those for IMAP on Exchange Online.
	Scopes []string `key:"scopes" example:"[https://outlook.office365.com/.default]"`
	// Address of the token endpoint, elsewhere than at Microsoft.
	TokenURL string `key:"token_url" example:"https://login.microsoftonline.us/example.com/oauth2/v2.0/token"`
	// The same for device codes.
	DeviceURL string `key:"device_url" example:"https://login.microsoftonline.us/example.com/oauth2/v2.0/devicecode"`
	// The key with which refresh tokens are encrypted, 32 bytes in base64, mode
	// 0600; made when first needed. Unset: token.key in state_dir, which is
	// little help against whoever copies all of state_dir.
	TokenKeyFile string `key:"token_key_file" example:"/run/credentials/exgate/token.key"`
}

// Alias is backend.Alias in the file's words.
type Alias struct {
	User  string `key:"user"`
	Alias string `key:"alias"`
}

// Pace is kept per account.
type Pace struct {
	// Messages per second and account, each way; fractions allowed, 0 is no
	// limit. A FETCH that brings many at once is not cut short: what comes next
	// waits, for 5 s at most. Each throttle of Exchange halves the pace, down to
	// a sixteenth; each minute without one gives a tenth back. Unset: the
	// profile's.
	MessagesPerSecond *float64 `key:"messages_per_second" example:"4"`
	// Commands of clients per second and account; fractions allowed, 0 is no
	// limit. A throttle makes them slower too.
	CommandsPerSecond float64 `key:"commands_per_second" example:"20"`
	// Bytes per second and account, each way, for the sake of a link. Messages
	// are slowed while they pass. 0 is no limit.
	BytesPerSecond int64 `key:"bytes_per_second" example:"500000"`
	// The longest "Suggested Backoff Time" of Exchange that is waited out.
	MaxBackoff time.Duration `key:"max_backoff"`
	// Connections to Exchange for one mailbox, of which one is kept for
	// exgate's own needs. Exchange allows a user 16 by default. 0: no bound.
	ConnectionsPerAccount int `key:"connections_per_account"`
	// The same for one login name, such as an admin's, over all mailboxes that
	// it opens. 0: no bound.
	ConnectionsPerLogin int `key:"connections_per_login" example:"64"`
	// How long a client waits for its turn at the login, or to come back.
	MaxWait time.Duration `key:"max_wait"`
	// A client that has idled so long, in IDLE too, gives its connection to one
	// that waits, and gets one again for its next command, or when nobody waits
	// any more. 0: never.
	ParkAfter time.Duration `key:"park_after" example:"1m"`
	// The pace of all accounts of the upstream together.
	All PaceOfAll `key:"all"`
}

// PaceOfAll holds besides that of each account; 0 is no limit.
type PaceOfAll struct {
	// Messages per second, each way.
	MessagesPerSecond float64 `key:"messages_per_second" example:"40"`
	// Commands of clients per second.
	CommandsPerSecond float64 `key:"commands_per_second" example:"200"`
	// Bytes per second, each way.
	BytesPerSecond int64 `key:"bytes_per_second" example:"5000000"`
}
