package proxy

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/wire"
)

// badLines are lines that two IMAP parsers could read differently.
var badLines = map[string]string{
	"NUL":                      "a1 SELECT IN\x00BOX",
	"NUL in quotes":            "a1 SELECT \"IN\x00BOX\"",
	"bare CR":                  "a1 SELECT IN\rBOX",
	"two CR":                   "a1 NOOP\r",
	"unclosed quote":           `a1 SELECT "INBOX`,
	"quote closed by escape":   `a1 SELECT "INBOX\"`,
	"literal in quotes":        `a1 SELECT "INBOX {5}`,
	"no digits":                "a1 SELECT {}",
	"no digits, unasked":       "a1 SELECT {+}",
	"letters":                  "a1 SELECT {5a}",
	"negative":                 "a1 SELECT {-5}",
	"plus in front":            "a1 SELECT {+5}",
	"two plus":                 "a1 SELECT {5++}",
	"minus":                    "a1 SELECT {5-}",
	"blank":                    "a1 SELECT { 5}",
	"leading zero":             "a1 SELECT {05}",
	"zeros":                    "a1 SELECT {00}",
	"11 digits":                "a1 SELECT {12345678901}",
	"behind an atom":           "a1 SELECT x{5}",
	"behind a quote":           `a1 SELECT "x"{5}`,
	"two of them":              "a1 SELECT {5}{5}",
	"hexadecimal":              "a1 SELECT {0x5}",
	"no command":               "a1",
	"no command but a blank":   "a1 ",
	"nothing":                  "",
	"blank in front":           " a1 NOOP",
	"two blanks after the tag": "a1  NOOP",
}

func TestOnlyLinesThatAllReadersAgreeOnAreTaken(t *testing.T) {
	for name, line := range badLines {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t).login()
			c.raw(line + "\r\na2 NOOP\r\n")
			if strings.HasSuffix(line, "+}") { // the length of what follows is unknown
				c.S("* BYE …")
				c.ends()
				return
			}
			answer := c.S("… BAD …")
			if tag, _, _ := strings.Cut(answer, " "); tag != "a1" && tag != "*" {
				t.Errorf("answered under the tag %q", tag)
			}
			u.C("a2 NOOP") // nothing of the line went upstream
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
}

func TestBadLineBeforeLoginEndsTheSession(t *testing.T) {
	for name, line := range badLines {
		t.Run(name, func(t *testing.T) {
			c := newGateway(t).dial()
			c.S("* OK …")
			c.raw(line + "\r\na2 NOOP\r\n")
			c.S("* BYE …")
			c.ends()
		})
	}
}

// Every byte of a literal and of the line behind it goes up, and the end of the literal in one write with the line, if
// that has come.
func TestLiteralsOfAllLengths(t *testing.T) {
	for _, size := range []int{0, 1, 4096, wire.MaxTail - 1, wire.MaxTail, wire.MaxTail + 1, 64 << 10, 200_000} {
		for _, behind := range []string{"", " " + strings.Repeat("z", 1000), " {3+}\r\nend"} {
			for parts := range 2 { // all at once, or one after the other
				t.Run(fmt.Sprint(size, len(behind), parts), func(t *testing.T) {
					c, u := newGateway(t).login()
					literal := strings.Repeat("y", size)
					line := fmt.Sprintf("a1 APPEND Box {%d+}\r\n", size)
					rest := behind + "\r\n"
					for _, part := range [][]string{{line + literal + rest}, {line, literal, rest}}[parts] {
						c.raw(part)
						u.expectRaw(part)
					}
				})
			}
		}
	}
	// Under TLS, what the client writes at once comes at once, and a write of the gateway's is one record.
	setup, loginTLS := upstreamUnderTLS(t)
	for _, size := range []int{1, 4096, 15_000} {
		literal := strings.Repeat("y", size)
		for _, writes := range [][]string{
			{literal + "\r\n"}, {literal + " " + strings.Repeat("z", 1000) + "\r\n"}, {literal + " {3+}\r\n", "end\r\n"},
		} {
			t.Run(fmt.Sprint("one write ", size, len(writes[0])-size, len(writes)), func(t *testing.T) {
				g := newTLSGateway(t, ListenImplicit, setup)
				c := g.dial()
				c.secure()
				u := loginTLS(g, c)
				line := fmt.Sprintf("a1 APPEND Box {%d}", size)
				c.C(line)
				u.C(line)
				u.S("+ go")
				c.S("+ …")
				c.raw(strings.Join(writes, ""))
				record := make([]byte, wire.MaxTail)
				for _, want := range writes {
					u.wait()
					if n, err := u.nc.Read(record); string(record[:n]) != want || err != nil {
						u.fatalf("%d bytes came at once and %v, want %d", n, err, len(want))
					}
				}
			})
		}
	}
}

func TestBadLineBehindALiteral(t *testing.T) {
	t.Run("direct", func(t *testing.T) { // half of the command is upstream
		c, u := newGateway(t).login()
		c.raw("a1 RENAME {1+}\r\nx \x00\r\n")
		u.C("a1 RENAME {1+}") // the literal would go up with the line behind it
		c.S("* BYE a command cannot be completed: the command contains a NUL byte")
		c.ends()
		u.ends()
	})
	t.Run("direct, too long", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.raw("a1 RENAME {1+}\r\nx" + strings.Repeat("y", 70_000) + "\r\n")
		u.C("a1 RENAME {1+}")
		u.expectRaw("x")
		c.S("* BYE a command line is at most 65536 bytes long here")
		c.ends()
		u.ends()
	})
	t.Run("own lane", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.raw("a1 APPEND INBOX {3+}\r\nabc \x00\r\n")
		c.S("a1 BAD the command contains a NUL byte")
		u.silent()
	})
	t.Run("own lane, too long", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.raw("a1 APPEND INBOX {3+}\r\nabc" + strings.Repeat("y", 70_000) + "\r\n")
		c.S("* BYE a command line is at most 65536 bytes long here")
		c.ends()
		u.ends()
	})
}

func TestBareLFIsSentAsCRLF(t *testing.T) {
	c, u := newGateway(t).login()
	c.raw("a1 NOOP\na2 CREATE {3+}\nabc\na3 IDLE\n")
	u.expectRaw("a1 NOOP\r\na2 CREATE {3+}\r\nabc\r\na3 IDLE\r\n")
	u.S("+ idling")
	c.S("+ idling")
	c.raw("DONE\n")
	u.expectRaw("DONE\r\n")
}

func TestStatusLineAnnouncesNoLiteral(t *testing.T) {
	for _, line := range []string{
		"* OK [ALERT] over quota {5}", "* NO {5}", "* BAD x {5+}", "* OK {5}", "+ go {5}", "a1 OK done {5}", "a1 no {5}",
	} {
		t.Run(line, func(t *testing.T) {
			c, u := newGateway(t).login()
			c.C("a1 IDLE") // which has a "+"
			u.C("a1 IDLE")
			u.S(line)
			c.S(line) // at once: no five bytes have to follow
			u.S("* 1 EXISTS")
			c.S("* 1 EXISTS")
		})
	}
}

func TestLongLinesAreStreamed(t *testing.T) {
	c, u := newGateway(t).login()
	c.C("a1 SEARCH ALL")
	u.C("a1 SEARCH ALL")
	line := "* SEARCH" + strings.Repeat(" 1234567", 40_000)
	u.raw(line[:len(line)/2])
	c.expectRaw(line[:100_000]) // although the end of the line has not come
	u.raw(line[len(line)/2:] + "\r\n")
	u.S("a1 OK done")
	c.expectRaw(line[100_000:] + "\r\n")
	c.S("a1 OK done")
}
