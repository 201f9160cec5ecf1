package backend

import "context"

// Credential proves a login. A session keeps it for further connections, after a
// loss or beside the first one. With tokens, each login uses a valid token.
type Credential struct {
	Password Secret
	// Tokens gives tokens (RFC 6750) instead of Password. It may be nil.
	Tokens TokenSource
	// Allow is called before each attempt of each login. mailbox is the exact string
	// that goes upstream; "" if the mailbox cannot be derived from the name. nil allows
	// all mailboxes. It must be nil for a client's own credential, because Exchange
	// decides which mailboxes that credential opens.
	Allow func(mailbox string) error
}

// TokenSource gives access tokens. Several goroutines use it.
type TokenSource interface {
	// Token returns a token for a mailbox, named as it goes upstream. An error is an
	// *Error.
	Token(ctx context.Context, mailbox string) (Token, error)
	// Refused says that the upstream has refused a token.
	Refused(mailbox string, token Token)
}

// Token is an access token.
type Token struct {
	Value Secret
	// Kept says that the token was fetched earlier. If the upstream refuses it, a fresh
	// token may still be accepted.
	Kept bool
}

// OwnToken is a token that the client itself has sent.
type OwnToken struct{ Value Secret }

// Token implements TokenSource.
func (t OwnToken) Token(context.Context, string) (Token, error) { return Token{Value: t.Value}, nil }

// Refused implements TokenSource. It does nothing: there is no other token.
func (OwnToken) Refused(string, Token) {}
