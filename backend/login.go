package backend

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"

	"exgate/backend/wire"
)

// Upstream is one server, with the experience of earlier logins. It is safe for
// concurrent use.
type Upstream struct {
	opts       Options
	dialer     *Dialer
	choose     func(Evidence) Choice
	remembered Remembered
	announced  announced
	tokens     *OAuth2 // nil if the gateway gets no tokens
}

// NewUpstream returns an Upstream, or the problems of the options. choose decides how
// to log in, from the evidence before the login.
func NewUpstream(o Options, choose func(Evidence) Choice) (*Upstream, error) {
	dialer, err := NewDialer(o)
	if err != nil {
		return nil, err
	}
	u := &Upstream{opts: o, dialer: dialer, choose: choose}
	if o.OAuth2.Flow != FlowNone {
		if u.tokens, err = NewOAuth2(o.OAuth2); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// ShareForms has the upstream remember the forms of logins together with other gateways. The
// caller calls it before the first login.
func (u *Upstream) ShareForms(forms SharedForms) { u.remembered.Share(forms) }

// Reach connects to the server and reads its greeting, without a login.
func (u *Upstream) Reach(ctx context.Context) error {
	dialed, err := u.dialer.Dial(ctx, "")
	if err != nil {
		return err
	}
	dialed.Conn.Close() // it has served its purpose
	return nil
}

// PassedOver returns the addresses of the server that did not answer during the last half
// minute. Connections are made to the others first.
func (u *Upstream) PassedOver() []string { return u.dialer.PassedOver() }

// Choice says how to log in to a server.
type Choice struct {
	Forms    []Form // the forms of an admin's login, in order
	Verify   bool   // prove that the mailbox can be opened
	Identify bool   // ask for ID, which settles the profile
	Exchange bool   // refuse logins that Exchange always refuses
}

// LoggedIn is a logged-in upstream connection.
type LoggedIn struct {
	*Conn
	Attempt  Attempt  // the form that was accepted
	Evidence Evidence // with the capabilities after the login
	Inbox    Inbox    // what the proof of the mailbox has shown
}

// Inbox is the response to the STATUS that has proved a mailbox. Status is nil if there was none.
type Inbox struct {
	Status []byte
	Asked  time.Time // before it was asked for
}

// Open dials and logs in as id. It tries the suitable forms until the server accepts
// one, or has refused MaxFailures. The caller owns the connection. trace may be nil.
// An error is an *Error.
func (u *Upstream) Open(ctx context.Context, id Identity, cred Credential, trace Trace) (*LoggedIn, error) {
	return u.OpenAgain(ctx, id, cred, trace, 0)
}

// OpenAgain is Open after another one that was dropped. failed are the failed logins that the server may
// have counted already (MayOpenAgain): they count as refusals.
func (u *Upstream) OpenAgain(
	ctx context.Context, id Identity, cred Credential, trace Trace, failed int,
) (*LoggedIn, error) {
	dialed, err := u.dialer.Dial(ctx, id.User)
	if err != nil {
		return nil, err
	}
	conn := newConn(dialed, u.opts.Timeouts, trace)
	conn.literalPlus = u.opts.LiteralPlus
	session, err := u.login(ctx, conn, id, cred, failed, func(Attempt, string, bool) {})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return session, nil
}

// login logs in on a connection. before are the failed logins of an earlier connection. It calls tried
// for each form, with the server's reply or the reason why the form was not sent.
func (u *Upstream) login(
	ctx context.Context, conn *Conn, id Identity, cred Credential, before int,
	tried func(a Attempt, reply string, ok bool),
) (*LoggedIn, error) {
	told, err := u.announced.before(ctx, conn)
	if err != nil {
		return nil, loginError(err)
	}
	plan, refusal := u.planLogin(conn, id, cred, tried)
	for failed := 0; before+failed < u.maxFailures(); {
		if told.isRemembered && (len(plan.attempts) == 0 || failed > 0) {
			changed, err := u.announced.check(ctx, conn, &told)
			if err != nil {
				return nil, loginError(err)
			}
			if changed {
				plan, refusal = u.planLogin(conn, id, cred, tried)
			}
		}
		if len(plan.attempts) == 0 {
			break
		}
		a := plan.attempts[0]
		plan.attempts = plan.attempts[1:]
		status, err := conn.prove(ctx, a, cred)
		if err != nil {
			err = loginError(err)
			tried(a, err.Error(), false)
			return nil, withFailed(err, before+failed+1)
		}
		tried(a, status.Word+" "+wire.Words(status.shown), status.Word == "OK")
		if status.Word != "OK" {
			refused := &Error{
				Doing:   fmt.Sprintf("login in the form %s", a.Form),
				Failure: ClassifyLogin(status.Status, cred.Tokens != nil),
			}
			refused.Text = wire.Words(status.shown)
			refusal = refused
			failed++
			if !slices.Contains(otherFormMayDo, refused.Kind) {
				u.announced.forget()
				break
			}
			u.remembered.Refused(id, a)
			continue
		}
		session := &LoggedIn{Conn: conn, Attempt: a, Evidence: plan.evidence}
		if err := session.introduce(ctx, id, status.Status, plan.choice, told.after); err != nil {
			return nil, withFailed(err, before+failed)
		}
		u.announced.loggedIn(conn)
		if cred.Tokens == nil {
			u.remembered.Worked(id, a)
		}
		return session, nil
	}
	return nil, refusal
}

// loginPlan is how to log in on a connection, by what the server has announced there.
type loginPlan struct {
	evidence Evidence
	choice   Choice
	attempts []Attempt // in order
}

// planLogin returns the plan. refusal says why the last form that is not sent is not sent.
func (u *Upstream) planLogin(
	conn *Conn, id Identity, cred Credential, tried func(Attempt, string, bool),
) (plan loginPlan, refusal error) {
	plan.evidence = Evidence{Greeting: conn.Greeting, Capabilities: conn.Capabilities}
	plan.choice = u.choose(plan.evidence)
	if plan.choice.Exchange && id.IsBuiltinAdministrator() {
		return plan, barred(id)
	}
	plan.attempts, refusal = conn.possible(u.attempts(id, cred, plan.choice), cred.Allow, tried)
	if cred.Tokens == nil { // with a token there is only one form
		plan.attempts = u.remembered.Narrow(id, plan.attempts)
	}
	return plan, refusal
}

// otherFormMayDo are the failures of a login that may succeed in another form.
var otherFormMayDo = []Kind{KindCredentials, KindNameRefused, KindLoginNotRead, KindLoginUnavailable, KindOther}

func (u *Upstream) maxFailures() int {
	return cmp.Or(u.opts.Login.MaxFailures, DefaultMaxFailures)
}

// attempts returns the ways to present id, in order.
func (u *Upstream) attempts(id Identity, cred Credential, choice Choice) []Attempt {
	if cred.Tokens != nil {
		return []Attempt{u.opts.Login.TokenAttempt(id)}
	}
	return u.opts.Login.Attempts(id, choice.Forms)
}

// notSent begins the reason why a form was not sent.
const notSent = "not sent: "

// possible returns the attempts that the server supports and that are allowed. refusal
// says why the last of the others is not sent: an attempt that the server does not
// support would cost an error.
func (c *Conn) possible(
	attempts []Attempt, allow func(mailbox string) error, tried func(Attempt, string, bool),
) (possible []Attempt, refusal error) {
	for _, a := range attempts {
		if err := c.refuses(a, allow); err != nil {
			refusal = err
			tried(a, notSent+err.Text, false)
			continue
		}
		possible = append(possible, a)
	}
	return possible, refusal
}

// refuses returns the reason why an attempt is not sent, or nil.
func (c *Conn) refuses(a Attempt, allow func(mailbox string) error) *Error {
	if mechanism, ok := c.takes(a); !ok {
		text := fmt.Sprintf("the server does not support this login: the login needs AUTH=%s, but the server offers %s",
			mechanism, strings.Join(c.Capabilities, " "))
		if c.TLS == "" && c.Has("LOGINDISABLED") && c.Has("STARTTLS") {
			text += "; it accepts logins only after STARTTLS: set upstream.tls: starttls"
		}
		return &Error{Doing: "login", Failure: Failure{Kind: KindNotOffered, Text: text}}
	}
	if allow == nil {
		return nil
	}
	if err := allow(a.Mailbox); err != nil {
		return &Error{Doing: "login", Failure: Failure{Kind: KindNotAllowed, Text: err.Error()}}
	}
	return nil
}

// loginError returns an error of a login with its kind. An error of a token already
// has one.
func loginError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Failure: FailureOf(err), Doing: "login", Err: err}
}

// loginStatus is the reply to a login, with its text without secrets.
type loginStatus struct {
	wire.Status
	shown string
}

// withFailed returns an error of a login with the number of failed logins that the server may have
// counted before it.
func withFailed(err error, failed int) error {
	known := *loginError(err)
	known.Failed = failed
	return &known
}

// ask sends the request of a login.
func (c *Conn) ask(ctx context.Context, req *Request) (loginStatus, error) {
	status, err := c.Do(ctx, req)
	return loginStatus{status, req.shown(status.Text)}, err
}

// prove sends one attempt with its password or token. If the server refuses a token
// that was fetched earlier, prove tries once more with a new one.
func (c *Conn) prove(ctx context.Context, a Attempt, cred Credential) (loginStatus, error) {
	cause := fmt.Errorf("the server has not answered the login for %s", c.timeouts.Login)
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeouts.Login, cause)
	defer cancel()
	if cred.Tokens == nil {
		return c.sendPassword(ctx, a, cred.Password)
	}
	for {
		token, err := cred.Tokens.Token(ctx, a.Mailbox)
		if err != nil {
			return loginStatus{}, err
		}
		status, err := c.sendToken(ctx, a, token.Value)
		if err != nil || status.Word == "OK" {
			return status, err
		}
		cred.Tokens.Refused(a.Mailbox, token)
		if !token.Kept {
			return status, nil
		}
	}
}

func (c *Conn) sendPassword(ctx context.Context, a Attempt, password Secret) (loginStatus, error) {
	text := password.Reveal()
	if a.Mechanism == MechanismLogin && !c.needsPlain(a.Authcid, text) {
		req := NewRequest("LOGIN").String(a.Authcid).String(text)
		req.Secrets = []string{text}
		return c.ask(ctx, req)
	}
	return c.sasl(ctx, sasl.NewPlainClient(a.Authzid, a.Authcid, text), password)
}

func (c *Conn) sendToken(ctx context.Context, a Attempt, token Secret) (loginStatus, error) {
	if !c.Has("AUTH=" + MechanismToken) {
		name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(a.Authcid) // saslname, RFC 5801 section 4
		return c.sasl(
			ctx,
			sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: name, Token: token.Reveal()}),
			token,
		)
	}
	return c.sasl(ctx, xoauth2{a.Authcid, token}, token)
}

// sasl proves a login by a SASL mechanism. It sends the initial response at once if
// the server supports that (RFC 4959).
func (c *Conn) sasl(ctx context.Context, client sasl.Client, secret Secret) (loginStatus, error) {
	mechanism, ir, err := client.Start()
	if err != nil {
		return loginStatus{}, err
	}
	first, encoded := true, base64.StdEncoding.EncodeToString(ir)
	req := NewRequest("AUTHENTICATE").Raw(mechanism)
	req.Secrets = []string{secret.Reveal(), encoded}
	if c.Has("SASL-IR") {
		req.Raw(encoded)
		first = false
	}
	req.Continue = func(challenge string) (string, error) {
		response := ir
		if !first {
			decoded, err := base64.StdEncoding.DecodeString(challenge)
			if err != nil {
				return "", fmt.Errorf("the server's challenge is not base64: %w", err)
			}
			if response, err = client.Next(decoded); err != nil {
				return "", err // cancels; the reply says more
			}
		}
		first = false
		return base64.StdEncoding.EncodeToString(response), nil
	}
	return c.ask(ctx, req)
}

// xoauth2 is Microsoft's and Google's mechanism (docs/exchange.md#oauth2),
// which go-sasl does not have.
type xoauth2 struct {
	mailbox string
	token   Secret
}

// Start implements sasl.Client.
func (x xoauth2) Start() (mechanism string, ir []byte, err error) {
	return MechanismToken, []byte("user=" + x.mailbox + "\x01auth=Bearer " + x.token.Reveal() + "\x01\x01"), nil
}

// Next answers a challenge with nothing. Servers other than Exchange send a challenge
// with the reason for a refusal, and then NO.
func (xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }

// takes returns the mechanism that an attempt needs, and reports whether the server
// offers it. Exchange 2003 does not offer AUTH=PLAIN (docs/exchange.md#capabilities).
func (c *Conn) takes(a Attempt) (mechanism string, ok bool) {
	switch {
	case a.Mechanism == MechanismToken:
		return a.Mechanism, c.Has("AUTH="+MechanismToken) || c.Has("AUTH="+sasl.OAuthBearer)
	case a.Mechanism == MechanismPlain || c.Has("LOGINDISABLED"):
		return sasl.Plain, c.Has("AUTH=" + sasl.Plain)
	}
	return a.Mechanism, true
}

// needsPlain reports whether a name and password must go by PLAIN instead of LOGIN:
// LOGIN is disabled, or it would need a literal.
func (c *Conn) needsPlain(name, password string) bool {
	return c.Has("LOGINDISABLED") || (!isQuotable(name) || !isQuotable(password)) && c.Has("AUTH=PLAIN")
}

// Has reports whether the server announced a capability.
func (c *Conn) Has(capability string) bool { return containsFold(c.Capabilities, capability) }
