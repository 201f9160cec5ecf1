package exchangesim

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// errArgument is the error of an argument that cannot be read:
// BAD Command Argument Error. 11.
var errArgument = errors.New("an argument cannot be read")

// errEscaped is the error of a mailbox name that is a quoted string with an escape:
// BAD Command Argument Error. 12 (quirk EX-70).
var errEscaped = errors.New("quirk EX-70: a name with a quote or a backslash is not a literal")

// errCommandSize is the error of a command whose literals make it too long
// (quirk EX-04).
var errCommandSize = errors.New("the command is over its maximum size")

// args are the arguments of one command, read as the handler asks for them.
// A literal is fetched when it is come to, so that its "+" is sent only if
// what stands before it was good. Exchange takes extra spaces
// (docs/exchange.md#untagged-data), and so does every method here.
type args struct {
	conn *conn
	line []byte // what is left of the current line
	used int    // bytes of the command so far
}

func (a *args) skipSpace() { a.line = bytes.TrimLeft(a.line, " ") }

// end returns an error if arguments are left.
func (a *args) end() error {
	a.skipSpace()
	if len(a.line) > 0 {
		return errArgument
	}
	return nil
}

// next reports whether the next byte is c. If so, it takes the byte.
func (a *args) next(c byte) bool {
	a.skipSpace()
	if len(a.line) == 0 || a.line[0] != c {
		return false
	}
	a.line = a.line[1:]
	return true
}

// peek returns the next byte that is not a space, or 0.
func (a *args) peek() byte {
	a.skipSpace()
	if len(a.line) == 0 {
		return 0
	}
	return a.line[0]
}

// atom takes everything up to a space, a parenthesis or a quote: more than
// RFC 3501 section 9 allows, as imapsync's LOGIN DOMAIN\admin\user needs.
func (a *args) atom() (string, error) {
	a.skipSpace()
	n := bytes.IndexAny(a.line, " ()\"\x00\r\n")
	if n < 0 {
		n = len(a.line)
	}
	if n == 0 {
		return "", errArgument
	}
	s := string(a.line[:n])
	a.line = a.line[n:]
	return s, nil
}

// astring reads an atom, a quoted string or a literal.
func (a *args) astring() (string, error) {
	switch a.peek() {
	case '"':
		return a.quoted()
	case '{':
		return a.literal()
	}
	return a.atom()
}

// mailbox reads the name of a mailbox, or a pattern of LIST. A quoted string with
// an escape is refused after it was read (quirk EX-70).
func (a *args) mailbox() (string, error) {
	isQuoted := a.peek() == '"'
	name, err := a.astring()
	if err == nil && isQuoted && strings.ContainsAny(name, `"\\`) && a.conn.srv.quirks[quirkEscapedNames] {
		return "", errEscaped
	}
	return name, err
}

// quoted reads a quoted string, in which a backslash stands only before
// another or before a quote (RFC 3501 section 9, quoted-specials).
func (a *args) quoted() (string, error) {
	if !a.next('"') {
		return "", errArgument
	}
	var b strings.Builder
	for i := 0; i < len(a.line); i++ {
		switch c := a.line[i]; c {
		case '"':
			a.line = a.line[i+1:]
			return b.String(), nil
		case '\\':
			i++
			if i == len(a.line) || a.line[i] != '"' && a.line[i] != '\\' {
				return "", errArgument
			}
			b.WriteByte(a.line[i])
		case 0, '\r':
			return "", errArgument
		default:
			b.WriteByte(c)
		}
	}
	return "", errArgument
}

// literal fetches a literal, and the line that follows it.
func (a *args) literal() (string, error) {
	start, n, wait, ok := literalSize(a.line)
	if !ok || start != 0 {
		return "", errArgument
	}
	if int64(a.used)+n > a.conn.maxCommand() {
		return "", errCommandSize
	}
	a.line = nil // fetched: drain must not read it again
	if wait {
		if err := a.conn.continueLiteral(); err != nil {
			return "", err
		}
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(a.conn.r, b); err != nil {
		return "", err
	}
	if err := a.conn.took(len(b)); err != nil {
		return "", err
	}
	a.used += int(n)
	if bytes.IndexByte(b, 0) >= 0 {
		err := a.nextLine()
		return "", errors.Join(errArgument, err)
	}
	return string(b), a.nextLine()
}

func (a *args) nextLine() error {
	line, err := readLine(a.conn.r, max(0, int(a.conn.maxCommand())-a.used))
	if errors.Is(err, errLineTooLong) {
		return errCommandSize
	}
	a.line = line
	a.used += len(line)
	return errors.Join(err, a.conn.took(len(line)+len("\r\n")))
}

// list reads "(" atoms ")".
func (a *args) list() ([]string, error) {
	if !a.next('(') {
		return nil, errArgument
	}
	var words []string
	for !a.next(')') {
		w, err := a.astring()
		if err != nil {
			return nil, err
		}
		words = append(words, w)
	}
	return words, nil
}

// drain skips the non-synchronizing literals of a refused command, so that their contents
// are not read as commands. Nobody knows whether Exchange does this.
func (a *args) drain() error {
	for {
		_, n, wait, ok := literalSize(a.line)
		if !ok || wait {
			return nil
		}
		if _, err := io.CopyN(io.Discard, a.conn.r, n); err != nil {
			return err
		}
		if err := a.nextLine(); err != nil && !errors.Is(err, errCommandSize) {
			return err
		}
	}
}

// seqRange is one part of a set; 0 stands for "*".
type seqRange struct{ from, to uint32 }

// seqSet reads a set of sequence numbers or UIDs (RFC 3501 section 9,
// sequence-set).
func (a *args) seqSet() ([]seqRange, error) {
	s, err := a.atom()
	if err != nil {
		return nil, err
	}
	return parseSeqSet(s)
}

func parseSeqSet(s string) ([]seqRange, error) {
	number := func(s string) (uint32, bool) {
		if s == "*" {
			return 0, true
		}
		n, err := strconv.ParseUint(s, 10, 32)
		return uint32(n), err == nil && n > 0
	}
	var set []seqRange
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, isRange := strings.Cut(part, ":")
		if !isRange {
			hi = lo
		}
		from, ok1 := number(lo)
		to, ok2 := number(hi)
		if !ok1 || !ok2 {
			return nil, errArgument
		}
		set = append(set, seqRange{from, to})
	}
	return set, nil
}

// contains reports whether the set contains n. last is the value of "*".
func contains(set []seqRange, n, last uint32) bool {
	for _, r := range set {
		from, to := r.from, r.to
		if from == 0 {
			from = last
		}
		if to == 0 {
			to = last
		}
		if min(from, to) <= n && n <= max(from, to) {
			return true
		}
	}
	return false
}
