package exchangesim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The application that the simulated directory knows, by default.
const (
	TokenTenant   = "exchangesim"
	TokenClient   = "7d3f4c5e-0000-4000-8000-65786761746e"
	TokenSecret   = "clientsecret"
	tokenLifetime = time.Hour // of Microsoft's access tokens, about
)

// TokenConfig is the directory that gives access tokens: the part of Microsoft
// Entra that a mail client needs. The zero value has the built-in application.
type TokenConfig struct {
	ClientID string            // "" is TokenClient
	Secret   string            // "" is TokenSecret
	Cert     *x509.Certificate // proves the application in place of the secret; may be nil
	Lifetime time.Duration     // of an access token; 0: one hour
}

// tokens are those that were given out, and what they may do.
type tokens struct {
	cfg TokenConfig
	now func() time.Time

	mu      sync.Mutex
	access  map[string]access
	refresh map[string]string  // user by refresh token
	devices map[string]*device // by device code
	asked   int                // requests for an access token that were granted
}

// access is what an access token opens: user's mailboxes, or as an application
// all of them.
type access struct {
	user   string // "": the application
	expiry time.Time
}

// device is a consent that was asked for (RFC 8628).
type device struct {
	userCode string
	user     string // who has consented; "" nobody yet
}

func newTokens(cfg TokenConfig, now func() time.Time) *tokens {
	if cfg.ClientID == "" {
		cfg.ClientID = TokenClient
	}
	if cfg.Secret == "" {
		cfg.Secret = TokenSecret
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = tokenLifetime
	}
	return &tokens{
		cfg:     cfg,
		now:     now,
		access:  map[string]access{},
		refresh: map[string]string{},
		devices: map[string]*device{},
	}
}

// GrantRefresh creates a refresh token for a user, as if the user had consented.
func (s *Server) GrantRefresh(user string) string {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.newRefresh(user)
}

// RevokeTokens ends all access tokens that were given out: they are refused
// from now on, and sessions that use them end with their next command.
func (s *Server) RevokeTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.access)
}

// TokensGranted counts the access tokens given out.
func (s *Server) TokensGranted() int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.asked
}

// ServeTokens is the directory's HTTPS side, until Close: the paths are those
// of Microsoft's, /TENANT/oauth2/v2.0/token and /devicecode. It owns l.
func (s *Server) ServeTokens(l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+TokenTenant+"/oauth2/v2.0/token", s.token)
	mux.HandleFunc("POST /"+TokenTenant+"/oauth2/v2.0/devicecode", s.deviceCode)
	mux.HandleFunc("/device", s.consent)
	web := &http.Server{Handler: mux, TLSConfig: s.tls.Clone(), ReadTimeout: preAuthTimeout, WriteTimeout: writeTimeout}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-s.done
		web.Close()
	}()
	err := web.ServeTLS(l, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return fmt.Errorf("serving tokens: %w", err)
}

// token answers a request for an access token (RFC 6749 sections 4.4 and 6,
// RFC 8628 section 3.4).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	t := s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.checkClient(r); err != "" {
		refuseToken(w, http.StatusUnauthorized, "invalid_client", err)
		return
	}
	switch grant := r.PostFormValue("grant_type"); grant {
	case "client_credentials":
		if r.PostFormValue("client_secret") == "" && r.PostFormValue("client_assertion") == "" {
			refuseToken(
				w,
				http.StatusUnauthorized,
				"invalid_client",
				"AADSTS7000216: a client secret or assertion is needed",
			)
			return
		}
		t.grant(w, "", false)
	case "refresh_token":
		old := r.PostFormValue("refresh_token")
		user, ok := t.refresh[old]
		if !ok {
			refuseToken(
				w,
				http.StatusBadRequest,
				"invalid_grant",
				"AADSTS70008: the refresh token has expired or was revoked",
			)
			return
		}
		delete(t.refresh, old) // it is used once
		t.grant(w, user, true)
	case "urn:ietf:params:oauth:grant-type:device_code":
		d := t.devices[r.PostFormValue("device_code")]
		switch {
		case d == nil:
			refuseToken(w, http.StatusBadRequest, "expired_token", "AADSTS70019: no such device code")
		case d.user == "":
			refuseToken(w, http.StatusBadRequest, "authorization_pending", "AADSTS70016: nobody has consented yet")
		default:
			delete(t.devices, r.PostFormValue("device_code"))
			t.grant(w, d.user, true)
		}
	default:
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: grant_type "+grant)
	}
}

// checkClient looks at what proves the application, if it is there: a public
// client has nothing.
func (t *tokens) checkClient(r *http.Request) (problem string) {
	secret, assertion := r.PostFormValue("client_secret"), r.PostFormValue("client_assertion")
	switch {
	case r.PostFormValue("client_id") != t.cfg.ClientID:
		return "AADSTS700016: no such application"
	case secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(t.cfg.Secret)) == 0:
		return "AADSTS7000215: Invalid client secret provided."
	case assertion != "":
		return t.checkAssertion(assertion, r.URL.Path)
	}
	return ""
}

// checkAssertion verifies a JWT of the client's (RFC 7523 section 3).
func (t *tokens) checkAssertion(assertion, path string) (problem string) {
	const bad = "AADSTS700027: the client assertion is not valid: "
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || t.cfg.Cert == nil {
		return bad + "no JWT, or no certificate registered"
	}
	var header struct {
		Alg  string `json:"alg"`
		Cert string `json:"x5t#S256"`
	}
	var claims struct {
		Aud, Iss, Sub string
		Exp           int64
	}
	thumbprint := sha256.Sum256(t.cfg.Cert.Raw)
	key, isRSA := t.cfg.Cert.PublicKey.(*rsa.PublicKey)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	switch {
	case err != nil || !fromJWT(parts[0], &header) || !fromJWT(parts[1], &claims):
		return bad + "not base64 of JSON"
	case header.Alg != "PS256" || header.Cert != base64.RawURLEncoding.EncodeToString(thumbprint[:]):
		return bad + "another algorithm or certificate"
	case !isRSA || rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) != nil:
		return bad + "signature"
	case !strings.HasSuffix(claims.Aud, path) || claims.Iss != t.cfg.ClientID || claims.Sub != t.cfg.ClientID:
		return bad + "audience, issuer or subject"
	case t.now().After(time.Unix(claims.Exp, 0)):
		return bad + "expired"
	}
	return ""
}

func fromJWT(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}

// grant answers with an access token. The lock is held.
func (t *tokens) grant(w http.ResponseWriter, user string, refresh bool) {
	token := "eyJ" + rand.Text() + "." + rand.Text() + "." + rand.Text()
	t.access[token] = access{user: user, expiry: t.now().Add(t.cfg.Lifetime)}
	t.asked++
	answer := map[string]any{"token_type": "Bearer", "access_token": token, "expires_in": int(t.cfg.Lifetime.Seconds())}
	if refresh {
		answer["refresh_token"] = t.newRefresh(user)
	}
	writeJSON(w, http.StatusOK, answer)
}

func (t *tokens) newRefresh(user string) string {
	token := "1.A" + rand.Text()
	t.refresh[token] = user
	return token
}

// deviceCode begins a consent.
func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request) {
	t := s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.checkClient(r); err != "" {
		refuseToken(w, http.StatusUnauthorized, "invalid_client", err)
		return
	}
	code, d := rand.Text(), &device{userCode: rand.Text()[:9]}
	t.devices[code] = d
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": d.userCode, "verification_uri": "https://" + r.Host + "/device",
		"expires_in": 900, "interval": 1,
	})
}

// consent is the page at which a user signs in with a code: here the three
// parameters code, user and password.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	a := s.store.account(r.FormValue("user"))
	if a == nil || a.user.Password != r.FormValue("password") {
		http.Error(w, "wrong user or password", http.StatusForbidden)
		return
	}
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	for _, d := range s.tokens.devices {
		if d.userCode == r.FormValue("code") {
			d.user = a.user.Name
			fmt.Fprintln(w, "done")
			return
		}
	}
	http.Error(w, "no such code", http.StatusNotFound)
}

func refuseToken(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]any{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
