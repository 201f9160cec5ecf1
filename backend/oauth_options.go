package backend

import (
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2/endpoints"
)

// Flow is the way in which access tokens are come by (RFC 6749
// section 1.3).
type Flow string

const (
	FlowNone              Flow = ""                   // clients bring what proves their logins
	FlowClientCredentials Flow = "client-credentials" // the application's own, section 4.4: one token for all mailboxes
	FlowRefreshToken      Flow = "refresh-token"      // a user's, section 6, who consented once, by device code
	FlowCommand           Flow = "command"            // a program prints one
)

// OAuth2Options say where the upstream's access tokens come from.
type OAuth2Options struct {
	Flow     Flow
	Tenant   string // of Microsoft Entra; for the default of the URLs
	TokenURL string // "" is Microsoft's
	// DeviceURL is where a device code is asked for (RFC 8628); "" is Microsoft's.
	DeviceURL    string
	ClientID     string
	ClientSecret Secret
	// Certificate with an RSA key proves the client in place of a secret
	// (RFC 7523).
	Certificate *tls.Certificate
	// Pending says that the secret or the certificate is still to be read, so
	// that Validate does not miss it.
	Pending bool
	// SecretFromLogin takes the password of each login for the client secret,
	// so that none is held here.
	SecretFromLogin bool
	Scopes          []string // nil: those for IMAP on Exchange Online
	// Account is whose refresh token opens all mailboxes; "": each mailbox has
	// its own.
	Account string
	Command []string     // and arguments; {mailbox} stands for the mailbox
	Store   *TokenStore  // of the refresh tokens
	HTTP    *http.Client // nil: one that verifies and follows no redirect
}

// Scopes of Exchange Online (docs/exchange.md#oauth2).
var (
	applicationScopes = []string{"https://outlook.office365.com/.default"}
	delegatedScopes   = []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"}
)

// mailboxPlaceholder stands for the mailbox in a token command.
const mailboxPlaceholder = "{mailbox}"

// WithDefaults fills in what is Microsoft's.
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

// Held tells whether the gateway itself holds what opens mailboxes.
func (o OAuth2Options) Held() bool { return o.Flow != FlowNone && !o.SecretFromLogin }

// Validate returns every fault at once, each beginning with its key.
func (o OAuth2Options) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("oauth2."+format, args...)) }
	for key, value := range map[string]string{"token_url": o.TokenURL, "device_url": o.DeviceURL} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			fault("%s: %q is no https address: secrets go to a verified host only", key, value)
		}
	}
	secrets := 0
	for _, set := range []bool{!o.ClientSecret.None(), o.Certificate != nil, o.Pending && o.ClientSecret.None() && o.Certificate == nil, o.SecretFromLogin} {
		if set {
			secrets++
		}
	}
	if o.Certificate != nil {
		if _, ok := o.Certificate.PrivateKey.(*rsa.PrivateKey); !ok {
			fault("certificate_file: its key is not RSA, which is what Microsoft Entra takes")
		}
	}
	switch o.Flow {
	case FlowNone, FlowCommand:
		if secrets > 0 || o.ClientID != "" {
			fault("flow: client id and secret are for client-credentials and refresh-token")
		}
	case FlowClientCredentials:
		if secrets != 1 {
			fault("client_secret: give one of client_secret, certificate_file and secret_from_login: true")
		}
	case FlowRefreshToken:
		if secrets > 1 || o.SecretFromLogin {
			fault("client_secret: refresh-token takes client_secret, certificate_file, or neither for a public client")
		}
	default:
		fault("flow: %q is none of client-credentials, refresh-token, command", o.Flow)
	}
	if o.Flow == FlowClientCredentials || o.Flow == FlowRefreshToken {
		if o.ClientID == "" {
			fault("client_id: missing: the application (client) id of the app registration")
		}
		if o.Tenant == "" && o.TokenURL == "" {
			fault("tenant: missing: the directory (tenant) id or domain, or token_url elsewhere than at Microsoft")
		}
	}
	if strings.ContainsAny(o.Tenant, "/?# ") {
		fault("tenant: %q is no id or domain", o.Tenant)
	}
	if (o.Flow == FlowCommand) != (len(o.Command) > 0) {
		fault("command: give it together with flow: command")
	}
	if o.Account != "" && o.Flow != FlowRefreshToken {
		fault("account: it is for refresh-token")
	}
	return errors.Join(errs...)
}
