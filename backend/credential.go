package backend

import "context"

// Credential is what a login is proven with. A session keeps it, so that a
// connection made anew, after a loss or on the side, is logged in as the first
// was: with a fresh token where tokens are used.
type Credential struct {
	Password Secret
	// Tokens gives tokens (RFC 6750) in place of Password. May be nil.
	Tokens TokenSource
	// Allow is asked before each attempt, at each login, about the mailbox in
	// the very string that goes upstream; "" for a name of which the mailbox
	// cannot be told. nil allows all, as it must be where the client's own
	// credential is sent: what that opens is for Exchange to decide.
	Allow func(mailbox string) error
}

// TokenSource gives access tokens. It is used by several goroutines.
type TokenSource interface {
	// Token returns a token for a mailbox, named as it goes upstream. An error
	// is an *Error.
	Token(ctx context.Context, mailbox string) (Token, error)
	// Refused says that the upstream did not take a token.
	Refused(mailbox string, token Token)
}

// Token is an access token.
type Token struct {
	Value Secret
	// Kept is set where it was fetched before: if it is refused, a fresh one
	// may not be.
	Kept bool
}

// OwnToken is the token that a client brought itself.
type OwnToken struct{ Value Secret }

// Token implements TokenSource.
func (t OwnToken) Token(context.Context, string) (Token, error) { return Token{Value: t.Value}, nil }

// Refused implements TokenSource: there is no other.
func (OwnToken) Refused(string, Token) {}
