package backend

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
)

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// directory is a simulated Exchange Online with its token endpoint.
type directory struct {
	*exchangesim.Server
	clock *clock
	tls   string // address of IMAP
	opts  OAuth2Options
}

func newDirectory(t *testing.T, cfg exchangesim.TokenConfig) *directory {
	t.Helper()
	d := &directory{clock: &clock{t: time.Now()}}
	sim, err := exchangesim.New(exchangesim.Config{Profile: "exchange-online", Tokens: cfg, Now: d.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	d.Server = sim
	var serving sync.WaitGroup
	web, imap := testkit.Listen(t), testkit.Listen(t)
	serving.Go(func() {
		if err := sim.ServeTokens(web); err != nil {
			t.Error(err)
		}
	})
	serving.Go(func() {
		if err := sim.Serve(imap, exchangesim.ImplicitTLS); err != nil {
			t.Error(err)
		}
	})
	roots, err := sim.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, CheckRedirect: tokenHTTP.CheckRedirect}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		sim.Close()
		serving.Wait()
	})
	base := "https://" + web.Addr().String() + "/" + exchangesim.TokenTenant + "/oauth2/v2.0/"
	d.tls = imap.Addr().String()
	d.opts = OAuth2Options{
		Flow: FlowClientCredentials, TokenURL: base + "token", DeviceURL: base + "devicecode",
		ClientID: exchangesim.TokenClient, ClientSecret: NewSecret(exchangesim.TokenSecret), HTTP: client,
		Store: &TokenStore{Dir: filepath.Join(t.TempDir(), "tokens"), KeyFile: filepath.Join(t.TempDir(), "token.key")},
	}
	return d
}

// source is the source of a directory, on its clock.
func (d *directory) source(t *testing.T, change func(*OAuth2Options)) *OAuth2 {
	t.Helper()
	o := d.opts
	if change != nil {
		change(&o)
	}
	s, err := NewOAuth2(o)
	if err != nil {
		t.Fatal(err)
	}
	s.now = d.clock.now
	return s
}

// upstream is the IMAP side of a directory.
func (d *directory) upstream(t *testing.T) *Upstream {
	t.Helper()
	roots, err := d.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	u, err := NewUpstream(Options{Address: d.tls, RootCAs: roots, Login: LoginOptions{UPN: exchangesim.UPNSuffix}},
		func(Evidence) Choice { return Choice{Verify: true, Exchange: true} })
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func opens(t *testing.T, u *Upstream, mailbox string, cred Credential) error {
	t.Helper()
	s, err := u.Open(t.Context(), Identity{User: mailbox, AsSent: mailbox}, cred, nil)
	if err == nil {
		s.Close()
	}
	return err
}

func TestClientCredentials(t *testing.T) {
	d := newDirectory(t, exchangesim.TokenConfig{})
	u, cred := d.upstream(t), Credential{Tokens: d.source(t, nil)}
	for _, mailbox := range []string{"bob@example.com", "alice", "bob"} {
		if err := opens(t, u, mailbox, cred); err != nil {
			t.Errorf("%s: %v", mailbox, err)
		}
	}
	if n := d.TokensGranted(); n != 1 {
		t.Errorf("%d tokens for three logins", n)
	}
	d.clock.add(54 * time.Minute) // 6 minutes are left
	if err := opens(t, u, "bob", cred); err != nil || d.TokensGranted() != 1 {
		t.Errorf("%v, %d tokens", err, d.TokensGranted())
	}
	d.clock.add(2 * time.Minute) // 4 minutes: a session that begins now would end soon
	if err := opens(t, u, "bob", cred); err != nil || d.TokensGranted() != 2 {
		t.Errorf("%v, %d tokens", err, d.TokensGranted())
	}
	d.RevokeTokens()
	if err := opens(t, u, "bob", cred); err != nil || d.TokensGranted() != 3 {
		t.Errorf("after the token was revoked: %v, %d tokens", err, d.TokensGranted())
	}
	if err := opens(t, u, "nobody", cred); FailureOf(err).Kind != KindTokenNotTaken {
		t.Errorf("no such mailbox: %v", err)
	}
}

func TestManyLoginsFetchOneToken(t *testing.T) {
	d := newDirectory(t, exchangesim.TokenConfig{})
	s := d.source(t, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Token(t.Context(), "bob"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := d.TokensGranted(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// rsaCertificate proves an application.
func rsaCertificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "exgate"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestCertificateInPlaceOfSecret(t *testing.T) {
	cert := rsaCertificate(t)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, exchangesim.TokenConfig{Cert: leaf})
	if _, err := d.source(t, func(o *OAuth2Options) { o.ClientSecret, o.Certificate = Secret{}, cert }).Token(t.Context(), "bob"); err != nil {
		t.Error(err)
	}
	other := d.source(t, func(o *OAuth2Options) { o.ClientSecret, o.Certificate = Secret{}, rsaCertificate(t) })
	if _, err := other.Token(t.Context(), "bob"); FailureOf(err).Kind != KindTokenRefused {
		t.Errorf("another certificate: %v", err)
	}
	refresh := d.source(t, func(o *OAuth2Options) {
		o.Flow, o.ClientSecret, o.Certificate = FlowRefreshToken, Secret{}, cert
		if err := o.Store.Save(o.ClientID, "bob", NewSecret(d.GrantRefresh("bob"))); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := refresh.Token(t.Context(), "bob"); err != nil {
		t.Errorf("refresh: %v", err)
	}
}

// A login whose password is the client secret gets a token by that secret only.
func TestSecretFromLogin(t *testing.T) {
	d := newDirectory(t, exchangesim.TokenConfig{})
	s := d.source(t, func(o *OAuth2Options) { o.ClientSecret, o.SecretFromLogin = Secret{}, true })
	u := d.upstream(t)
	if s.IsHeld() {
		t.Error("it holds nothing")
	}
	for range 2 {
		if err := opens(t, u, "bob", Credential{Tokens: s.WithSecret(NewSecret(exchangesim.TokenSecret))}); err != nil {
			t.Error(err)
		}
		err := opens(t, u, "bob", Credential{Tokens: s.WithSecret(NewSecret("wrong"))})
		if FailureOf(err).Kind != KindTokenRefused || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Errorf("a wrong secret: %v", err)
		}
	}
	if n := d.TokensGranted(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

func TestRefreshToken(t *testing.T) {
	d := newDirectory(t, exchangesim.TokenConfig{})
	refreshing := func(o *OAuth2Options) { o.Flow = FlowRefreshToken }
	s, u := d.source(t, refreshing), d.upstream(t)
	err := opens(t, u, "bob@example.com", Credential{Tokens: s})
	if !errors.Is(err, ErrNoToken) || !strings.Contains(err.Error(), "exgate login bob@example.com") {
		t.Errorf("without a token: %v", err)
	}
	if err := d.opts.Store.Save(d.opts.ClientID, "Bob@example.com", NewSecret(d.GrantRefresh("bob"))); err != nil {
		t.Fatal(err)
	}
	// The refresh token is used once, and replaced each time; another process
	// finds the new one.
	for i := range 3 {
		if i == 2 {
			s = d.source(t, refreshing)
		}
		if err := opens(t, u, "bob@example.com", Credential{Tokens: s}); err != nil {
			t.Fatalf("login %d: %v", i, err)
		}
		d.clock.add(time.Hour)
	}
	// A client that leaves meanwhile does not cost the refresh token that comes.
	gone, leave := context.WithCancel(t.Context())
	leave()
	s = d.source(t, refreshing)
	for range 2 {
		if _, err := s.refresh(gone, "bob@example.com", d.opts.ClientSecret); err != nil {
			t.Errorf("refresh for a client that has left: %v", err)
		}
	}
	// bob's token opens bob's mailbox and no other.
	own := d.source(t, func(o *OAuth2Options) { o.Flow, o.Account = FlowRefreshToken, "bob@example.com" })
	if err := opens(t, u, "alice@example.com", Credential{Tokens: own}); FailureOf(err).Kind != KindNotConnected {
		t.Errorf("another's mailbox: %v", err)
	}
	if err := d.opts.Store.Save(d.opts.ClientID, "bob@example.com", NewSecret("1.Arevoked")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.source(t, refreshing).Token(t.Context(), "bob@example.com"); FailureOf(err).Kind != KindTokenRefused ||
		!strings.Contains(err.Error(), "invalid_grant: AADSTS70008") {
		t.Errorf("a refresh token that was revoked: %v", err)
	}
}

func TestDeviceLogin(t *testing.T) {
	d := newDirectory(t, exchangesim.TokenConfig{})
	s := d.source(t, func(o *OAuth2Options) { o.Flow, o.ClientSecret = FlowRefreshToken, Secret{} })
	err := s.DeviceLogin(t.Context(), "bob@example.com", func(address, code string) {
		answer, err := d.opts.HTTP.PostForm(address, url.Values{"code": {code}, "user": {"bob"}, "password": {"bobpass"}})
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("consent: %v, %v", answer, err)
		}
		answer.Body.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(t, d.upstream(t), "bob@example.com", Credential{Tokens: s}); err != nil {
		t.Error(err)
	}
}

func TestTokenEndpointFails(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		kind   Kind
		says   string
	}{
		"down for a while":      {503, "try later", KindTokenUnavailable, "answered 503"},
		"throttled":             {429, `{"error":"slow_down"}`, KindTokenUnavailable, "slow_down"},
		"wrong client":          {401, `{"error":"invalid_client","error_description":"AADSTS7000215:\r\nInvalid"}`, KindTokenRefused, "invalid_client: AADSTS7000215: Invalid"},
		"an odd body":           {400, "client_secret=geheim", KindTokenRefused, "answered 400"},
		"elsewhere":             {302, "", KindTokenRefused, "answered 302"},
		"no token in the reply": {200, `{"token_type":"Bearer"}`, KindTokenUnavailable, "access_token"},
	} {
		t.Run(name, func(t *testing.T) {
			o := OAuth2Options{Flow: FlowClientCredentials, TokenURL: "https://login.example.com/token", ClientID: "id", ClientSecret: NewSecret("geheim")}
			o.HTTP = &http.Client{CheckRedirect: tokenHTTP.CheckRedirect, Transport: answering(func(r *http.Request) *http.Response {
				w := newResponse(tt.status, tt.body)
				w.Header.Set("Location", "https://elsewhere.example.com/")
				return w
			})}
			s, err := NewOAuth2(o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Token(t.Context(), "bob")
			if FailureOf(err).Kind != tt.kind || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("it hangs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := OAuth2Options{Flow: FlowClientCredentials, TokenURL: "https://login.example.com/token", ClientID: "id", ClientSecret: NewSecret("x"),
			HTTP: &http.Client{Transport: answering(func(r *http.Request) *http.Response {
				cancel()
				<-r.Context().Done()
				return nil
			})}}
		s, err := NewOAuth2(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Token(ctx, "bob"); FailureOf(err).Kind != KindTokenUnavailable {
			t.Errorf("got %v", err)
		}
	})
}

// answering is a transport that has no network.
type answering func(*http.Request) *http.Response

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	w := a(r)
	if w == nil {
		return nil, r.Context().Err()
	}
	w.Request = r
	return w, nil
}

func newResponse(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: readCloser{strings.NewReader(body)}}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestTokenCommand(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tt := range map[string]struct {
		command []string
		token   string
		kept    bool
		kind    Kind
	}{
		"prints a token":    {[]string{write("plain", `echo "tok-$1"`), "{mailbox}"}, "tok-bob@example.com", false, ""},
		"prints JSON":       {[]string{write("json", `echo '{"access_token":"t","expires_in":3600}'`)}, "t", true, ""},
		"fails":             {[]string{write("fails", `echo geheim >&2; exit 3`)}, "", false, KindTokenUnavailable},
		"prints nothing":    {[]string{write("nothing", `exit 0`)}, "", false, KindTokenRefused},
		"prints two lines":  {[]string{write("two", `echo a; echo b`)}, "", false, KindTokenRefused},
		"prints no token":   {[]string{write("none", `echo '{"error":"geheim"}'`)}, "", false, KindTokenRefused},
		"prints far more":   {[]string{write("more", `yes geheim`)}, "", false, KindTokenUnavailable},
		"is not there":      {[]string{filepath.Join(dir, "nowhere")}, "", false, KindTokenUnavailable},
		"no shell is there": {[]string{write("echo", `printf '%s' "$1"`), "$(id)"}, "$(id)", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewOAuth2(OAuth2Options{Flow: FlowCommand, Command: tt.command})
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.Token(t.Context(), "bob@example.com")
			if tt.kind != "" {
				if FailureOf(err).Kind != tt.kind || strings.Contains(err.Error(), "geheim") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || token.Value.Reveal() != tt.token || token.Kept {
				t.Fatalf("got %q %v, %v", token.Value.Reveal(), token.Kept, err)
			}
			if token, err = s.Token(t.Context(), "bob@example.com"); err != nil || token.Kept != tt.kept {
				t.Errorf("again: kept %v, %v", token.Kept, err)
			}
		})
	}
}

func TestOAuth2OptionsValidate(t *testing.T) {
	good := OAuth2Options{Flow: FlowClientCredentials, Tenant: "example.com", ClientID: "id", ClientSecret: NewSecret("s")}
	for _, tt := range []struct {
		name   string
		change func(*OAuth2Options)
		want   string
	}{
		{"good", func(o *OAuth2Options) {}, ""},
		{"none", func(o *OAuth2Options) { *o = OAuth2Options{} }, ""},
		{"no secret", func(o *OAuth2Options) { o.ClientSecret = Secret{} }, "oauth2.client_secret"},
		{"two secrets", func(o *OAuth2Options) { o.SecretFromLogin = true }, "oauth2.client_secret"},
		{"no client", func(o *OAuth2Options) { o.ClientID = "" }, "oauth2.client_id"},
		{"no tenant", func(o *OAuth2Options) { o.Tenant = "" }, "oauth2.tenant"},
		{"odd tenant", func(o *OAuth2Options) { o.Tenant = "a/b" }, "oauth2.tenant"},
		{"plain text", func(o *OAuth2Options) { o.TokenURL = "http://login.example.com/" }, "oauth2.token_url"},
		{"unknown flow", func(o *OAuth2Options) { o.Flow = "password" }, "oauth2.flow"},
		{"no flow", func(o *OAuth2Options) { o.Flow = "" }, "oauth2.flow"},
		{"a command for another flow", func(o *OAuth2Options) { o.Command = []string{"x"} }, "oauth2.command"},
		{"an account for another flow", func(o *OAuth2Options) { o.Account = "bob" }, "oauth2.account"},
	} {
		o := good
		tt.change(&o)
		err := o.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want+":")) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	microsoft := good.WithDefaults()
	if microsoft.TokenURL != "https://login.microsoftonline.com/example.com/oauth2/v2.0/token" || microsoft.Scopes[0] != applicationScopes[0] {
		t.Errorf("defaults %+v", microsoft)
	}
}
