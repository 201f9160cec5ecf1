package exchangesim

import (
	"crypto/tls"
	"strings"
)

// currentCapabilities is the line for the state that the connection is in.
func (c *conn) currentCapabilities() string {
	p := c.srv.profile
	caps := p.onTLS
	switch {
	case c.user != "":
		caps = p.afterLogin
	case c.tls:
	case c.mode == InsecurePlaintext || !c.srv.quirks[quirkSecureLogin]:
		caps = withStartTLS(caps)
	default:
		caps = p.beforeTLS
	}
	if !c.srv.quirks[quirkNTLM] {
		caps = withoutNTLM(caps)
	}
	return caps
}

func (c *conn) capability(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.printf("* CAPABILITY %s\r\n", c.currentCapabilities())
	return completed("CAPABILITY"), nil
}

func (c *conn) noop(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.sync(true)
	return completed("NOOP"), nil
}

// logout answers in full by itself, since nothing may follow.
func (c *conn) logout(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.printf("* BYE %s\r\n", c.srv.profile.bye)
	st := completed("LOGOUT")
	st.bye = true
	return st, nil
}

// id answers ID (RFC 2971). An empty list is not understood by Exchange
// (modern-email/defects#13); that it gets BAD 11 is inferred.
func (c *conn) id(a *args) (status, error) {
	if a.peek() == '(' {
		list, err := a.list()
		if err != nil {
			return status{}, err
		}
		if len(list) == 0 {
			return badArgument("an empty ID list"), nil
		}
	} else if word, err := a.atom(); err != nil || !strings.EqualFold(word, "NIL") {
		return status{}, errArgument
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.printf("* ID %s\r\n", c.srv.profile.id)
	return completed("ID"), nil
}

// startTLS begins the handshake after the tagged reply was sent in plain text. It
// throws away what the client sent in plain text after the command: RFC 9051
// section 6.2.1 forbids the client to do so.
func (c *conn) startTLS(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	if c.tls {
		return badState("TLS is already in use"), nil
	}
	return status{kind: "OK", text: "Begin TLS negotiation now.", then: func() error {
		tc := tls.Server(c.net, c.srv.tls)
		c.attach(tc)
		c.tls = true
		return tc.Handshake()
	}}, nil
}
