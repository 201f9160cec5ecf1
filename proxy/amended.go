package proxy

import (
	"log/slog"
	"strings"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/proxy/amend"
)

// relayAmended reads the whole command, has the editor of its row in the command
// table change it, and relays it.
func (c *conn) relayAmended(cmd *command, line string, lit *wire.Literal) error {
	a := c.amendable(cmd)
	a.AddLine(line, cmd.args, lit)
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
		c.client.trace.More(more)
		if _, lit, err = wire.CheckLine(more); err != nil {
			if strings.HasSuffix(string(more), "+}") {
				return c.bye("%s", err) // a literal may follow, and its length is unknown
			}
			return c.answerFault(cmd, err)
		}
		a.AddLiteral(value)
		a.AddLine(string(more), "", lit)
		size += len(value) + len(more)
	}
	if done, err := a.Edit(); err != nil || done {
		return c.answerFault(cmd, err)
	}
	cmd.Handling = a.Handling
	return c.sendCommand(cmd, a.Pieces())
}

// amendable returns the command for its editor.
func (c *conn) amendable(cmd *command) *amend.Command {
	cmd.c = c
	return &amend.Command{
		Tag: cmd.tag, Verb: cmd.verb, Edits: &cmd.rule.edits, Login: c.login.forEditors(c.log),
		Session: (*amending)(cmd),
	}
}

// forEditors returns what editors of commands know of the login.
func (l *login) forEditors(log *slog.Logger) amend.Login {
	return amend.Login{
		Profile: l.profile, Capabilities: l.caps, Names: l.names, Known: &l.account.known, Journal: l.journal, Log: log,
	}
}

// upstreamMailbox returns the upstream's mailbox for a client's name in a command of the own lane, and the list of
// folders that it was found in (amend.Command.UpstreamMailbox).
func (c *conn) upstreamMailbox(cmd *command, client string) (mailbox string, list *folders.List, err error) {
	return c.amendable(cmd).UpstreamMailbox(client)
}

// amending is a command as its editor sees it: what the editor may do in the session.
type amending command

var _ amend.Session = (*amending)(nil)

// Repaired implements amend.Session.
func (a *amending) Repaired(fix string) { a.c.repaired(fix) }

// Say implements amend.Session.
func (a *amending) Say(format string, args ...any) error { return a.c.client.w.line(format, args...) }

// Mailbox implements amend.Session.
func (a *amending) Mailbox() amend.Mailbox {
	link := &a.c.link
	return amend.Mailbox{View: link.selected(), Highest: link.highest(""), Expunged: link.expunged()}
}

// Send implements amend.Session.
func (a *amending) Send(pieces []amend.Piece, how amend.Handling) (reply amend.Reply, err error) {
	c, cmd := a.c, (*command)(a)
	if cmd.flight.isDone() { // it was sent for an earlier part
		cmd = &command{tag: cmd.tag, verb: cmd.verb, rule: cmd.rule}
	}
	cmd.Handling = how
	if err := c.sendCommand(cmd, pieces); err != nil {
		return reply, err
	}
	if err := c.awaitFlight(cmd.flight.isDone); err != nil {
		return reply, err
	}
	return c.link.replyOf(cmd), nil
}

// Ask implements amend.Session.
func (a *amending) Ask(reason string, request func() *backend.Request) (wire.Status, error) {
	return a.c.askUpstream((*command)(a), reason, request)
}

// Read implements amend.Session.
func (a *amending) Read(reason string, request func() *backend.Request) (wire.Status, error) {
	return a.c.readUpstream((*command)(a), reason, request)
}

// Lost implements amend.Session.
func (a *amending) Lost(err error) error { return a.c.requestLost((*command)(a), err) }

// Asks implements amend.Session.
func (a *amending) Asks() bool { return a.flight.phase == phaseAsks }

// sendCommand sends a command in pieces.
func (c *conn) sendCommand(cmd *command, pieces []amend.Piece) error {
	_, rest, _ := strings.Cut(pieces[0].Line, " ")
	_, cmd.args = wire.SplitVerb(rest)
	if len(pieces) == 1 {
		return c.relayDirect(cmd, pieces[0].Line, nil)
	}
	if err := c.admit(cmd, nil); err != nil {
		return c.answerFault(cmd, err)
	}
	if cmd.effect() == opensView {
		cmd.flight.opens = openedView(argsOf(cmd.args, pieces), cmd.verb)
		cmd.flight.opens.Shown = cmd.Mailbox
	}
	c.link.launchWhole(cmd, pieces)
	return c.sendPieces(cmd)
}

// argsOf returns the arguments of a command in pieces. Of its first line, only first
// is arguments.
func argsOf(first string, pieces []amend.Piece) *wire.Args {
	args := new(wire.Args)
	args.AddText([]byte(first))
	for i, p := range pieces[1:] {
		args.AddLiteral(pieces[i].Literal)
		args.AddText([]byte(p.Line))
	}
	return args
}
