package proxy

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/emersion/go-sasl"

	"exgate/backend"
	"exgate/backend/wire"
)

// The mechanisms by which a client brings a token of its own.
const (
	xoauth2     = backend.MechanismToken
	oauthBearer = sasl.OAuthBearer
)

// canonicalToken makes XOAUTH2 of what the client said: one mechanism is
// enough in the own lane.
func canonicalToken(mechanism string, response []byte) (string, error) {
	user, token, ok := parseToken(mechanism, string(response))
	if !ok {
		return "", wire.SyntaxError("the response of " + mechanism +
			" is a user and a token (RFC 7628 for OAUTHBEARER)")
	}
	return authenticate(xoauth2, []byte("user="+user+"\x01auth=Bearer "+token+"\x01\x01")), nil
}

// parseToken reads a response of XOAUTH2, "user=… ^A auth=Bearer … ^A ^A", or
// of OAUTHBEARER (RFC 7628 section 3.1), which begins "n,a=…," in place of
// the user and may name host and port besides.
func parseToken(mechanism, response string) (user, token string, ok bool) {
	fields, found := strings.CutSuffix(response, "\x01\x01")
	if !found {
		return "", "", false
	}
	first, rest, _ := strings.Cut(fields, "\x01")
	if mechanism == oauthBearer {
		gs2, hasName := strings.CutPrefix(first, "n,a=")
		name, isLast := strings.CutSuffix(gs2, ",")
		if !hasName || !isLast || strings.Contains(name, ",") {
			return "", "", false
		}
		user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name) // saslname, RFC 5801 section 4
	} else if user, ok = strings.CutPrefix(first, "user="); !ok {
		return "", "", false
	}
	for field := range strings.SplitSeq(rest, "\x01") {
		if scheme, value, _ := strings.Cut(field, " "); strings.EqualFold(scheme, "auth=Bearer") {
			token = strings.TrimSpace(value)
		}
	}
	return user, token, user != "" && token != "" && !strings.ContainsAny(user+token, "\x01\x00\r\n ")
}

// tokenServer answers AUTHENTICATE XOAUTH2 in the own lane; go-sasl has none.
type tokenServer struct {
	open func(backend.Claim) error
}

// Next implements sasl.Server.
func (s tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	user, token, ok := parseToken(xoauth2, string(response))
	if !ok {
		return nil, false, errors.New("not canonical")
	}
	return nil, true, s.open(backend.Claim{Authcid: user, Token: backend.NewSecret(token)})
}

// tokenRefused is what a client is told as a challenge when its token is
// refused, before the NO: RFC 7628 section 3.2.2, and XOAUTH2 does the same
// elsewhere than on Exchange.
const tokenRefused = `{"status":"invalid_token","schemes":"bearer"}`

// refuseToken has the client answer the challenge before it gets the reply to its
// login. Whatever line the client answers with, the exchange ends in that reply, as the
// exchange does on Exchange, which has no challenge (docs/exchange.md#oauth2). Programs
// that use Python's imaplib answer with the token again: imaplib asks the same function
// for each answer, and most programs give it one that returns the token.
func (c *conn) refuseToken(reply string) error {
	if err := c.client.w.line("+ %s", base64.StdEncoding.EncodeToString([]byte(tokenRefused))); err != nil {
		return err
	}
	if _, err := c.readLine(); err != nil {
		return err
	}
	c.client.trace.Answer()
	return c.client.w.line("%s", reply)
}
