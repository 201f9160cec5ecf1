package proxy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"exgate/backend/wire"
)

// canonicalAuthenticate fetches the response if it did not come with the
// command.
func (c *conn) canonicalAuthenticate(args *wire.Args) (string, error) {
	args.Space()
	mechanism, ok := args.Atom()
	if !ok {
		return "", wire.SyntaxError("AUTHENTICATE takes a mechanism: PLAIN")
	}
	mechanism = strings.ToUpper(mechanism)
	args.Space()
	response, ok := args.Atom()
	if !args.IsEmpty() {
		return "", wire.SyntaxError("AUTHENTICATE takes a mechanism and a response")
	}
	switch {
	case mechanism == mechanismLogin:
		return c.canonicalAuthLogin(response)
	case !slices.Contains(mechanisms, mechanism):
		response = "=" // refused whatever it is
	case !ok:
		var err error
		if response, err = c.askSASL(""); err != nil {
			return "", err
		}
	}
	decoded, err := decodeSASL(response)
	if err != nil {
		return "", err
	}
	if mechanism == sasl.Plain && bytes.Count(decoded, []byte{0}) != 2 {
		return "", wire.SyntaxError("the response of PLAIN is two names and a password, with a NUL between (RFC 4616)")
	}
	if mechanism == external {
		return c.canonicalExternal(decoded)
	}
	if mechanism == xoauth2 || mechanism == oauthBearer {
		return canonicalToken(mechanism, decoded)
	}
	return authenticate(mechanism, decoded), nil
}

// mechanisms are those that have a response of the client's first.
var mechanisms = []string{sasl.Plain, xoauth2, oauthBearer, external}

// external is the mechanism of a client that its certificate proves (RFC 4422
// appendix A).
const external = sasl.External

// canonicalExternal makes PLAIN of it: the certificate names the caller, the
// response the mailbox, if that is another.
func (c *conn) canonicalExternal(authzid []byte) (string, error) {
	name, known := "", false
	if users := c.set.opts.Users; users != nil {
		name, known = users.Named(c.client.certificate())
	}
	if !known {
		return "", &refusal{
			text: "NO [AUTHENTICATIONFAILED] EXTERNAL needs a client certificate that the users file names",
		}
	}
	if bytes.IndexByte(authzid, 0) >= 0 {
		return "", wire.SyntaxError("the response of EXTERNAL must be a name without NUL")
	}
	return authenticate(sasl.Plain, slices.Concat(authzid, []byte{0}, []byte(name), []byte{0})), nil
}

// mechanismLogin is AUTHENTICATE LOGIN, of Outlook and of devices
// (draft-murchison-sasl-login): LOGIN in base64. It has no go-sasl server.
const mechanismLogin = "LOGIN"

// canonicalAuthLogin makes LOGIN of it. name is the initial response, if there
// was one.
func (c *conn) canonicalAuthLogin(name string) (string, error) {
	var answers [2]string
	for i, prompt := range []string{"Username:", "Password:"} {
		response := name
		if i > 0 || name == "" {
			var err error
			if response, err = c.askSASL(prompt); err != nil {
				return "", err
			}
		}
		decoded, err := decodeSASL(response)
		if err != nil {
			return "", err
		}
		answers[i] = string(decoded)
	}
	return canonicalLogin(answers[0], answers[1])
}

// askSASL sends a challenge and reads the response, in base64.
func (c *conn) askSASL(challenge string) (string, error) {
	if err := c.client.w.line("+ %s", base64.StdEncoding.EncodeToString([]byte(challenge))); err != nil {
		return "", err
	}
	line, err := c.readLine()
	if err != nil {
		return "", err
	}
	c.client.trace.Answer()
	if string(line) == "*" {
		return "", wire.SyntaxError("AUTHENTICATE cancelled")
	}
	return string(line), nil
}

func decodeSASL(response string) ([]byte, error) {
	if response == "=" { // an empty one, RFC 4959
		return nil, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		return nil, wire.SyntaxError("the response to AUTHENTICATE is not base64")
	}
	return decoded, nil
}

// authenticate is the command with its initial response.
func authenticate(mechanism string, response []byte) string {
	encoded := "="
	if len(response) > 0 {
		encoded = base64.StdEncoding.EncodeToString(response)
	}
	return fmt.Sprintf("AUTHENTICATE %s %s\r\n", mechanism, encoded)
}
