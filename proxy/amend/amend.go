// Package amend has the editors of commands: each reads the arguments of a command, and changes the command so that
// Exchange carries out what the client means. An editor may also choose an editor for the replies (package replies),
// answer the command itself, or carry it out by several commands. Package proxy reads the command from the client,
// and sends what the editor has made of it. What an editor needs of the session is in Session; what it may know of
// the login is in Login. In mode: observe, Observed tells what the mapping of names would have done.
package amend

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/capability"
	"exgate/proxy/ledger"
	"exgate/proxy/names"
)

// Edits say how a command and its replies are changed. The zero value changes nothing.
type Edits struct {
	// args changes the arguments, and may give the command an editor for its
	// replies. done says that args has answered the client; the command is then not
	// sent. An error is answered to the client.
	args func(*Command) (done bool, err error)
	// names says which mapping of mailbox names needs args.
	names nameUse
	// Named reads the names of mailboxes in the arguments, for mode: observe. It is nil for
	// commands whose names are not mapped, and for LIST.
	Named func(*wire.Args) (names []string, ok bool)
	// fixes are the reply fixes that need args. args can see no other fix
	// (Command.hasFix), so a fix that is missing here never works.
	fixes []backend.ReplyFix
}

// nameUse says which mapping of mailbox names a command is edited for.
type nameUse int

const (
	noNames     nameUse = iota
	mappedNames         // any mapping
	mergedNames         // names.case: merge
)

// MapsNames reports whether the edits map the names of mailboxes, with any mapping.
func (e *Edits) MapsNames() bool { return e.names == mappedNames }

// AreWanted reports whether a login needs the edits. A command that does not need its edits is sent as it is.
func (e *Edits) AreWanted(l *Login) bool {
	return e.names == mappedNames && l.hasNames() || e.names == mergedNames && l.hasMergedNames() ||
		slices.ContainsFunc(e.fixes, l.Profile.Replies.Has)
}

// Login is what editors know of the login of a session.
type Login struct {
	Profile      *profile.Profile
	Capabilities []string        // of the upstream
	Names        *names.Mapping  // of mailboxes; nil: they are not mapped
	Known        *names.Known    // of the account's mailboxes
	Journal      *ledger.Journal // nil: exgate keeps no ledger
	Log          *slog.Logger
}

// has reports whether the upstream has a capability.
func (l *Login) has(name string) bool { return capability.IsIn(l.Capabilities, name) }

// hasNames reports whether mailbox names are mapped.
func (l *Login) hasNames() bool { return l.Names != nil }

// hasMergedNames reports whether names that differ in case are one mailbox.
func (l *Login) hasMergedNames() bool { return l.hasNames() && l.Names.Options.Case == folders.Merge }

// Command is a command of which exgate has read all arguments, and may change
// them before it sends the command.
type Command struct {
	Tag, Verb string // the verb in upper case, with UID
	Edits     *Edits
	Login     Login
	Session   Session
	Handling  // of its replies, by its editor

	args     wire.Args
	texts    []string // the lines, without "{n}" at their ends
	literals [][]byte
	changes  []change
}

// Edit has the editor change the command. done says that the client has its answer; otherwise the command is sent in
// the pieces that Pieces returns.
func (cmd *Command) Edit() (done bool, err error) { return cmd.Edits.args(cmd) }

// AddLine adds a line of the command. args is the part of the first line that
// follows the verb; later lines are read whole.
func (cmd *Command) AddLine(line, args string, lit *wire.Literal) {
	if lit != nil {
		line = line[:strings.LastIndexByte(line, '{')]
		if lit.Binary {
			line = strings.TrimSuffix(line, "~")
		}
	}
	if len(cmd.texts) > 0 {
		args = line
	}
	cmd.texts = append(cmd.texts, line)
	cmd.args.AddText([]byte(args))
}

// AddLiteral adds the literal that follows the last line.
func (cmd *Command) AddLiteral(value []byte) {
	cmd.literals = append(cmd.literals, value)
	cmd.args.AddLiteral(value)
}

// hasFix reports whether a reply fix is on for the command.
func (cmd *Command) hasFix(fix backend.ReplyFix) bool {
	return slices.Contains(cmd.Edits.fixes, fix) && cmd.Login.Profile.Replies.Has(fix)
}

// wantedFixes returns the reply fixes that are on for the command.
func (cmd *Command) wantedFixes() backend.Replies {
	return cmd.Login.Profile.Replies.Only(cmd.Edits.fixes...)
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
func (cmd *Command) here() position {
	texts, left := cmd.args.Left()
	if texts == 0 {
		last := len(cmd.texts) - 1
		return position{last, len(cmd.texts[last])}
	}
	i := len(cmd.texts) - texts
	return position{i, len(cmd.texts[i]) - left}
}

// replace notes that text takes the place of what was read since from.
func (cmd *Command) replace(from position, text string) {
	cmd.changes = append(cmd.changes, change{from: from, to: cmd.here(), with: text})
}

// replaceName puts an argument in place of what was read since from, and text
// before it. An argument that only a literal can carry waits for its "+", as every
// literal does. Exchange takes a name with a quote or a backslash only as a literal
// (docs/exchange.md#ex-70).
func (cmd *Command) replaceName(from position, text, name string) {
	if !wire.NeedsLiteral(name) && !wire.NeedsEscape(name) {
		cmd.replace(from, text+wire.AString(name))
		return
	}
	cmd.changes = append(cmd.changes, change{from, cmd.here(), text, []byte(name)})
}

// Pieces returns the command with its changes, as it is sent.
func (cmd *Command) Pieces() []Piece {
	texts, literals := append([]string(nil), cmd.texts...), append([][]byte(nil), cmd.literals...)
	for i := len(cmd.changes) - 1; i >= 0; i-- { // from the last to the first, so that earlier positions stay valid
		ch := cmd.changes[i]
		head, tail := texts[ch.from.text][:ch.from.at]+ch.with, texts[ch.to.text][ch.to.at:]
		between, value := []string{head + tail}, [][]byte(nil)
		if ch.literal != nil {
			between, value = []string{head, tail}, [][]byte{ch.literal}
		}
		texts = slices.Concat(texts[:ch.from.text], between, texts[ch.to.text+1:])
		literals = slices.Concat(literals[:ch.from.text], value, literals[ch.to.text:])
	}
	pieces := make([]Piece, len(texts))
	for i, text := range texts {
		pieces[i].Line = text
		if i < len(literals) {
			pieces[i].Literal = literals[i]
		}
	}
	return pieces
}

// Piece is one line of a command, without its CRLF, and the literal that follows it.
type Piece struct {
	Line    string
	Literal []byte // nil: none
}

// LengthOf returns the number of bytes of a command in pieces.
func LengthOf(pieces []Piece) (n int) {
	for _, p := range pieces {
		n += len(p.Line) + len(p.Literal)
	}
	return n
}

// Refusal is the refusal of a command: the tagged reply to it, with status word and reason.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// refuse returns the refusal of a command.
func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }
