package backend

import (
	"context"
	"slices"
	"sync"
	"time"
)

// announced remembers what a server announced at the last login, so that the next one need not
// ask: Exchange's greeting never has its capabilities (docs/exchange.md#capabilities), and to ask
// costs a round trip. A changed server is noticed: by another greeting, by a refused login, or
// when announcedFor is over. The zero value remembers nothing. It is safe for concurrent use.
type announced struct {
	mu       sync.Mutex
	greeting string   // of the connection on which the server was asked
	caps     []string // before the login; nil: not known
	after    []string // after the login
	asked    time.Time
}

// announcedFor is how long the capabilities before the login are remembered.
const announcedFor = 10 * time.Minute

// announcement is what is known of a server before a login.
type announcement struct {
	isRemembered bool     // the capabilities of the connection are those of an earlier one
	after        []string // the capabilities after the last login; nil: not known
}

// before gives the connection the capabilities that hold before the login. In plain text it
// always asks: LOGINDISABLED keeps a password from being sent there (RFC 9051 section 6.2.3).
func (a *announced) before(ctx context.Context, c *Conn) (announcement, error) {
	a.mu.Lock()
	known := announcement{after: a.after}
	if c.Capabilities == nil && c.TLS != "" && a.greeting == withoutHost(c.Greeting) &&
		time.Since(a.asked) < announcedFor {
		c.Capabilities = slices.Clone(a.caps)
		known.isRemembered = a.caps != nil
	}
	a.mu.Unlock()
	if c.Capabilities == nil {
		if err := a.ask(ctx, c); err != nil {
			return announcement{}, err
		}
	}
	c.before = c.Capabilities
	return known, nil
}

// ask asks the server before the login, and remembers the answer.
func (a *announced) ask(ctx context.Context, c *Conn) error {
	if err := c.askCapabilities(ctx); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.greeting, a.caps, a.asked = withoutHost(c.Greeting), slices.Clone(c.Capabilities), time.Now()
	return nil
}

// check asks the server whether the remembered capabilities still hold. From then on, known is
// the server's own word.
func (a *announced) check(ctx context.Context, c *Conn, known *announcement) (changed bool, err error) {
	remembered := c.Capabilities
	known.isRemembered = false
	if err := a.ask(ctx, c); err != nil {
		return false, err
	}
	c.before = c.Capabilities
	return !slices.Equal(remembered, c.Capabilities), nil
}

// loggedIn remembers the capabilities after a login.
func (a *announced) loggedIn(c *Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.after = slices.Clone(c.Capabilities)
}

// forget makes the next login ask.
func (a *announced) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.caps = nil
}

// withoutHost returns a greeting without the front end that Exchange Online names in it, which is
// another one at almost each connection (docs/exchange.md#greeting).
func withoutHost(greeting string) string { return bracketed.ReplaceAllString(greeting, "[]") }
