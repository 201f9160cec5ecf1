package config

import (
	"time"

	"exgate/backend"
)

// Upstream is the Exchange server and how exgate behaves towards it.
type Upstream struct {
	// The address of the server, as host:port.
	Address string `key:"address" sample:"mail.example.com:993"`
	// Further addresses of the same Exchange, as host:port. An account comes to the same
	// address each time. An address that does not answer is passed over for half a minute.
	// The certificate of each must contain its own host, or server_name.
	MoreAddresses []string `key:"more_addresses" example:"[mail2.example.com:993]"`
	// implicit: TLS from the first byte (port 993). starttls: STARTTLS is mandatory
	// (port 143). insecure-none: plain text.
	TLS backend.TLSMode `key:"tls" sample:"implicit"`
	// The name that the server's certificate must contain. Unset: the host of
	// address.
	ServerName string `key:"server_name" example:"mail.example.com"`
	// PEM file with the certificates of the authorities to trust. Unset: the
	// system's authorities.
	CAFile string `key:"ca_file" example:"/etc/exgate/ca.pem"`
	// SHA-256 of the server's certificate in hexadecimal, colons allowed. It
	// replaces the check of chain, name and dates. An old Exchange needs it if its
	// certificate is signed with SHA-1 or has its name only in the CN.
	Pin string `key:"pin" example:"9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08"`
	// Allow TLS 1.0 and 1.1, the RSA key exchange (no forward secrecy) and 3DES, for
	// a server that has nothing better: Exchange 2000 to 2010 on an old Windows.
	InsecureOldTLS bool `key:"insecure-old-tls"`
	// The row of the profile table. auto: exgate uses the strictest values until the
	// login shows the version of the server.
	Profile string `key:"profile" sample:"auto"`
	// Send messages without waiting for Exchange's "+", if the server has LITERAL+
	// (RFC 7888). This saves one round trip for each message. Nobody knows what
	// Exchange does with the bytes of such a message if it refuses it, so exgate
	// then closes the connection. Unset or false: the profile decides.
	LiteralPlus bool `key:"literal_plus"`
	// Maximum number of commands of one client in flight. 0: the profile decides.
	Pipeline int `key:"pipeline"`
	// When Exchange drops a connection, continue the client's session on a new one,
	// if the client cannot notice the difference. false: the client's session ends
	// too.
	Resume bool `key:"resume"`
	// exgate gives up a connection if it waits for a reply and Exchange is silent
	// for this time. A SEARCH or COPY in a large mailbox takes minutes.
	ReplyTimeout time.Duration `key:"reply_timeout" example:"10m"`
	// The meaning of a client's login name, and the forms in which exgate writes it
	// for Exchange.
	Login Login `key:"login"`
	// Access tokens instead of passwords, which Exchange Online requires.
	OAuth2 OAuth2 `key:"oauth2"`
	// Limits on speed and connections, and the patience with throttles.
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
	// Windows domains, as NetBIOS or DNS names, which exgate tries in this order. If
	// domain is one of them, domain\user is a user's own login. Any other a\b means
	// that the admin a opens the mailbox of b.
	Domains []string `key:"domains" example:"[EXAMPLE, example.local]"`
	// The UPN suffix, if it differs from the DNS name of the domain.
	UPN string `key:"upn" example:"example.com"`
	// One character. With *, the name user*admin means that the admin opens the
	// user's mailbox. Unset: no such names.
	Separator string `key:"separator" example:"\"*\""`
	// The forms of logins, in the order in which exgate tries them. For an admin:
	// domain\admin\user, admin@upn\user, domain/admin/alias, admin@upn/alias,
	// plain-authzid (SASL PLAIN). For a user's own login: as-sent, user, user@upn,
	// domain\user, domain/user/alias. If the list has no form for admins, exgate
	// uses the profile's. If it has no form for users, exgate uses as-sent.
	Forms []backend.Form `key:"forms" example:"['domain\\admin\\user', 'admin@upn\\user', plain-authzid]"`
	// Users whose mailbox has an alias (mailNickname) that differs from their name.
	// Exchange finds the mailbox that an admin asks for by its alias.
	Aliases []Alias `key:"aliases" example:"[{user: carol@example.com, alias: cc}]"`
	// Maximum number of failed logins at Exchange for one login of a client. Each
	// counts towards a lock-out in Active Directory.
	MaxFailures int `key:"max_failures"`
	// An account with FullAccess on the mailboxes. exgate logs in with it, and
	// clients log in as the callers in users_file, who do not know its password.
	// Write the name as Exchange expects it: EXAMPLE\svc or svc@example.com.
	Admin string `key:"admin" example:"EXAMPLE\\svc"`
	// The admin's password. Use this key or one of the next two.
	AdminPassword backend.Secret `key:"admin_password" example:"'pa$s\\word'"`
	// File with the admin's password. A line end is not part of it.
	AdminPasswordFile string `key:"admin_password_file" example:"/run/credentials/exgate/admin"`
	// Name of the environment variable with the admin's password.
	AdminPasswordEnv string `key:"admin_password_env" example:"SVC_PASSWORD"`
}

// OAuth2 is backend.OAuth2Options in the file's words.
type OAuth2 struct {
	// The source of tokens. client-credentials: the application itself has access
	// to the mailboxes (IMAP.AccessAsApp). refresh-token: a user consents once, by
	// exgate login. command: a program prints a token. Unset: exgate needs no token;
	// clients send a password, or a token by XOAUTH2 or OAUTHBEARER.
	Flow backend.Flow `key:"flow" example:"client-credentials"`
	// Directory (tenant) of Microsoft Entra, as id or domain.
	Tenant string `key:"tenant" example:"example.onmicrosoft.com"`
	// Application (client) id of the app registration.
	ClientID string `key:"client_id" example:"00000000-1111-2222-3333-444444444444"`
	// The client secret. Use this key or one of the next two.
	ClientSecret backend.Secret `key:"client_secret" example:"'secret'"`
	// File with the client secret. A line end is not part of it.
	ClientSecretFile string `key:"client_secret_file" example:"/run/credentials/exgate/client"`
	// Name of the environment variable with the client secret.
	ClientSecretEnv string `key:"client_secret_env" example:"CLIENT_SECRET"`
	// PEM file with the certificate that proves the application, instead of a client
	// secret. Its key must be RSA.
	CertificateFile string `key:"certificate_file" example:"/etc/exgate/client.crt"`
	// PEM file with the private key of the certificate.
	KeyFile string `key:"key_file" example:"/etc/exgate/client.key"`
	// true: the password of each login is the client secret. exgate then holds no
	// secret, and everybody who knows the secret can open all mailboxes of the
	// application.
	SecretFromLogin bool `key:"secret_from_login"`
	// For refresh-token: the user whose consent opens all mailboxes. Unset: the user
	// of each mailbox must consent.
	Account string `key:"account" example:"svc@example.com"`
	// For command: the program and its arguments, run without a shell. {mailbox}
	// stands for the mailbox. The program prints a token, or JSON with access_token
	// and expires_in.
	Command []string `key:"command" example:"[/usr/local/bin/token, '{mailbox}']"`
	// Scopes of the token request. Unset: the scopes for IMAP on Exchange Online.
	Scopes []string `key:"scopes" example:"[https://outlook.office365.com/.default]"`
	// Address of the token endpoint. Unset: Microsoft's.
	TokenURL string `key:"token_url" example:"https://login.microsoftonline.us/example.com/oauth2/v2.0/token"`
	// Address of the endpoint for device codes. Unset: Microsoft's.
	DeviceURL string `key:"device_url" example:"https://login.microsoftonline.us/example.com/oauth2/v2.0/devicecode"`
	// File with the key that encrypts refresh tokens: 32 bytes in base64, mode 0600.
	// exgate creates it when needed. Unset: token.key in state_dir, which does not
	// protect the tokens if somebody copies all of state_dir.
	TokenKeyFile string `key:"token_key_file" example:"/run/credentials/exgate/token.key"`
}

// Alias is backend.Alias in the file's words.
type Alias struct {
	User  string `key:"user"`
	Alias string `key:"alias"`
}

// Pace limits each account of an upstream.
type Pace struct {
	// Messages per second and account, in each direction. Fractions are allowed; 0
	// means no limit. exgate does not interrupt a FETCH of many messages; the
	// following commands then wait, for 5 s at most. Each throttle of Exchange halves
	// the pace, down to a sixteenth. Each minute without a throttle restores a tenth.
	// Unset: the profile's value.
	MessagesPerSecond *float64 `key:"messages_per_second" example:"4"`
	// Commands of clients per second and account. Fractions are allowed; 0 means no
	// limit. A throttle reduces this pace too.
	CommandsPerSecond float64 `key:"commands_per_second" example:"20"`
	// Bytes per second and account, in each direction, to protect a network link.
	// exgate slows down messages while they pass. A throttle does not reduce this
	// pace. 0: no limit.
	BytesPerSecond int64 `key:"bytes_per_second" example:"500000"`
	// Messages that an account may store in any 24 hours. Beyond it, exgate answers
	// NO [LIMIT] with the time when it goes on. Messages count that Exchange has
	// stored, or may have; messages that are copied or moved inside Exchange do not.
	// A reload changes it for sessions that are open, too. After a restart, the
	// ledger tells what was stored. 0: no limit.
	MessagesPerDay int64 `key:"messages_per_day" example:"20_000"`
	// The same for their bytes, as exgate sends them to Exchange. A message of more
	// bytes than this never arrives. 0: no limit.
	BytesPerDay int64 `key:"bytes_per_day" example:"1_000_000_000"`
	// What happens to a message beyond messages_per_day or bytes_per_day. refuse: it
	// gets NO [LIMIT], and the session goes on. disconnect: the session ends with
	// BYE [LIMIT], which mbsync needs: it never sends a message again that got NO.
	OverBudget OverBudget `key:"over_budget"`
	// The longest time that exgate waits after a throttle, even if Exchange's
	// "Suggested Backoff Time" is longer.
	MaxBackoff time.Duration `key:"max_backoff"`
	// Maximum number of connections to Exchange for one mailbox. exgate reserves one
	// of them for its own needs. Exchange allows 16 for each user by default. 0: no
	// limit.
	ConnectionsPerAccount int `key:"connections_per_account"`
	// Maximum number of connections for one login name, such as an admin's, for all
	// mailboxes that it opens. Exchange allows 16 for each user by default
	// (MaxConnectionsPerUser). 0: no limit. Unset: the profile's value.
	ConnectionsPerLogin *int `key:"connections_per_login" example:"15"`
	// A client waits at most this long for a connection, at the login or after it
	// was parked.
	MaxWait time.Duration `key:"max_wait"`
	// When another client waits, exgate parks a client that has been idle for this
	// time, also in IDLE: it takes the connection away. The parked client gets a
	// connection again for its next command. A client in IDLE also gets one when
	// nobody else waits. 0: never.
	ParkAfter time.Duration `key:"park_after" example:"1m"`
	// The pace for all accounts of the upstream together.
	All PaceOfAll `key:"all"`
}

// OverBudget is what happens to a message beyond the budget of a day.
type OverBudget string

// Values of Pace.OverBudget.
const (
	OverBudgetRefuse     OverBudget = "refuse"
	OverBudgetDisconnect OverBudget = "disconnect"
)

// PaceOfAll limits all accounts together, in addition to the pace of each; 0 is
// no limit.
type PaceOfAll struct {
	// Messages per second, in each direction.
	MessagesPerSecond float64 `key:"messages_per_second" example:"40"`
	// Commands of clients per second.
	CommandsPerSecond float64 `key:"commands_per_second" example:"200"`
	// Bytes per second, in each direction.
	BytesPerSecond int64 `key:"bytes_per_second" example:"5000000"`
	// Messages that all accounts together may store in any 24 hours.
	MessagesPerDay int64 `key:"messages_per_day" example:"500_000"`
	// Bytes that all accounts together may store in any 24 hours.
	BytesPerDay int64 `key:"bytes_per_day" example:"50_000_000_000"`
}
