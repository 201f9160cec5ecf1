package backend

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// OAuth2 gives access tokens. It keeps tokens by client, account and secret, and
// fetches a new one when the old one ends soon. It is a TokenSource. Use NewOAuth2.
type OAuth2 struct {
	opts  OAuth2Options
	fetch func(ctx context.Context, account string, secret Secret) (accessToken, error)
	now   func() time.Time

	mu   sync.Mutex
	kept map[tokenKey]*keptToken
}

// accessToken is a token as it was fetched.
type accessToken struct {
	value  Secret
	expiry time.Time // zero: not known; the token is then used once
}

// tokenKey identifies the purpose of a token. The client is the same for one
// OAuth2.
type tokenKey struct {
	account string
	secret  [sha256.Size]byte // so that a wrong secret never gets the token of the right one
}

// keptToken is a token that is used until shortly before its end. The goroutine that
// holds busy fetches a new token, and the others wait for it.
type keptToken struct {
	busy    chan struct{}
	token   accessToken
	fetched time.Time
}

// maxKept is the maximum number of tokens in memory. Each can be fetched again.
const maxKept = 10_000

// refreshAhead is the time before its end at which a token is no longer given out,
// because its session would end too soon. For a token with a short life it is a
// quarter of that life.
const refreshAhead = 5 * time.Minute

// NewOAuth2 returns a token source, or the problems of the options.
func NewOAuth2(o OAuth2Options) (*OAuth2, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &OAuth2{opts: o.WithDefaults(), now: time.Now, kept: make(map[tokenKey]*keptToken)}
	switch o.Flow {
	case FlowClientCredentials:
		s.fetch = s.clientCredentials
	case FlowRefreshToken:
		s.fetch = s.refresh
	case FlowCommand:
		s.fetch = s.command
	}
	return s, nil
}

// IsHeld reports whether the gateway holds a credential that opens mailboxes.
func (s *OAuth2) IsHeld() bool { return s.opts.IsHeld() }

// Token implements TokenSource.
func (s *OAuth2) Token(ctx context.Context, mailbox string) (Token, error) {
	return s.token(ctx, mailbox, s.opts.ClientSecret)
}

// Refused implements TokenSource.
func (s *OAuth2) Refused(mailbox string, token Token) {
	s.forget(s.key(mailbox, s.opts.ClientSecret), token)
}

// WithSecret returns the token source for one login, whose password is the client
// secret.
func (s *OAuth2) WithSecret(secret Secret) TokenSource { return secretSource{s, secret} }

// secretSource is an OAuth2 with a secret that it does not hold.
type secretSource struct {
	*OAuth2
	secret Secret
}

// Token implements TokenSource.
func (s secretSource) Token(ctx context.Context, mailbox string) (Token, error) {
	return s.token(ctx, mailbox, s.secret)
}

// Refused implements TokenSource.
func (s secretSource) Refused(mailbox string, token Token) {
	s.forget(s.key(mailbox, s.secret), token)
}

// account returns the account whose token opens a mailbox. An application has only
// one token, so its account is "".
func (s *OAuth2) account(mailbox string) string {
	switch s.opts.Flow {
	case FlowClientCredentials:
		return ""
	case FlowRefreshToken:
		return cmp.Or(s.opts.Account, mailbox)
	}
	return mailbox
}

func (s *OAuth2) key(mailbox string, secret Secret) tokenKey {
	return tokenKey{accountName(s.account(mailbox)), sha256.Sum256([]byte(secret.Reveal()))}
}

// token returns the token in memory, or a new one.
func (s *OAuth2) token(ctx context.Context, mailbox string, secret Secret) (Token, error) {
	kept := s.entry(s.key(mailbox, secret))
	select {
	case kept.busy <- struct{}{}:
		defer func() { <-kept.busy }()
	case <-ctx.Done():
		return Token{}, tokenError(KindTokenUnavailable, context.Cause(ctx))
	}
	if now := s.now(); kept.lasts(now) {
		return Token{Value: kept.token.value, Kept: true}, nil
	}
	fresh, err := s.fetch(ctx, s.account(mailbox), secret)
	if err != nil {
		return Token{}, err
	}
	if err := checkToken(fresh.value.Reveal()); err != nil {
		return Token{}, tokenError(KindTokenRefused, err)
	}
	kept.token, kept.fetched = fresh, s.now()
	return Token{Value: fresh.value}, nil
}

// maxToken bounds an access token: those of Microsoft Entra have some thousand
// bytes.
const maxToken = 32 << 10

// checkToken returns an error for a text that is not an access token (RFC 6750
// section 2.1). A ^A would end the field of XOAUTH2 that carries the token, and the
// rest would become another field.
func checkToken(token string) error {
	switch i := strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }); {
	case token == "":
		return errors.New("the access token is empty")
	case len(token) > maxToken:
		return fmt.Errorf("the access token has %d bytes, more than %d", len(token), maxToken)
	case i >= 0:
		return fmt.Errorf("the access token has a forbidden character (0x%02X, byte %d of %d): "+
			"look at the token endpoint or the token command", token[i], i+1, len(token))
	}
	return nil
}

// lasts reports whether a token lasts long enough for a session that begins now.
func (k *keptToken) lasts(now time.Time) bool {
	ahead := min(refreshAhead, k.token.expiry.Sub(k.fetched)/4)
	return !k.token.value.IsNone() && now.Before(k.token.expiry.Add(-ahead))
}

func (s *OAuth2) entry(key tokenKey) *keptToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.kept[key]
	if kept == nil {
		if len(s.kept) >= maxKept {
			for old := range s.kept { // any
				delete(s.kept, old)
				break
			}
		}
		kept = &keptToken{busy: make(chan struct{}, 1)}
		s.kept[key] = kept
	}
	return kept
}

// forget drops a token that the upstream has refused, unless a new one has replaced
// it meanwhile.
func (s *OAuth2) forget(key tokenKey, refused Token) {
	kept := s.entry(key)
	kept.busy <- struct{}{} // a fetch in progress ends within tokenTimeout
	if kept.token.value == refused.Value {
		kept.token = accessToken{}
	}
	<-kept.busy
}
