package source

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
)

// guard stands between go-imap's client and the connection. The client takes lines and
// literals of any length, and gives up at what real servers send: an invalid date, a
// name that is not in modified UTF-7, a keyword in 8-bit characters, a response that it does
// not know. guard therefore frames what the server sends, limits it, leaves out what the
// audit does not ask for, and writes the rest so that the client takes it. Only the text of a
// message passes as it is.
type guard struct {
	net.Conn
	r      *wire.ResponseReader
	secret string        // the password, which some servers repeat
	most   int           // responses to a command
	reply  time.Duration // how long the server may be silent while a command is in progress

	// Only the client's reader uses these.
	out   []byte // what the client reads next; at first the greeting
	over  bool   // nothing comes any more
	made  []byte // the memory of out, where out is not a part of what was read
	held  []byte // of the response at hand
	state int    // holding, passing, skipping
	lines int    // responses to the command in progress
	bytes int    // of these responses, without the texts of messages

	isBusy atomic.Bool
	wants  atomic.Pointer[string] // the item that the FETCH in progress asks for

	mu    sync.Mutex
	cause error // why reading has ended
}

const (
	holding  = iota // the response is kept until it is complete
	passing         // the text of a message goes to the client as it comes
	skipping        // the response is left out
)

// The limits of what a server may send. An account has at most maxMailboxes mailboxes, and a
// window of messages has maxWindow responses.
const (
	maxResponse  = 64 << 10 // bytes, without the text of a message
	maxResponses = maxMailboxes + 10_000
	maxAnswer    = 64 << 20 // bytes of the responses to one command, without the texts of messages
)

// newGuard returns a guard of a connection whose greeting has been read.
func newGuard(d *backend.Dialed, reply time.Duration) *guard {
	greeting := wire.Status{Tag: "*", Word: "OK"}
	if len(d.Capabilities) > 0 {
		greeting.Code = "CAPABILITY " + strings.Join(d.Capabilities, " ")
	}
	return &guard{
		Conn: d.Conn, r: wire.NewResponseReader(d.Conn), reply: reply, most: maxResponses, out: safeStatus(greeting),
	}
}

// begin says that a command follows. wants is the item that each FETCH response to it has.
func (g *guard) begin(wants string) {
	g.wants.Store(&wants)
	g.isBusy.Store(true)
	g.Conn.SetReadDeadline(time.Now().Add(g.reply))
}

// end says that the command has been answered.
func (g *guard) end() {
	g.isBusy.Store(false)
	g.Conn.SetReadDeadline(time.Time{})
}

// cut ends the connection. err is the reason, unless it has another one already.
func (g *guard) cut(err error) {
	g.mu.Lock()
	if g.cause == nil {
		g.cause = err
	}
	g.mu.Unlock()
	g.Conn.Close()
}

// reason returns why the connection has ended, or err if it has not.
func (g *guard) reason(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause != nil {
		return g.cause
	}
	return err
}

// SetReadDeadline does nothing: the client's own deadline ends a large message on a slow line
// after five minutes, and no other silence at all.
func (g *guard) SetReadDeadline(time.Time) error { return nil }

// Read implements io.Reader. After any error it returns io.EOF, since the client waits
// forever for a literal that ends in another one.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.out) == 0 && !g.over {
		f, ok := g.r.Scan()
		err := error(nil)
		if ok {
			err = g.take(f)
		} else {
			err = g.fill()
		}
		if g.over = err != nil; g.over {
			g.cut(err)
		}
	}
	if g.over {
		return 0, io.EOF
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// fill reads more. A server that goes on sending is given more time.
func (g *guard) fill() error {
	if g.isBusy.Load() {
		g.Conn.SetReadDeadline(time.Now().Add(g.reply))
	}
	err := g.r.Fill()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the source has sent nothing for %s", g.reply)
	case errors.Is(err, io.EOF), errors.Is(err, connectionReset): // a reset: with bytes of ours unread
		return errors.New("the source has closed the connection")
	case err != nil:
		return fmt.Errorf("the connection to the source was lost: %w", err)
	}
	return nil
}

// take takes a fragment of a response, and sets out if something is for the client.
func (g *guard) take(f wire.Fragment) error {
	if f.First {
		g.state, g.held = holding, g.held[:0]
		if g.lines++; g.lines > g.most {
			return fmt.Errorf("the source answers a command with more than %d responses", g.most)
		}
	}
	if f.Literal {
		switch g.state {
		case passing:
			g.out = f.Data
			return nil
		case skipping:
			return nil
		}
	}
	if len(g.held)+len(f.Data) > maxResponse {
		return fmt.Errorf("the source sends a response of more than %d bytes", maxResponse)
	}
	g.held = append(g.held, f.Data...)
	if g.bytes += len(f.Data); g.bytes > maxAnswer {
		return fmt.Errorf("the source answers a command with more than %d bytes", maxAnswer)
	}
	switch {
	case f.Last && g.state == skipping:
	case f.Last && g.state == passing:
		g.say(safeFetch(g.held))
	case f.Last:
		g.respond(f.Kind)
	case !f.Literal && bytes.HasSuffix(f.Data, []byte("\n")) && (g.state != holding || isFetch(g.held)): // a literal
		return g.literal()
	}
	return nil
}

// say has the client read a line.
func (g *guard) say(line []byte) {
	g.made = append(g.made[:0], line...)
	g.out = g.made
}

// literal decides on a FETCH response whose next part is a literal: the text of a message, or
// something else, which is left out.
func (g *guard) literal() error {
	switch {
	case g.state == passing:
		return errors.New("the source sends two texts for one message")
	case *g.wants.Load() == wantsText && bytes.Contains(g.held, []byte(wantsText)):
		g.state = passing
		g.say(safeFetch(g.held))
	default:
		g.state = skipping
	}
	g.held = g.held[:0]
	return nil
}

// respond hands a whole response to the client, if it is of use.
func (g *guard) respond(kind wire.Kind) {
	if kind == wire.Tagged {
		g.lines, g.bytes = 0, 0
	}
	if status, ok := wire.ParseStatus(g.held); ok {
		if g.secret != "" && strings.Contains(status.Text, g.secret) {
			status.Text = "***"
		}
		g.say(safeStatus(status))
		return
	}
	if kind == wire.Continuation {
		g.say(visible(g.held))
		return
	}
	fields := strings.Fields(string(g.held[:min(len(g.held), 64)]))
	if len(fields) < 2 {
		return
	}
	word := strings.ToUpper(fields[1])
	if len(fields) > 2 && word[0] <= '9' {
		word = strings.ToUpper(fields[2])
	}
	switch word {
	case "CAPABILITY", "EXISTS", "EXPUNGE":
		g.say(visible(g.held))
	case "FLAGS":
		g.say(safeFlags(visible(g.held)))
	case "FETCH":
		if want := g.wants.Load(); want != nil && *want != "" && bytes.Contains(bytes.ToUpper(g.held), []byte(*want)) {
			g.say(safeFetch(g.held))
		}
	case "LIST":
		if folder, ok := backend.ParseFolder(string(g.held)); ok {
			g.say(safeList(folder))
		}
	}
}

func isFetch(line []byte) bool {
	fields := strings.Fields(string(line[:min(len(line), 40)]))
	return len(fields) > 2 && fields[0] == "*" && strings.EqualFold(fields[2], "FETCH")
}

// safeStatus writes a status response. It keeps only the codes that the audit needs: the client
// gives up at an unexpected code.
func safeStatus(s wire.Status) []byte {
	line := string(visible([]byte(s.Tag))) + " " + s.Word + " "
	name, args, _ := strings.Cut(s.Code, " ")
	switch name = strings.ToUpper(name); {
	case name == "CAPABILITY", name == "UIDVALIDITY":
		line += "[" + string(visible([]byte(s.Code))) + "] "
	case name == "PERMANENTFLAGS":
		line += "[PERMANENTFLAGS " + string(safeFlags(visible([]byte(args)))) + "] "
	case slices.Contains(retried, imap.ResponseCode(name)):
		line += "[" + name + "] "
	}
	text := wire.Words(s.Text)
	if text == "" || text[0] == '[' { // the client would look for the end of a code
		text = "- " + text
	}
	return []byte(line + text + "\r\n")
}

func isAtom(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}

// visible puts a question mark for each byte of a line that is neither visible ASCII nor a
// line end.
func visible(line []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < ' ' && r != '\r' && r != '\n' || r >= 0x7f {
			return '?'
		}
		return r
	}, line)
}

var (
	internalDate = regexp.MustCompile(`(?i)(INTERNALDATE) *(NIL|"[^"]*")`)
	flagList     = regexp.MustCompile(`(?i)(\bFLAGS )?\(([^()]*)\)`)
	flagsItem    = regexp.MustCompile(`(?i)\bFLAGS \(([^()]*)\)`)
)

// noDate stands for an invalid date: the client has no word for it. Year 1 is before any
// message.
const noDate = "02-Jan-0001 00:00:00 +0000"

// dateTime is the date-time of RFC 9051 section 9.
const dateTime = "_2-Jan-2006 15:04:05 -0700"

// safeFetch writes a line of a FETCH response so that the client takes its date and flags.
func safeFetch(line []byte) []byte {
	line = flagsItem.ReplaceAllFunc(visible(line), func(item []byte) []byte {
		return append([]byte("FLAGS "), safeFlags(item[len("FLAGS "):])...)
	})
	return internalDate.ReplaceAllFunc(line, func(item []byte) []byte {
		text := string(bytes.Trim(bytes.TrimSpace(item[len("INTERNALDATE"):]), `"`))
		if date, err := time.Parse(dateTime, text); err != nil || date.IsZero() {
			text = noDate
		}
		return []byte(`INTERNALDATE "` + text + `"`)
	})
}

// safeFlags writes the flags of a list so that each is an atom.
func safeFlags(line []byte) []byte {
	return flagList.ReplaceAllFunc(line, func(list []byte) []byte {
		open := bytes.IndexByte(list, '(')
		var flags []string
		for _, flag := range strings.Fields(string(list[open+1 : len(list)-1])) {
			name, isSystem := strings.CutPrefix(flag, `\`)
			if name != "*" || !isSystem {
				name = strings.Map(func(r rune) rune {
					if strings.ContainsRune(`{%*"\]`, r) {
						return '?'
					}
					return r
				}, name)
			}
			if isSystem {
				name = `\` + name
			}
			if len(name) > 1 || !isSystem {
				flags = append(flags, name)
			}
		}
		return []byte(string(list[:open+1]) + strings.Join(flags, " ") + ")")
	})
}

// nameMark begins the stand-in for a mailbox's name. The client reads and writes stand-ins
// only, since a real name may be in any charset; guard writes the name that the server gave.
const nameMark = "exgate:"

func standIn(name string) string { return nameMark + hex.EncodeToString([]byte(name)) }

// nameOf returns the name of a stand-in on the wire.
func nameOf(standIn string) (string, bool) {
	digits, ok := strings.CutPrefix(standIn, nameMark)
	name, err := hex.DecodeString(digits)
	return string(name), ok && err == nil
}

// safeList writes a LIST response (RFC 9051 section 7.3.1).
func safeList(f backend.ProbedFolder) []byte {
	var attributes []string
	for _, a := range f.Attributes {
		if isAtom(strings.TrimPrefix(a, `\`)) {
			attributes = append(attributes, a)
		}
	}
	separator := "NIL"
	if len(f.Separator) == 1 && f.Separator[0] > ' ' && f.Separator[0] < 0x7f {
		separator = wire.Quote(f.Separator)
	}
	return fmt.Appendf(nil, "* LIST (%s) %s \"%s\"\r\n", strings.Join(attributes, " "), separator, standIn(f.Name))
}

var sentName = regexp.MustCompile(`"` + nameMark + `[0-9a-f]*"`)

// Write implements io.Writer. It puts the name of a mailbox in place of its stand-in. The
// client writes a command with a mailbox at once.
func (g *guard) Write(p []byte) (int, error) {
	sent := sentName.ReplaceAllFunc(p, func(text []byte) []byte {
		name, _ := nameOf(string(text[1 : len(text)-1]))
		return []byte(wire.Quote(name))
	})
	if _, err := g.Conn.Write(sent); err != nil {
		return 0, g.reason(err)
	}
	return len(p), nil
}
