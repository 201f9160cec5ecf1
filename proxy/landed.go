package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/rewrite"
)

// When the connection is lost before the reply to an APPEND, the message may
// have been stored. On a new connection it is looked for among the messages
// that have come since, so that it is neither lost nor stored twice. It is
// known by its header, not by its size or a hash: Exchange writes a message
// anew from its properties, and estimates the size (exchange-behaviour.md §5,
// rows 5 and 6).

// mark is a place in a mailbox: the messages that come from now on have UIDs
// of at least next.
type mark struct {
	mailbox  string // as the client named it
	validity uint32
	next     uint32 // 0: not known, ask
}

// markOf returns the mark of a mailbox, or one without next if it cannot be
// had. In a mailbox that is selected it is what SELECT said, else STATUS is
// asked, once while messages go to the same mailbox: each APPENDUID moves it.
func (c *conn) markOf(mailbox string) mark {
	if c.mark.mailbox == mailbox && c.mark.next != 0 {
		return c.mark
	}
	c.mu.Lock()
	v := c.view
	c.mu.Unlock()
	// Behind a message that came without APPENDUID what SELECT said is too low:
	// that message would be found in place of the next.
	if stale := c.mark.mailbox == mailbox; !stale && v.uidNext != 0 && v.validity != 0 && v.holds(mailbox, c.login.policy.exchange()) {
		c.mark = mark{mailbox, v.validity, v.uidNext}
		return c.mark
	}
	c.mark = mark{mailbox: mailbox}
	req := backend.NewRequest("STATUS").Mailbox(mailbox).Raw("(UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		numbers, ok := statusNumbers(line)
		if ok {
			c.mark.validity, c.mark.next = numbers["UIDVALIDITY"], numbers["UIDNEXT"]
		}
		return ok
	}
	if status, err := c.up.Do(c.ctx, req); err != nil || status.Word != "OK" || c.mark.validity == 0 {
		c.mark.next = 0
	}
	return c.mark
}

// passed moves the mark behind a message that was stored.
func (c *conn) passed(mailbox string, stored *imap.AppendData) {
	c.mark = mark{mailbox: mailbox}
	if stored != nil {
		c.mark.validity, c.mark.next = stored.UIDValidity, uint32(stored.UID)+1
	}
}

// statusNumbers reads the list of a STATUS response.
func statusNumbers(line []byte) (map[string]uint32, bool) {
	text := strings.ToUpper(strings.TrimRight(string(line), "\r\n"))
	open := strings.LastIndexByte(text, '(')
	if !strings.HasPrefix(text, "* STATUS ") || open < 0 || !strings.HasSuffix(text, ")") {
		return nil, false
	}
	numbers := make(map[string]uint32)
	for pair := range slices.Chunk(strings.Fields(text[open+1:len(text)-1]), 2) {
		if len(pair) == 2 {
			numbers[pair[0]] = parseNumber(pair[1])
		}
	}
	return numbers, true
}

// landing is what is known of a message whose APPEND has no reply.
type landing int

const (
	landingUnknown landing = iota // cannot be told
	landingAbsent                 // it was not stored
	landingFound                  // it was
)

func (l landing) String() string {
	return [...]string{landingUnknown: "not known", landingAbsent: "no", landingFound: "yes"}[l]
}

// settle finds out what became of a message whose APPEND was cut, and brings
// the session back on a new connection. all tells that the last byte of the
// command may have been sent: until then nothing is stored, and afterwards it
// may take the server a while.
func (c *conn) settle(up *upload, plan *rewrite.Plan, from mark, all bool) (landing, *imap.AppendData, error) {
	session, err := c.reconnect(c.ctx)
	if err != nil {
		return c.unasked(all), nil, err
	}
	looks := c.srv.limits.Looks
	if !all {
		looks = looks[:1]
	}
	found, stored := landingUnknown, (*imap.AppendData)(nil)
	for _, pause := range looks {
		if err = backend.Sleep(c.ctx, pause); err != nil {
			break
		}
		if found, stored, err = look(c.ctx, session.Conn, up, plan, from); err != nil || found != landingAbsent {
			break
		}
	}
	c.mu.Lock()
	selected := c.view.mailbox != ""
	c.mu.Unlock()
	if err == nil && !selected {
		// The client would hear of a mailbox that it has not selected. After
		// EXAMINE, CLOSE removes nothing (RFC 9051 section 6.4.1).
		_, err = session.Do(c.ctx, backend.NewRequest("CLOSE"))
	}
	if err != nil {
		session.Close()
		if found == landingFound {
			return found, stored, err
		}
		return c.unasked(all), nil, err
	}
	return found, stored, c.install(c.ctx, session, keepsView)
}

// unasked is what is known without asking.
func (c *conn) unasked(all bool) landing {
	if all {
		return landingUnknown
	}
	return landingAbsent
}

// look looks for an uploaded message from a mark on. It leaves the mailbox
// selected, read-only.
func look(ctx context.Context, conn *backend.Conn, up *upload, plan *rewrite.Plan, from mark) (landing, *imap.AppendData, error) {
	if from.next == 0 {
		return landingUnknown, nil, nil
	}
	now := new(view)
	req := backend.NewRequest("EXAMINE").Mailbox(up.mailbox)
	req.Untagged = now.noteLine
	status, err := conn.Do(ctx, req)
	switch {
	case err != nil:
		return landingUnknown, nil, err
	case status.Word != "OK" || now.validity != from.validity:
		return landingUnknown, nil, nil
	case now.exists == 0 || now.uidNext != 0 && now.uidNext <= from.next:
		return landingAbsent, nil, nil // and "UID FETCH n:*" would name the last message
	}
	wanted, err := readIdentity(plan)
	if err != nil {
		return landingUnknown, nil, err
	}
	found, uid, err := search(ctx, conn, from.next, wanted, up.date)
	if found != landingFound || err != nil {
		return found, nil, err
	}
	return found, &imap.AppendData{UIDValidity: now.validity, UID: imap.UID(uid)}, nil
}

// search looks through the messages with UIDs of at least from. It fetches
// their headers and does not SEARCH, for which Exchange asks an index that may
// lag behind.
func search(ctx context.Context, conn *backend.Conn, from uint32, wanted identity, date string) (landing, uint32, error) {
	found, uid := landingAbsent, uint32(0)
	req := backend.NewRequest("UID FETCH").Raw(fmt.Sprintf("%d:*", from)).
		Raw("(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])")
	req.Untagged = func(response []byte) bool {
		m, ok := parseCandidate(response)
		if !ok {
			return false
		}
		if m.uid < from || found == landingFound { // "n:*" names the last message, whatever its UID
			return true
		}
		if verdict := wanted.compare(m, date); verdict == landingFound {
			found, uid = verdict, m.uid
		} else if verdict == landingUnknown {
			found = verdict
		}
		return true
	}
	status, err := conn.Do(ctx, req)
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("UID FETCH", status)
	}
	if err != nil {
		return landingUnknown, 0, err
	}
	return found, uid, nil
}

// identity is what a message is known by.
type identity struct {
	messageID           string
	subject, from, date string // as far as they can be read alike on both sides
}

// maxIdentityHeader is how far into a message its identity is looked for.
const maxIdentityHeader = 256 << 10

// readIdentity reads it off the message that is sent.
func readIdentity(plan *rewrite.Plan) (identity, error) {
	head := &prefix{max: maxIdentityHeader}
	if _, err := plan.WriteTo(head); err != nil && !head.full {
		return identity{}, err
	}
	return parseIdentity(head.data), nil
}

// prefix keeps the first bytes of what is written to it, and then refuses more.
type prefix struct {
	data []byte
	max  int
	full bool
}

func (p *prefix) Write(b []byte) (int, error) {
	n := min(len(b), p.max-len(p.data))
	p.data = append(p.data, b[:n]...)
	if n < len(b) || bytes.Contains(p.data, []byte("\r\n\r\n")) {
		p.full = true
		return n, io.ErrShortWrite
	}
	return n, nil
}

// parseIdentity reads the first field of each name, RFC 5322 section 3.6.
func parseIdentity(header []byte) identity {
	var id identity
	fields := map[string]*string{"message-id": &id.messageID, "subject": &id.subject, "from": &id.from, "date": &id.date}
	var open *string
	for line := range bytes.Lines(header) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if open != nil {
				*open += text
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if open = fields[name]; !ok || open == nil {
			continue
		}
		delete(fields, name) // the first counts
		*open = value
	}
	id.messageID = strings.Join(strings.Fields(id.messageID), "")
	id.subject, id.from = readable(id.subject), addressesIn(id.from)
	if t, err := mail.ParseDate(strings.TrimSpace(id.date)); err == nil {
		id.date = t.UTC().Format(time.RFC3339)
	}
	return id
}

// readable undoes what a server that writes a header anew may change.
func readable(s string) string {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		s = decoded
	}
	return strings.Join(strings.Fields(s), " ")
}

// addressesIn are the addresses of From, without their names.
func addressesIn(s string) string {
	list, err := mail.ParseAddressList(strings.TrimSpace(s))
	if err != nil {
		return readable(s)
	}
	var addresses []string
	for _, a := range list {
		addresses = append(addresses, strings.ToLower(a.Address))
	}
	return strings.Join(addresses, " ")
}

// compare tells whether m is the message. Where either has no Message-ID all
// else must be the same, with the date that was sent with it if there was one;
// where only a part of that is, it cannot be told: a server may write fields
// anew in a way that is not foreseen here.
func (id identity) compare(m candidate, date string) landing {
	if id.messageID != "" && m.messageID != "" {
		if m.messageID == id.messageID {
			return landingFound
		}
		return landingAbsent
	}
	sameDate := id.date != "" && m.date == id.date
	sameNames := m.subject == id.subject && m.from == id.from
	// Exchange 2010 before SP2 RU5 loses it (§5 row 4).
	sameArrival := date != "" && sameInstant(date, m.internalDate)
	switch {
	case id.messageID == "" && sameDate && sameNames && (sameArrival || date == ""):
		return landingFound
	case sameDate || sameArrival || sameNames && id.subject+id.from != "" || id == identity{}:
		return landingUnknown
	}
	return landingAbsent
}

// internalDate is RFC 9051's date-time.
const internalDate = "_2-Jan-2006 15:04:05 -0700"

func sameInstant(a, b string) bool {
	t, err := time.Parse(internalDate, a)
	u, err2 := time.Parse(internalDate, b)
	return err == nil && err2 == nil && t.Equal(u)
}

// candidate is a message that may be the one.
type candidate struct {
	identity
	uid          uint32
	internalDate string
}

var (
	candidateUID     = regexp.MustCompile(`(?i)[ (]UID (\d+)`)
	candidateDate    = regexp.MustCompile(`(?i)[ (]INTERNALDATE "([^"]*)"`)
	candidateLiteral = regexp.MustCompile(`\{(\d+)\}\r?\n`)
)

// parseCandidate reads a FETCH response with one literal, or none where there
// are no such fields and the server says so by an empty string.
func parseCandidate(response []byte) (m candidate, ok bool) {
	line, err := bufio.NewReader(bytes.NewReader(response)).ReadString('\n')
	if err != nil || !fetchLine.MatchString(line) {
		return m, false
	}
	outside := response
	if at := candidateLiteral.FindSubmatchIndex(response); at != nil {
		size := int(parseNumber(string(response[at[2]:at[3]])))
		if size > len(response)-at[1] {
			return m, false
		}
		m.identity = parseIdentity(response[at[1] : at[1]+size])
		outside = append(bytes.Clone(response[:at[0]]), response[at[1]+size:]...)
	}
	uid := candidateUID.FindSubmatch(outside)
	if uid == nil {
		return m, false
	}
	m.uid = parseNumber(string(uid[1]))
	if date := candidateDate.FindSubmatch(outside); date != nil {
		m.internalDate = string(date[1])
	}
	return m, true
}

var fetchLine = regexp.MustCompile(`(?i)^\* \d+ FETCH \(`)
