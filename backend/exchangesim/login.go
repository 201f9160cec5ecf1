package exchangesim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
)

// illegalCode is what leaked into an OK of Exchange Online (net-imap#597,
// quirk EX-23): a quoted string has no place in a resp-text-code.
const illegalCode = `[Error="Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed` +
	` for mailbox 00000000-0000-0000-0000-000000000000" AuthResultFromPopImapEnd=0 Proxy=exchangesim.example.com:1993:SSL` +
	` MailboxBE=exchangesim.example.com Service=Imap4] `

// canLogIn reports whether credentials may be sent now (quirk EX-01).
func (c *conn) canLogIn() bool {
	return c.tls || c.mode == InsecurePlaintext || !c.srv.quirks[quirkSecureLogin]
}

func (c *conn) login(a *args) (status, error) {
	if !c.canLogIn() {
		return badState("quirk EX-01: LOGIN without TLS while LoginType is SecureLogin"), nil
	}
	name, err := a.astring()
	if err != nil {
		return status{}, err
	}
	password, err := a.astring()
	if err != nil {
		return status{}, err
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	n, ok := parseLogin(name, c.srv.profile.forms)
	return c.open("LOGIN", n, password, ok), nil
}

// authenticate knows PLAIN, and XOAUTH2 where it is announced; NTLM and GSSAPI
// are refused whatever is announced.
func (c *conn) authenticate(a *args) (status, error) {
	if !c.canLogIn() {
		return badState("quirk EX-01: AUTHENTICATE without TLS while LoginType is SecureLogin"), nil
	}
	mechanism, err := a.atom()
	if err != nil {
		return status{}, err
	}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
	case "XOAUTH2":
		if !c.srv.supports("AUTH=XOAUTH2") {
			return failed("AUTHENTICATE", "this version takes no tokens"), nil
		}
		response, err := c.saslResponse(a)
		if err != nil {
			return status{}, err
		}
		return c.loginByToken(string(response)), nil
	case "NTLM":
		// MailKit#532.
		return status{kind: "NO", text: "Server Unavailable. 15", why: "NTLM is not simulated"}, nil
	default:
		return failed("AUTHENTICATE", "mechanism not simulated"), nil
	}
	response, err := c.saslResponse(a)
	if err != nil {
		return status{}, err
	}
	fields := bytes.Split(response, []byte{0})
	if len(fields) != 3 {
		return failed("AUTHENTICATE", "the response is not that of PLAIN (RFC 4616)"), nil
	}
	n, ok := parsePlain(string(fields[0]), string(fields[1]), c.srv.profile.forms)
	return c.open("AUTHENTICATE", n, string(fields[2]), ok), nil
}

// saslResponse takes the initial response (RFC 4959) where the version
// announces it, else asks with Exchange's bare "+" (MailKit#269). That an
// initial response without SASL-IR is a bad argument is inferred.
func (c *conn) saslResponse(a *args) ([]byte, error) {
	var encoded []byte
	if a.peek() != 0 {
		word, err := a.atom()
		if err != nil || !c.srv.supports("SASL-IR") {
			return nil, errArgument
		}
		if word != "=" { // an empty response
			encoded = []byte(word)
		}
	} else {
		c.printf("+\r\n")
		if err := c.w.Flush(); err != nil {
			return nil, err
		}
		line, err := readLine(c.r, int(c.maxCommand()))
		if errors.Is(err, errLineTooLong) || err == nil && string(line) == "*" {
			return nil, errArgument
		}
		if err != nil {
			return nil, err
		}
		encoded = line
	}
	if err := a.end(); err != nil {
		return nil, err
	}
	response, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		return nil, errArgument
	}
	return response, nil
}

// open checks the credentials and opens the mailbox. known is false when the
// name was in no form that the version takes.
func (c *conn) open(command string, n named, password string, known bool) status {
	if _, ok := c.strike(faultRefuseLogin); ok {
		return failed(command, "fault refuse-login")
	}
	user := c.srv.store.account(n.who)
	target := c.srv.store.target(user, n)
	switch {
	case !known:
		return failed(command, "the name is in no form that this version takes")
	case strings.EqualFold(n.who, builtinAdministrator):
		return failed(command, "the built-in Administrator never gets in")
	case user == nil || target == nil:
		return failed(command, "no such user")
	case user.user.Password != password:
		return failed(command, "wrong password")
	case user.user.NoMailbox:
		return failed(command, "the account has no mailbox")
	}
	return c.enter(command, user, target)
}

// enter opens target's mailbox for user, if user may open it.
func (c *conn) enter(command string, user, target *account) status {
	shown, over := c.join(user.user.Name)
	if over && shown == showRefused {
		return failed(command, "fault connection-limit")
	}
	_, unopenable := c.use(c.srv.faults.find(faultUnopenable, target.user.Name, c.verb), c.verb)
	if over || unopenable || user != target && !user.user.FullAccess {
		c.leave()
		if !c.srv.quirks[quirkNotConnected] {
			return failed(command, "the mailbox cannot be opened")
		}
		target = nil
	}
	c.user, c.account = user.user.Name, target
	c.srv.stats.login()
	st := completed(command)
	if c.srv.quirks[quirkErrorCode] {
		st.text = illegalCode + st.text
	}
	return st
}

// join counts the connection among the user's. over is true when there are as
// many as fault connection-limit allows; shown says how that is told.
func (c *conn) join(user string) (shown string, over bool) {
	order := c.srv.faults.find(faultConnectionLimit, user, c.verb)
	limit := 0
	if order != nil {
		limit = order.limit
	}
	if c.srv.stats.join(user, limit) {
		c.joined = user
		return "", false
	}
	f, over := c.use(order, c.verb)
	return f.shape, over
}

// leave undoes join.
func (c *conn) leave() {
	if c.joined != "" {
		c.srv.stats.leave(c.joined)
		c.joined = ""
	}
}
