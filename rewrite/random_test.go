package rewrite

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
)

// messages makes messages that readers can make sense of, with what is hard on
// an encoder in their bodies. The same seed gives the same messages.
type messages struct {
	*rand.Rand
	boundaries int
	faulty     bool // the empty line after a header may be missing
}

func (m *messages) pick(all ...string) string { return all[m.IntN(len(all))] }

func (m *messages) header(fields ...string) string {
	fields = append(fields, "X-Note: "+m.pick("", "folded\r\n "+strings.Repeat("y", m.IntN(70))))
	m.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	var b strings.Builder
	for _, f := range fields {
		if f != "" {
			b.WriteString(f + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

func (m *messages) message(depth int) string {
	fields := []string{"From: a@example.org", m.pick("", "MIME-Version: 1.0"),
		m.pick("", "Disposition-Notification-To: a@example.org", "return-receipt-to: a@example.org")}
	return m.entity(depth, fields)
}

func (m *messages) entity(depth int, fields []string) string {
	kind := m.IntN(10)
	if depth == 0 {
		kind = 9
	}
	switch {
	case kind < 4:
		// Long ones and short ones, some of them beginning with another.
		m.boundaries++
		b := m.pick("b", "b-", "--", "=_b'()+ ,./:=?") + fmt.Sprint(m.boundaries)
		var s strings.Builder
		header := m.header(append(fields, `Content-Type: multipart/`+m.pick("mixed", "digest", "signed")+`; boundary="`+b+`"`)...)
		if m.faulty && m.IntN(4) == 0 {
			header = strings.TrimSuffix(header, "\r\n")
		}
		s.WriteString(header)
		s.WriteString(m.pick("", m.text()+"\r\n"))
		for range m.IntN(4) + 1 {
			fmt.Fprintf(&s, "--%s%s\r\n%s\r\n", b, m.pick("", "", "  \t", strings.Repeat(" ", 200)), m.entity(depth-1, nil))
		}
		fmt.Fprintf(&s, "--%s--%s", b, m.pick("", "\r\n", "\r\n"+m.text()))
		return s.String()
	case kind < 6:
		return m.header(append(fields, "Content-Type: message/rfc822")...) + m.message(depth-1)
	}
	text := m.text()
	encoding := m.pick("", "7bit", "8BIT", "binary", "base64", "quoted-printable", "x-unknown", "base64", "quoted-printable")
	switch encoding {
	case "base64":
		if m.IntN(4) > 0 {
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
	case "quoted-printable":
		if m.IntN(4) > 0 {
			var b bytes.Buffer
			w := quotedprintable.NewWriter(&b)
			w.Write([]byte(text))
			w.Close()
			text = b.String()
			if m.IntN(2) == 0 {
				text = strings.ReplaceAll(text, "=\r\n", "")
			}
		}
	}
	if encoding != "" {
		encoding = "Content-Transfer-Encoding: " + encoding
	}
	contentType := m.pick("", "text/plain", "text/html; charset=utf-16", "text/plain; charset=utf-8; format=flowed", "image/png", "message/partial")
	if contentType != "" {
		contentType = "Content-Type: " + contentType
	}
	return m.header(append(fields, contentType, encoding)...) + text
}

func (m *messages) text() string {
	var s strings.Builder
	for range m.IntN(12) {
		switch m.IntN(8) {
		case 0:
			s.WriteString(strings.Repeat(m.pick("x", "é", "😀", "-", "=", " ", "\t", "\xff", "a b\t", "\x00", "\r", "=\r"), m.IntN(300)))
		case 1:
			fmt.Fprintf(&s, "%s--%s%d%s", m.pick("", strings.Repeat("z", 70+m.IntN(10))), m.pick("b", "b-", "--"), m.IntN(m.boundaries+1), m.pick("x", "--x", " x"))
		case 2:
			s.WriteString(m.pick(" ", "\t", "\r", "=", "\xc3", "=4", "=3D", "=0A", "-", "--", "."))
		case 3:
			s.WriteString(strings.Repeat("word ", m.IntN(40)))
		case 4:
			for range m.IntN(200) {
				s.WriteByte(byte(m.IntN(256)))
			}
		default:
			s.WriteString("\r\n")
		}
	}
	return s.String()
}

// spoil puts faults in a message, in its header most of all.
func (m *messages) spoil(message []byte) []byte {
	for range m.IntN(4) {
		fault := m.pick("\x00", "\n", "\r", "\xe9", "é", "=?TELETEX?Q?a?=", "=?utf-8?B?w6?=", strings.Repeat("x", 120), strings.Repeat(" ", 150),
			"\r\nSubject: "+strings.Repeat("ä ", 200)+"\r\n", "\r\nTo: a@b, "+strings.Repeat("x", 2000)+"\r\n", "\r\nContent-Type: message/partial\r\n",
			"\r\nContent-Disposition: attachment; filename="+strings.Repeat("ü", 260)+"\r\n", "\"", "(", "<", ";", "\r\nX-y: =?a?b?c?= =?a?Q?d?=\r\n",
			"\r\nReferences:"+strings.Repeat(" <a@b>", 500)+"\r\n", "\r\r\n", "\x00\x00\x00\r",
			"\r\nSubject: [=?utf-8?B?w6TD?= =?utf-8?B?tg==?="+m.pick("é", "\xff", "", strings.Repeat("y", 90))+"\r\n", "=?utf-8?B?w6TD?=", " =?utf-8?B?tg==?=")
		at := m.IntN(min(len(message), 10+m.IntN(1+len(message))) + 1)
		message = slices.Concat(message[:at], []byte(fault), message[at:])
	}
	return message
}

var randomRounds = flag.Int("rounds", 1000, "how many random messages TestRandomMessages makes")

func TestRandomMessages(t *testing.T) {
	rounds := *randomRounds
	readable, changed := 0, 0
	for seed := range rounds {
		m := &messages{Rand: rand.New(rand.NewPCG(uint64(seed), 1)), faulty: seed%2 == 1}
		message := []byte(m.message(3))
		o := Options{LongLines: LongLines(m.pick("recode", "wrap")), LineLimit: 78 + m.IntN(100), ReadReceipt: ReadReceiptAll}
		if seed%2 == 1 {
			o.Uses, o.Stage = UsesAt, Stage(m.IntN(3))
			message = m.spoil(message)
		}
		checkContract(t, message, o)
		if t.Failed() {
			t.Fatalf("seed %d, options %+v", seed, o)
		}
		if _, err := readBodies(message); err == nil {
			readable++
			if p, err := NewPlan(t.Context(), bytes.NewReader(message), int64(len(message)), o); err == nil && p.HasChanged() {
				changed++
			}
		}
	}
	t.Logf("of %d messages, %d could be read by the library, and %d of these were changed", rounds, readable, changed)
	if changed < rounds/3 {
		t.Error("too few messages show anything")
	}
}
