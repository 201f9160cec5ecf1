package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokenTimeout limits one request to the token endpoint.
const tokenTimeout = 30 * time.Second

// tokenHTTP sends requests to the token endpoint. It follows no redirect, because
// only the configured host may receive the secret. Nothing changes it, and its idle connections are those of
// http.DefaultTransport, each to one host: so all upstreams can use it.
var tokenHTTP = &http.Client{
	Timeout:       tokenTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// clientCredentials gets a token by RFC 6749 section 4.4.
func (s *OAuth2) clientCredentials(ctx context.Context, _ string, secret Secret) (accessToken, error) {
	token, err := s.request(ctx, secret, url.Values{})
	if err != nil {
		return accessToken{}, err
	}
	return accessToken{NewSecret(token.AccessToken), token.Expiry}, nil
}

// refresh gets a token by RFC 6749 section 6. The endpoint may send a new refresh
// token, which replaces the old one. The new token must not be lost if the login is
// given up meanwhile.
func (s *OAuth2) refresh(ctx context.Context, account string, secret Secret) (accessToken, error) {
	stored, err := s.opts.Store.Load(s.opts.ClientID, account)
	if err != nil {
		return accessToken{}, tokenError(KindTokenRefused, err)
	}
	token, err := s.request(
		context.WithoutCancel(ctx),
		secret,
		url.Values{"grant_type": {"refresh_token"}, "refresh_token": {stored.Reveal()}},
	)
	if err != nil {
		return accessToken{}, err
	}
	if token.RefreshToken != "" && NewSecret(token.RefreshToken) != stored {
		if err := s.opts.Store.Save(s.opts.ClientID, account, NewSecret(token.RefreshToken)); err != nil {
			return accessToken{}, tokenError(KindTokenUnavailable, err)
		}
	}
	return accessToken{NewSecret(token.AccessToken), token.Expiry}, nil
}

// request asks the token endpoint for a token. The grant is client_credentials
// unless params name another. It does not use x/oauth2's refresh, which cannot add
// the proof by a certificate (RFC 7523 section 2.2).
func (s *OAuth2) request(ctx context.Context, secret Secret, params url.Values) (*oauth2.Token, error) {
	if s.opts.Certificate != nil {
		assertion, err := clientAssertion(s.opts.Certificate, s.opts.ClientID, s.opts.TokenURL, s.now())
		if err != nil {
			return nil, tokenError(KindTokenRefused, err)
		}
		params.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		params.Set("client_assertion", assertion.Reveal())
	}
	c := clientcredentials.Config{
		ClientID: s.opts.ClientID, ClientSecret: secret.Reveal(), TokenURL: s.opts.TokenURL, Scopes: s.opts.Scopes,
		EndpointParams: params, AuthStyle: oauth2.AuthStyleInParams,
	}
	token, err := c.Token(s.httpContext(ctx))
	if err != nil {
		return nil, endpointError(err)
	}
	return token, nil
}

// httpContext makes x/oauth2 use the HTTP client of the options.
func (s *OAuth2) httpContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, s.opts.HTTP)
}

// DeviceLogin asks for consent by device code (RFC 8628) and stores the refresh
// token. show receives the address and the code for the user, who must be account.
func (s *OAuth2) DeviceLogin(ctx context.Context, account string, show func(address, code string)) error {
	ctx = s.httpContext(ctx)
	c := s.config()
	device, err := c.DeviceAuth(ctx)
	if err != nil {
		return endpointError(err)
	}
	show(device.VerificationURI, device.UserCode)
	token, err := c.DeviceAccessToken(ctx, device)
	if err != nil {
		return endpointError(err)
	}
	if token.RefreshToken == "" {
		return tokenError(KindTokenRefused, errors.New("the token endpoint sent no refresh token: the scopes need "+
			"offline_access"))
	}
	return s.opts.Store.Save(s.opts.ClientID, account, NewSecret(token.RefreshToken))
}

func (s *OAuth2) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.opts.ClientID, ClientSecret: s.opts.ClientSecret.Reveal(), Scopes: s.opts.Scopes,
		Endpoint: oauth2.Endpoint{
			TokenURL:      s.opts.TokenURL,
			DeviceAuthURL: s.opts.DeviceURL,
			AuthStyle:     oauth2.AuthStyleInParams,
		},
	}
}

// tokenError returns the error of a failure to get a token.
func tokenError(kind Kind, err error) *Error {
	return &Error{Doing: "get an access token", Failure: Failure{Kind: kind}, Err: err}
}

// endpointError distinguishes a refusal of the token endpoint from a temporary
// failure. Of the endpoint's reply it shows only code and description, because an
// unexpected body could contain a secret.
func endpointError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return tokenError(KindTokenUnavailable, err)
	}
	what := fmt.Sprintf("the token endpoint answered %d", refused.Response.StatusCode)
	if refused.ErrorCode != "" {
		what = strings.Join(strings.Fields(refused.ErrorCode+": "+refused.ErrorDescription), " ")
		what = what[:min(len(what), maxOwnWords)]
	}
	if refused.Response.StatusCode >= 500 || refused.Response.StatusCode == http.StatusTooManyRequests ||
		refused.ErrorCode == "temporarily_unavailable" {
		return tokenError(KindTokenUnavailable, errors.New(what))
	}
	return tokenError(KindTokenRefused, errors.New(what))
}
