package exchangesim

import "time"

// The words of BYE. 13 came straight after the first command (MailKit#209);
// docs/exchange.md#greeting and docs/exchange.md#errors.
const (
	byeRefused      = "Connection is closed. 13"
	byeClosed       = "Connection closed. 14"
	byeTokenExpired = "Session invalidated - AccessTokenExpired"
)

// begin opens a chance for faults: a command has come, or one of the moments
// beside commands.
func (c *conn) begin(verb string) {
	c.command++
	c.verb = verb
	if c.user != "" && !c.streamBegun {
		c.streamBegun = true
		if f := c.order(faultCutStream, verb); f != nil {
			c.arm(f)
		}
	}
	c.drawn = c.draw(verb)
	c.disarm()
	for _, kind := range []string{faultCutReply, faultCutAppend} {
		if kind == faultCutAppend && verb != "APPEND" {
			continue
		}
		if f := c.order(kind, verb); f != nil {
			c.arm(f)
		}
	}
	c.drip = 0
	if f, ok := c.strike(faultDrip); ok {
		c.drip = f.delay
	}
}

// order returns what is to strike at that moment, without using it up; nil if
// nothing is.
func (c *conn) order(kind, verb string) *fault {
	for _, f := range c.drawn {
		if f.kind == kind && f.left != 0 && f.isAt(verb) {
			return f
		}
	}
	user := c.user
	if c.account != nil {
		user = c.account.user.Name
	}
	return c.srv.faults.find(kind, user, verb)
}

// strike reports whether a fault of that kind strikes the command in hand, and
// uses it up.
func (c *conn) strike(kind string) (fault, bool) { return c.use(c.order(kind, c.verb), c.verb) }

// use takes one strike from an order, which may be nil, and logs it.
func (c *conn) use(order *fault, verb string) (fault, bool) {
	if order == nil {
		return fault{}, false
	}
	f, ok := c.srv.faults.use(order)
	if ok {
		c.logStrike(f.name(), verb, f.seed)
	}
	return f, ok
}

func (c *conn) logStrike(name, verb string, seed uint64) {
	c.srv.log.Info("fault strikes", "fault", name, "seed", seed, "connection", c.number, "command", c.command,
		"verb", c.loggedVerb(verb), "user", c.user)
}

// accident is what befalls a command in place of being run: a reply, or the
// end of the connection. done is false if nothing does.
func (c *conn) accident() (st status, done bool, err error) {
	if f, ok := c.strike(faultCut); ok {
		return status{}, true, f.end
	}
	if f, ok := c.strike(faultBye); ok {
		return status{}, true, c.sayBye(f.text)
	}
	if f, ok := c.strike(faultRefuse); ok {
		return status{kind: f.shape, text: f.text, why: "fault refuse"}, true, nil
	}
	if c.user == "" {
		return status{}, false, nil
	}
	if _, ok := c.strike(faultTokenExpiry); ok {
		return status{}, true, c.sayBye(byeTokenExpired)
	}
	if c.view != nil {
		if _, ok := c.strike(faultUIDValidity); ok {
			c.revalidate()
			return status{}, true, endCut
		}
	}
	st, done = c.throttled(time.Now())
	return st, done, nil
}

// sayBye writes the last line of a connection.
func (c *conn) sayBye(text string) error {
	c.printf("* BYE %s\r\n", text)
	return errClosing
}
