package backend

import (
	"bytes"
	"context"
	"exgate/backend/wire"
	"regexp"
	"slices"
	"strings"
	"time"
)

// introduce asks for capabilities and ID after a login, and proves the mailbox, in one flight.
// last has the capabilities that the server announced after the last login: they say whether it
// takes ID.
func (s *LoggedIn) introduce(
	ctx context.Context, id Identity, status wire.Status, choice Choice, last []string,
) error {
	var requests []*Request
	if args, ok := status.CodeArgs("CAPABILITY"); ok {
		s.Capabilities = capabilities(args)
		last = s.Capabilities
	} else {
		if last == nil {
			last = s.before
		}
		requests = append(requests, s.capabilityRequest())
	}
	prove, identify := -1, choice.Identify && containsFold(last, "ID")
	if choice.Verify {
		prove = len(requests)
		requests = append(requests, s.inboxRequest())
	}
	if identify {
		requests = append(requests, s.idRequest())
	}
	if len(requests) > 0 {
		s.Inbox.Asked = time.Now()
		replies, err := s.DoTogether(ctx, requests...)
		if prove >= 0 && replies[prove].Word != "" { // Exchange may close the connection over it
			if refused := refusedInbox(replies[prove], id); refused != nil {
				return refused
			}
		}
		if err != nil {
			return loginError(err)
		}
	}
	if choice.Identify && !identify && s.Has("ID") {
		if _, err := s.Do(ctx, s.idRequest()); err != nil {
			return loginError(err)
		}
	}
	s.Evidence.Capabilities = s.Capabilities
	return nil
}

// maxCapabilities and maxCapability bound what is remembered of a server's
// capabilities, and the bytes of one. Exchange has about twenty.
const (
	maxCapabilities = 128
	maxCapability   = 128
)

// capabilities reads the arguments of CAPABILITY. What is beyond the bounds is
// left out.
func capabilities(args string) []string {
	list := []string{}
	for word := range strings.FieldsSeq(args) {
		if len(list) == maxCapabilities {
			break
		}
		if len(word) <= maxCapability {
			list = append(list, strings.Clone(word)) // not the whole line with it
		}
	}
	return list
}

// askCapabilities asks the server for its capabilities.
func (c *Conn) askCapabilities(ctx context.Context) error {
	_, err := c.Do(ctx, c.capabilityRequest())
	return err
}

// capabilityRequest returns the request for the capabilities. They are not known until the reply.
func (c *Conn) capabilityRequest() *Request {
	c.Capabilities = nil
	req := NewRequest("CAPABILITY")
	req.Untagged = func(line []byte) bool {
		rest, ok := cutPrefixFold(string(line), "* CAPABILITY ")
		if ok {
			c.Capabilities = capabilities(rest)
		}
		return ok
	}
	return req
}

// inboxRequest returns the request that proves that the mailbox can be opened. Exchange answers
// OK to a login that cannot open its mailbox, and refuses the next commands with "User is
// authenticated but not connected." (docs/exchange.md#not-connected). The first APPEND uses the
// numbers of the reply (docs/design.md#lost-append).
func (s *LoggedIn) inboxRequest() *Request {
	req := NewRequest("STATUS").Mailbox("INBOX").Raw("(UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		_, ok := cutPrefixFold(string(line), "* STATUS ")
		if ok {
			s.Inbox.Status = bytes.Clone(line)
		}
		return ok
	}
	return req
}

// refusedInbox returns the error for a reply to inboxRequest that says that the mailbox cannot be
// opened, or nil.
func refusedInbox(status wire.Status, id Identity) error {
	if status.Word == "OK" {
		return nil
	}
	refusal := ReplyError("open the mailbox", status)
	if refusal.Kind == KindNoMailbox {
		return nil // the mailbox has opened, and its other folders can be used (docs/exchange.md#ex-81)
	}
	refusal.Failure = refusal.For(id)
	return refusal
}

// idRequest returns the request for ID with NIL, because Exchange does not accept "ID ()"
// (docs/exchange.md#id).
func (s *LoggedIn) idRequest() *Request {
	req := NewRequest("ID").Raw("NIL")
	req.Untagged = func(line []byte) bool {
		rest, ok := cutPrefixFold(string(line), "* ID ")
		if ok {
			s.Evidence.ID = parseID(rest)
		}
		return ok
	}
	return req
}

var idString = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|NIL`)

// The bounds of RFC 2971 section 3.3: pairs, bytes of a key and of a value.
const (
	maxIDPairs = 30
	maxIDKey   = 30
	maxIDValue = 1024
)

// parseID reads the list of an ID reply (RFC 2971): keys and values in turn.
// What is beyond the bounds is left out.
func parseID(list string) map[string]string {
	fields := idString.FindAllStringSubmatch(list, 2*maxIDPairs)
	id := make(map[string]string)
	for pair := range slices.Chunk(fields, 2) {
		if len(pair) == 2 && len(pair[0][1]) <= maxIDKey && len(pair[1][1]) <= maxIDValue {
			value := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(pair[1][1])
			id[strings.ToLower(strings.Clone(pair[0][1]))] = strings.Clone(value) // not the whole line with it
		}
	}
	return id
}

// cutPrefixFold is strings.CutPrefix, ignoring the case of letters.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
