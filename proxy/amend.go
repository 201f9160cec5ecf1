package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// edits are what the amended lane does to a command.
type edits struct {
	// args changes the arguments, and gives the command an editor for its replies.
	// An error is what the client is answered; done says that it has been answered
	// already.
	args func(*amendment) (done bool, err error)
	// names says for which mailbox names args is needed.
	names nameUse
	// fixes are the repairs of replies that args may do: args sees no other
	// (amendment.has), so that a repair that is left out here does nothing.
	fixes []backend.ReplyFix
}

// nameUse says for which names of mailboxes a command is edited.
type nameUse int

const (
	noNames     nameUse = iota
	mappedNames         // where names are mapped
	mergedNames         // where names that differ in case are merged
)

// isWanted reports whether a login asks for the edits. A command whose edits are
// not wanted is direct.
func (e *edits) isWanted(l *login) bool {
	return e.names == mappedNames && hasNames(l) || e.names == mergedNames && hasMergedNames(l) ||
		slices.ContainsFunc(e.fixes, l.profile.Replies.Has)
}

// has reports whether a repair of replies is wanted for the command.
func (a *amendment) has(fix backend.ReplyFix) bool {
	return slices.Contains(a.cmd.rule.edits.fixes, fix) && a.c.login.profile.Replies.Has(fix)
}

// fixes are the repairs of replies that are wanted for the command.
func (a *amendment) fixes() backend.Replies {
	return a.c.login.profile.Replies.Only(a.cmd.rule.edits.fixes...)
}

// amendment is a command whose arguments are all here, and may be changed before
// it is sent.
type amendment struct {
	c        *conn
	cmd      *command
	args     *wire.Args
	texts    []string // the lines, without announcements of literals
	literals [][]byte
	changes  []change
}

// change replaces an argument: from one position to another, in that text or
// a later one.
type change struct {
	from, to position
	with     string
	literal  []byte // follows it; nil: none
}

// position is a byte of one of the texts.
type position struct{ text, at int }

// here is where reading has come to.
func (a *amendment) here() position {
	texts, left := a.args.Left()
	if texts == 0 {
		last := len(a.texts) - 1
		return position{last, len(a.texts[last])}
	}
	i := len(a.texts) - texts
	return position{i, len(a.texts[i]) - left}
}

// replace puts text in place of what was read since from.
func (a *amendment) replace(from position, text string) {
	a.changes = append(a.changes, change{from: from, to: a.here(), with: text})
}

// replaceName puts an argument in place of what was read since from, and text
// before it. An argument that only a literal can carry waits for its "+", as every
// literal does.
func (a *amendment) replaceName(from position, text, name string) {
	if written := wire.AString(name); !strings.Contains(written, "\n") {
		a.replace(from, text+written)
		return
	}
	a.changes = append(a.changes, change{from, a.here(), text, []byte(name)})
}

// pieces is the command as it is sent.
func (a *amendment) pieces() []piece {
	texts, literals := append([]string(nil), a.texts...), append([][]byte(nil), a.literals...)
	for i := len(a.changes) - 1; i >= 0; i-- { // the last first, so that positions hold
		ch := a.changes[i]
		head, tail := texts[ch.from.text][:ch.from.at]+ch.with, texts[ch.to.text][ch.to.at:]
		between, value := []string{head + tail}, [][]byte(nil)
		if ch.literal != nil {
			between, value = []string{head, tail}, [][]byte{ch.literal}
		}
		texts = slices.Concat(texts[:ch.from.text], between, texts[ch.to.text+1:])
		literals = slices.Concat(literals[:ch.from.text], value, literals[ch.to.text:])
	}
	pieces := make([]piece, len(texts))
	for i, text := range texts {
		pieces[i].line = text
		if i < len(literals) {
			pieces[i].literal = literals[i]
		}
	}
	return pieces
}

// amended gathers a command, changes its arguments as its row in the table
// says, and relays it.
func (c *conn) amended(cmd *command, line string, lit *wire.Literal) error {
	a := &amendment{c: c, cmd: cmd, args: new(wire.Args)}
	a.add(line, cmd.args, lit)
	size := len(line)
	for lit != nil {
		if err := boundArguments(size, lit); err != nil {
			return c.argumentFault(cmd, err)
		}
		value, err := c.argumentLiteral(lit)
		if err != nil {
			return c.argumentFault(cmd, err)
		}
		more, err := c.readLine()
		if err != nil {
			return err
		}
		c.client.trace.more(more)
		if _, lit, err = wire.CheckLine(more); err != nil {
			if strings.HasSuffix(string(more), "+}") {
				return c.bye("%s", err) // a literal may follow, and nobody knows where it ends
			}
			return c.argumentFault(cmd, err)
		}
		a.literals = append(a.literals, value)
		a.args.AddLiteral(value)
		a.add(string(more), "", lit)
		size += len(value) + len(more)
	}
	if done, err := cmd.rule.edits.args(a); err != nil || done {
		return c.argumentFault(cmd, err)
	}
	return c.sendAmended(a)
}

// add adds a line. Of the command's first, args is what is to be read.
func (a *amendment) add(line, args string, lit *wire.Literal) {
	if lit != nil {
		line = line[:strings.LastIndexByte(line, '{')]
		if lit.Binary {
			line = strings.TrimSuffix(line, "~")
		}
	}
	if len(a.texts) > 0 {
		args = line
	}
	a.texts = append(a.texts, line)
	a.args.AddText([]byte(args))
}

// sendAmended sends the command as it is now.
func (c *conn) sendAmended(a *amendment) error {
	cmd, pieces := a.cmd, a.pieces()
	_, rest, _ := strings.Cut(pieces[0].line, " ")
	_, cmd.args = wire.SplitVerb(rest)
	if len(pieces) == 1 {
		return c.direct(cmd, pieces[0].line, nil)
	}
	if err := c.admit(cmd, nil); err != nil {
		return err
	}
	if cmd.effect() == opensView {
		cmd.flight.opens = opening(argsOf(cmd.args, pieces), cmd.verb)
		cmd.flight.opens.Shown = cmd.mailbox
	}
	c.link.launchWhole(cmd, pieces)
	return c.sendPieces(cmd)
}

// argsOf returns the arguments of a command in pieces, of whose first line only first
// is arguments.
func argsOf(first string, pieces []piece) *wire.Args {
	args := new(wire.Args)
	args.AddText([]byte(first))
	for i, p := range pieces[1:] {
		args.AddLiteral(pieces[i].literal)
		args.AddText([]byte(p.line))
	}
	return args
}

// withLiteral adds to a refusal the literal that the client may send all the
// same.
func withLiteral(err error, lit *wire.Literal) error {
	var refused *refusal
	if errors.As(err, &refused) {
		refused.lit = lit
	}
	return err
}

// refuseArgument is an argument that cannot be, with the status and the reason.
func refuseArgument(format string, args ...any) error {
	return &refusal{text: fmt.Sprintf(format, args...)}
}
