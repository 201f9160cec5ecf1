package mailbox

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"exgate/backend/wire"
)

// Fingerprint is what a message is known by.
type Fingerprint struct {
	messageID           string
	subject, from, date string // as far as they can be read alike on both sides
}

// maxFingerprintHeader is how far into a message its identity is looked for.
const maxFingerprintHeader = 256 << 10

// ReadFingerprint reads it off the message that is sent.
func ReadFingerprint(message io.WriterTo) (Fingerprint, error) {
	head := &prefix{max: maxFingerprintHeader}
	if _, err := message.WriteTo(head); err != nil && !head.full {
		return Fingerprint{}, err
	}
	return parseFingerprint(head.data), nil
}

// prefix keeps the first bytes of what is written to it, up to the end of the header and max at
// most, and then refuses more.
type prefix struct {
	data []byte
	max  int
	full bool
}

// headerEnd ends a header (RFC 5322 section 2.1).
var headerEnd = []byte("\r\n\r\n")

func (p *prefix) Write(b []byte) (int, error) {
	n := min(len(b), p.max-len(p.data))
	p.full = n < len(b)
	if end := bytes.Index(b[:n], headerEnd); end >= 0 { // not after each piece in the whole of a long header
		n, p.full = end+len(headerEnd), true
	}
	seam := max(len(p.data)-len(headerEnd)+1, 0)
	p.data = append(p.data, b[:n]...)
	p.full = p.full || bytes.Contains(p.data[seam:min(len(p.data), seam+2*len(headerEnd))], headerEnd)
	if p.full {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// FirstFields reads the first field of each name, in lower case, unfolded. It removes the
// names that it finds from fields.
func FirstFields(header []byte, fields map[string]*string) {
	var open *string
	var small [longestField]byte
	for line := range bytes.Lines(header) {
		text := bytes.TrimRight(line, "\r\n")
		if len(text) == 0 {
			return
		}
		if text[0] == ' ' || text[0] == '\t' {
			if open != nil {
				*open += string(text)
			}
			continue
		}
		open = nil
		if len(fields) == 0 {
			return
		}
		name, value, ok := bytes.Cut(text, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if !ok || len(name) > longestField {
			continue
		}
		lower := small[:len(name)]
		for i, c := range name {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower[i] = c
		}
		if open = fields[string(lower)]; open != nil {
			*open = string(value)
			delete(fields, string(lower)) // the first counts
		}
	}
}

// longestField is longer than any name that is looked for.
const longestField = 32

// parseFingerprint reads the first field of each name, RFC 5322 section 3.6.
func parseFingerprint(header []byte) Fingerprint {
	var id Fingerprint
	fields := map[string]*string{"message-id": &id.messageID, "subject": &id.subject, "from": &id.from,
		"date": &id.date}
	FirstFields(header, fields)
	id.messageID = strings.Join(strings.Fields(id.messageID), "")
	id.subject, id.from = readable(id.subject), addressesIn(id.from)
	if t, err := parseDate(id.date); err == nil {
		id.date = t.UTC().Format(time.RFC3339)
	}
	for _, field := range []*string{&id.messageID, &id.subject, &id.from, &id.date} {
		*field = shortened(*field)
	}
	return id
}

// shortened bounds what is remembered of a field: a longer one is known by its
// hash.
func shortened(s string) string {
	if len(s) <= longestKept {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// longestKept is longer than most fields.
const longestKept = 256

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

// MessageKey is what a message that goes up is known by.
type MessageKey struct {
	Fingerprint
	Date     string // the date-time that it was sent with; "" if none
	DateKept bool   // the server was seen to keep such dates
}

// compare tells whether m is the message. Where either has no Message-ID all
// else must be the same, with the date that was sent with it if there was one;
// where only a part of that is, it cannot be told: a server may write fields
// anew in a way that is not foreseen here. Two messages may have one Message-ID,
// too: then their dates differ.
func (id MessageKey) compare(m candidate) Landing {
	if m.unread && (id.messageID == "" || m.messageID == "") {
		return LandingUnknown
	}
	sameDate := id.date != "" && m.date == id.date
	// Exchange 2010 before SP2 RU5 loses it (docs/exchange.md#date).
	sameArrival := id.Date != "" && isSameInstant(id.Date, m.internalDate)
	if id.messageID != "" && m.messageID != "" {
		switch {
		case m.messageID != id.messageID:
			return LandingAbsent
		case isInstant(id.date) && isInstant(m.date) && !sameDate,
			id.DateKept && id.Date != "" && m.internalDate != "" && !sameArrival:
			return LandingUnknown
		}
		return LandingFound
	}
	sameNames := m.subject == id.subject && m.from == id.from
	switch {
	case id.messageID == "" && sameDate && sameNames && (sameArrival || id.Date == ""):
		return LandingFound
	case sameDate || sameArrival || sameNames && id.subject+id.from != "" || id.Fingerprint == Fingerprint{}:
		return LandingUnknown
	}
	return LandingAbsent
}

// equals reports whether one of two messages may be found in place of the other.
func (id MessageKey) equals(other MessageKey) bool {
	return id.compare(candidate{Fingerprint: other.Fingerprint, internalDate: other.Date}) == LandingFound ||
		other.compare(candidate{Fingerprint: id.Fingerprint, internalDate: id.Date}) == LandingFound
}

// isInstant reports whether a date could be read.
func isInstant(date string) bool {
	_, err := time.Parse(time.RFC3339, date)
	return err == nil
}

func isSameInstant(a, b string) bool {
	t, err := time.Parse(dateTime, a)
	u, err2 := time.Parse(dateTime, b)
	return err == nil && err2 == nil && t.Equal(u)
}

// candidate is a message of the mailbox that may be the message that was sent.
type candidate struct {
	Fingerprint
	number, uid  uint32
	internalDate string
	tuid         string // mbsync's mark, if it was asked for
	unread       bool   // not all of its fields could be had
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
	if err != nil {
		return m, false
	}
	number := fetchLine.FindStringSubmatch(line)
	if number == nil {
		return m, false
	}
	m.number = wire.ParseNumber(number[1])
	outside := response
	if at := candidateLiteral.FindSubmatchIndex(response); at != nil {
		size := int(wire.ParseNumber(string(response[at[2]:at[3]])))
		if size > len(response)-at[1] {
			return m, false
		}
		header := response[at[1] : at[1]+size]
		m.Fingerprint, m.tuid = parseFingerprint(header), TUID(header)
		outside = append(bytes.Clone(response[:at[0]]), response[at[1]+size:]...)
	}
	uid := candidateUID.FindSubmatch(outside)
	if uid == nil {
		return m, false
	}
	m.uid = wire.ParseNumber(string(uid[1]))
	m.unread = !bytes.Contains(bytes.ToUpper(outside), []byte("BODY["))
	if date := candidateDate.FindSubmatch(outside); date != nil {
		m.internalDate = string(date[1])
	}
	return m, true
}

var fetchLine = regexp.MustCompile(`(?i)^\* (\d+) FETCH \(`)
