package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// edits say how the amended lane changes a command and its replies.
type edits struct {
	// args changes the arguments, and may give the command an editor for its
	// replies. done says that args has answered the client; the command is then not
	// sent. An error is answered to the client.
	args func(*amendment) (done bool, err error)
	// names says which mapping of mailbox names needs args.
	names nameUse
	// named reads the names of mailboxes in the arguments, for mode: observe. It is nil for
	// commands whose names are not mapped, and for LIST (conn.observeList).
	named func(*wire.Args) (names []string, ok bool)
	// fixes are the reply fixes that need args. args can see no other fix
	// (amendment.hasFix), so a fix that is missing here never works.
	fixes []backend.ReplyFix
}

// nameUse says which mapping of mailbox names a command is edited for.
type nameUse int

const (
	noNames     nameUse = iota
	mappedNames         // any mapping
	mergedNames         // names.case: merge
)

// isWanted reports whether the login's profile needs the edits. A command that
// does not need its edits takes the direct lane.
func (e *edits) isWanted(l *login) bool {
	return e.names == mappedNames && hasNames(l) || e.names == mergedNames && hasMergedNames(l) ||
		slices.ContainsFunc(e.fixes, l.profile.Replies.Has)
}

// hasFix reports whether a reply fix is on for the command.
func (a *amendment) hasFix(fix backend.ReplyFix) bool {
	return slices.Contains(a.cmd.rule.edits.fixes, fix) && a.c.login.profile.Replies.Has(fix)
}

// wantedFixes returns the reply fixes that are on for the command.
func (a *amendment) wantedFixes() backend.Replies {
	return a.c.login.profile.Replies.Only(a.cmd.rule.edits.fixes...)
}

// amendment is a command of which exgate has read all arguments, and may change
// them before it sends the command.
type amendment struct {
	c        *conn
	cmd      *command
	args     *wire.Args
	texts    []string // the lines, without "{n}" at their ends
	literals [][]byte
	changes  []change
}

// change replaces what stands between two positions, which may be in different
// texts, with another text.
type change struct {
	from, to position
	with     string
	literal  []byte // follows it; nil: none
}

// position is a place in the texts: the number of the text, and the byte in it.
type position struct{ text, at int }

// here returns the position up to which args has been read.
func (a *amendment) here() position {
	texts, left := a.args.Left()
	if texts == 0 {
		last := len(a.texts) - 1
		return position{last, len(a.texts[last])}
	}
	i := len(a.texts) - texts
	return position{i, len(a.texts[i]) - left}
}

// replace notes that text takes the place of what was read since from.
func (a *amendment) replace(from position, text string) {
	a.changes = append(a.changes, change{from: from, to: a.here(), with: text})
}

// replaceName puts an argument in place of what was read since from, and text
// before it. An argument that only a literal can carry waits for its "+", as every
// literal does. Exchange takes a name with a quote or a backslash only as a literal
// (docs/exchange.md#ex-70).
func (a *amendment) replaceName(from position, text, name string) {
	if !wire.NeedsLiteral(name) && !wire.NeedsEscape(name) {
		a.replace(from, text+wire.AString(name))
		return
	}
	a.changes = append(a.changes, change{from, a.here(), text, []byte(name)})
}

// pieces returns the command with its changes, as it is sent.
func (a *amendment) pieces() []piece {
	texts, literals := append([]string(nil), a.texts...), append([][]byte(nil), a.literals...)
	for i := len(a.changes) - 1; i >= 0; i-- { // from the last to the first, so that earlier positions stay valid
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

// relayAmended reads the whole command, has the editor of its row in the command
// table change it, and relays it.
func (c *conn) relayAmended(cmd *command, line string, lit *wire.Literal) error {
	a := &amendment{c: c, cmd: cmd, args: new(wire.Args)}
	a.addLine(line, cmd.args, lit)
	size := len(line)
	for lit != nil {
		if err := boundArguments(size, lit); err != nil {
			return c.answerFault(cmd, err)
		}
		value, err := c.argumentLiteral(lit)
		if err != nil {
			return c.answerFault(cmd, err)
		}
		more, err := c.readLine()
		if err != nil {
			return err
		}
		c.client.trace.more(more)
		if _, lit, err = wire.CheckLine(more); err != nil {
			if strings.HasSuffix(string(more), "+}") {
				return c.bye("%s", err) // a literal may follow, and its length is unknown
			}
			return c.answerFault(cmd, err)
		}
		a.literals = append(a.literals, value)
		a.args.AddLiteral(value)
		a.addLine(string(more), "", lit)
		size += len(value) + len(more)
	}
	if done, err := cmd.rule.edits.args(a); err != nil || done {
		return c.answerFault(cmd, err)
	}
	return c.sendCommand(a.cmd, a.pieces())
}

// addLine adds a line of the command. args is the part of the first line that
// follows the verb; later lines are read whole.
func (a *amendment) addLine(line, args string, lit *wire.Literal) {
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

// sendCommand sends a command in pieces.
func (c *conn) sendCommand(cmd *command, pieces []piece) error {
	_, rest, _ := strings.Cut(pieces[0].line, " ")
	_, cmd.args = wire.SplitVerb(rest)
	if len(pieces) == 1 {
		return c.relayDirect(cmd, pieces[0].line, nil)
	}
	if err := c.admit(cmd, nil); err != nil {
		return c.answerFault(cmd, err)
	}
	if cmd.effect() == opensView {
		cmd.flight.opens = openedView(argsOf(cmd.args, pieces), cmd.verb)
		cmd.flight.opens.Shown = cmd.mailbox
	}
	c.link.launchWhole(cmd, pieces)
	return c.sendPieces(cmd)
}

// argsOf returns the arguments of a command in pieces. Of its first line, only first
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

// withLiteral adds to a refusal the literal that the client may send although its
// command is refused.
func withLiteral(err error, lit *wire.Literal) error {
	var refused *refusal
	if errors.As(err, &refused) {
		refused.lit = lit
	}
	return err
}

// refuseArgument returns the refusal of a command, with status word and reason.
func refuseArgument(format string, args ...any) error {
	return &refusal{text: fmt.Sprintf(format, args...)}
}
