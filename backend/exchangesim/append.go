package exchangesim

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// internalDate is the date-time of RFC 3501 section 9; the day has a space
// before one digit.
const internalDate = "_2-Jan-2006 15:04:05 -0700"

func (c *conn) append(a *args) (status, error) {
	name, err := a.mailbox()
	if err != nil {
		return status{}, err
	}
	var names []string
	if a.peek() == '(' {
		if names, err = a.list(); err != nil {
			return status{}, err
		}
	}
	date, refusal, err := c.appendDate(a)
	if err != nil {
		return status{}, err
	}
	if refusal != "" {
		return badArgument(refusal), nil
	}
	a.skipSpace()
	start, size, wait, ok := literalSize(a.line)
	if !ok || start != 0 {
		return status{}, errArgument
	}
	fl, unknown := parseFlags(names)
	if st, refused := c.refuseAppend(name, unknown, size); refused {
		return st, nil // next drains what comes unasked
	}
	msg, err := c.appendedMessage(a, size, wait)
	if err != nil {
		return status{}, err
	}
	if st, refused := c.refuseMessage(msg); refused {
		return st, nil
	}
	return c.keep(name, c.srv.newMessage(fl, date, msg))
}

// appendDate reads the date of an APPEND, or returns the time of now if it has none. refusal
// is the reason why Exchange refuses the date; "" if it does not.
func (c *conn) appendDate(a *args) (date time.Time, refusal string, err error) {
	if a.peek() != '"' {
		return c.srv.now(), "", nil
	}
	quoted, err := a.quoted()
	if err != nil {
		return date, "", err
	}
	if date, err = time.Parse(internalDate, strings.TrimLeft(quoted, " ")); err != nil {
		return date, "the date cannot be read", nil
	}
	if c.srv.quirks[quirkStrictDates] && (quoted[1] == '-' || date.Year() < 1970) {
		return date, "quirk EX-83: a day of one digit, or a date before 1970", nil
	}
	if c.srv.quirks[quirkDateDropped] {
		date = c.srv.now()
	}
	return date, "", nil
}

// appendedMessage reads the literal of an APPEND, and the end of its line. wait says that the
// client waits for "+".
func (c *conn) appendedMessage(a *args, size int64, wait bool) ([]byte, error) {
	a.line = nil
	if wait {
		if err := c.continueLiteral(); err != nil {
			return nil, err
		}
	}
	msg, err := c.message(size)
	if err != nil {
		return nil, err
	}
	if err := a.nextLine(); err != nil {
		return nil, err
	}
	return msg, a.end()
}

// refuseMessage returns Exchange's refusal of a message that it has read.
func (c *conn) refuseMessage(msg []byte) (status, bool) {
	if why := refuseContent(msg); why != "" && c.srv.quirks[quirkContentRefused] {
		return badArgument("quirk EX-09: " + why), true
	}
	if why := c.srv.refuseByRule(msg); why != "" {
		return badArgument(why), true
	}
	if bytes.IndexByte(msg, 0) >= 0 {
		return badArgument("a NUL in the message (RFC 3501 section 9, CHAR8)"), true
	}
	if f, ok := c.strike(faultRefuseMessage); ok {
		return status{kind: f.shape, text: f.text, why: "fault refuse-message"}, true
	}
	return status{}, false
}

// keep stores a message, if no fault cuts the connection before that, and answers, if none
// cuts it afterwards.
func (c *conn) keep(name string, m *message) (st status, err error) {
	if _, ok := c.strike(faultLostAppend); ok {
		return status{}, endCut
	}
	if f, ok := c.strike(faultLateAppend); ok {
		st = c.storeLate(name, f.delay, m)
	} else {
		st = c.storeAppended(name, m)
	}
	if _, ok := c.strike(faultLostAppendReply); ok {
		return status{}, endCut
	}
	return st, nil
}

// refuseAppend returns Exchange's refusal before it asks for the message. The order of the
// checks is inferred, except for the throttle, which was seen instead of "+"
// (imapsync#198).
func (c *conn) refuseAppend(name, unknownFlag string, size int64) (status, bool) {
	if f, ok := c.strike(faultThrottle); ok {
		return refuseThrottled(f.delay, shapeNo), true
	}
	if limit := c.srv.limits[quirkOversizeRefused]; size > limit {
		why := fmt.Sprintf("%d bytes, the limit is %d", size, limit)
		switch {
		case c.srv.quirks[quirkOversizeCloses]:
			st := badArgument("quirk EX-06: " + why)
			st.close = true
			return st, true
		case c.srv.quirks[quirkOversizeRefused]:
			return status{
				kind: "NO",
				text: "Maximum size of appendable message has been exceeded",
				why:  "quirk EX-07: " + why,
			}, true
		case c.srv.like.Limits[quirkOversizeRefused] > 0: // a server like this one has a limit in its own words
			return failed("APPEND", "quirk EX-07: "+why), true
		}
	}
	if unknownFlag != "" && c.srv.quirks[quirkKeywordRefused] {
		return badArgument("quirk EX-08: flag " + unknownFlag), true
	}
	c.srv.store.mu.Lock()
	defer c.srv.store.mu.Unlock()
	if c.account.find(name) == nil {
		return tryCreate(name), true
	}
	return status{}, false
}

// storeAppended stores the message and answers. The text of success was not
// found in any log and is inferred from that of other commands.
func (c *conn) storeAppended(name string, m *message) status {
	s := c.srv.store
	s.mu.Lock()
	mb := c.account.find(name)
	if mb == nil { // deleted while the message came
		s.mu.Unlock()
		return tryCreate(name)
	}
	uid := mb.add(m)
	st := completed("APPEND")
	if c.srv.supports("UIDPLUS") {
		st.text = fmt.Sprintf("[APPENDUID %d %d] %s", mb.uidValidity, uid, st.text)
	}
	s.mu.Unlock()
	c.sync(true)
	return st
}

// newMessage returns a message as APPEND stores it.
func (s *Server) newMessage(fl flags, date time.Time, msg []byte) *message {
	m := &message{flags: fl, date: date.UTC(), received: msg, stored: msg, flagged: fl&flagFlagged != 0, came: s.now()}
	if s.quirks[quirkRegenerated] {
		m.stored = regenerate(msg)
	}
	m.size = int64(len(m.stored))
	if s.quirks[quirkSizeEstimate] {
		m.size = estimateSize(m.stored)
	}
	if s.quirks[quirkFlaggedHidden] {
		m.flagged = false
	}
	if s.quirks[quirkMDNSentCategory] && fl&flagMDNSent != 0 {
		m.category = "$MDNSent"
	}
	return m
}

// estimateSize returns the size of the properties in the store. It differs from the size of
// the message that is written from them (quirk EX-13). The formula is our own: the result
// only has to differ.
func estimateSize(stored []byte) int64 { return int64(len(stored)) + int64(len(stored))/32 + 271 }
