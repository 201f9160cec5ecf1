package backend

import (
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2/endpoints"
)

// Flow is the way to get access tokens (RFC 6749 section 1.3).
type Flow string

const (
	FlowNone              Flow = ""                   // clients send their own passwords or tokens
	FlowClientCredentials Flow = "client-credentials" // section 4.4: one token of the application for all mailboxes
	FlowRefreshToken      Flow = "refresh-token"      // section 6: a user consented once, by device code
	FlowCommand           Flow = "command"            // a program prints a token
)

// OAuth2Options configure the source of the upstream's access tokens.
type OAuth2Options struct {
	Flow     Flow
	Tenant   string // the tenant of Microsoft Entra, for the default URLs
	TokenURL string // "" is Microsoft's
	// DeviceURL is the endpoint for device codes (RFC 8628); "" is Microsoft's.
	DeviceURL    string
	ClientID     string
	ClientSecret Secret
	// Certificate, with an RSA key, proves the client instead of a secret (RFC 7523).
	Certificate *tls.Certificate
	// Pending says that the secret or the certificate has not been read yet. Validate
	// then does not report it as missing.
	Pending bool
	// SecretFromLogin uses the password of each login as the client secret. The gateway
	// then holds no secret.
	SecretFromLogin bool
	Scopes          []string // nil: those for IMAP on Exchange Online
	// Account is the user whose refresh token opens all mailboxes; "": each mailbox has
	// its own token.
	Account string
	Command []string     // the program and its arguments; {mailbox} stands for the mailbox
	Store   *TokenStore  // has the refresh tokens
	HTTP    *http.Client // nil: a client that verifies certificates and follows no redirect
}

// Scopes of Exchange Online (docs/exchange.md#oauth2).
var (
	applicationScopes = []string{"https://outlook.office365.com/.default"}
	delegatedScopes   = []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"}
)

// mailboxPlaceholder stands for the mailbox in a token command.
const mailboxPlaceholder = "{mailbox}"

// WithDefaults returns o with Microsoft's defaults in the empty fields.
func (o OAuth2Options) WithDefaults() OAuth2Options {
	microsoft := endpoints.AzureAD(o.Tenant)
	if o.TokenURL == "" {
		o.TokenURL = microsoft.TokenURL
	}
	if o.DeviceURL == "" {
		o.DeviceURL = microsoft.DeviceAuthURL
	}
	if len(o.Scopes) == 0 {
		o.Scopes = delegatedScopes
		if o.Flow == FlowClientCredentials {
			o.Scopes = applicationScopes
		}
	}
	if o.HTTP == nil {
		o.HTTP = tokenHTTP
	}
	return o
}

// IsHeld reports whether the gateway itself holds a credential that opens mailboxes.
func (o OAuth2Options) IsHeld() bool { return o.Flow != FlowNone && !o.SecretFromLogin }

// Validate returns every problem at once. Each begins with its key.
func (o OAuth2Options) Validate() error {
	var found problems
	o.validate(&found)
	return errors.Join(found...)
}

// validate finds the problems of the options.
func (o OAuth2Options) validate(found *problems) {
	for key, value := range map[string]string{"token_url": o.TokenURL, "device_url": o.DeviceURL} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			found.add("oauth2.%s: %q is not an https address: exgate sends secrets only to a verified host", key, value)
		}
	}
	o.validateSecrets(found)
	if o.Flow == FlowClientCredentials || o.Flow == FlowRefreshToken {
		if o.ClientID == "" {
			found.add("oauth2.client_id: missing: set the application (client) id of the app registration")
		}
		if o.Tenant == "" && o.TokenURL == "" {
			found.add("oauth2.tenant: missing: set the directory (tenant) id or domain; " +
				"or set token_url if it is not Microsoft's")
		}
	}
	if strings.ContainsAny(o.Tenant, "/?# ") {
		found.add("oauth2.tenant: %q is not an id or a domain", o.Tenant)
	}
	if (o.Flow == FlowCommand) != (len(o.Command) > 0) {
		found.add("oauth2.command: set it exactly if flow is command")
	}
	if o.Account != "" && o.Flow != FlowRefreshToken {
		found.add("oauth2.account: this key needs flow: refresh-token")
	}
}

// validateSecrets finds secrets that the flow lacks or does not use.
func (o OAuth2Options) validateSecrets(found *problems) {
	if o.Certificate != nil {
		if _, ok := o.Certificate.PrivateKey.(*rsa.PrivateKey); !ok {
			found.add("oauth2.certificate_file: the key is not RSA: Microsoft Entra accepts only RSA keys")
		}
	}
	secrets := o.secrets()
	switch o.Flow {
	case FlowNone, FlowCommand:
		if secrets > 0 || o.ClientID != "" {
			found.add("oauth2.flow: client_id and the secret need client-credentials or refresh-token")
		}
	case FlowClientCredentials:
		if secrets != 1 {
			found.add("oauth2.client_secret: set exactly one of client_secret, certificate_file and " +
				"secret_from_login: true")
		}
	case FlowRefreshToken:
		if secrets > 1 || o.SecretFromLogin {
			found.add("oauth2.client_secret: with refresh-token, set client_secret, certificate_file, or neither " +
				"for a public client")
		}
	default:
		found.add("oauth2.flow: %q is not one of client-credentials, refresh-token, command", o.Flow)
	}
}

// secrets returns the number of secrets that are set.
func (o OAuth2Options) secrets() (n int) {
	isPending := o.Pending && o.ClientSecret.IsNone() && o.Certificate == nil
	for _, set := range []bool{!o.ClientSecret.IsNone(), o.Certificate != nil, isPending, o.SecretFromLogin} {
		if set {
			n++
		}
	}
	return n
}
