package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/ledger"
	"exgate/proxy/slots"
	"exgate/proxy/spool"
	"exgate/proxy/status"
	"exgate/rewrite"
)

// takeAppend reads a whole APPEND, with its message into the spool, and runs it in
// the own lane. Exchange gets nothing of a message before the spool has all of it
// (docs/design.md#rules).
func (c *conn) takeAppend(cmd *command, lit *wire.Literal) error {
	up, lit, err := c.readAppend(cmd, lit)
	if err != nil {
		return c.answerFault(cmd, err)
	}
	up.Record.Mailbox = up.Mailbox
	if c.login.names != nil {
		mailbox, list, err := c.upstreamMailbox(cmd, up.Mailbox)
		if err != nil {
			return c.answerFault(cmd, withLiteral(err, lit))
		}
		up.Mailbox = list.Wire(mailbox)
	}
	if prof := c.login.profile; prof.IsTooBig(lit.Size) && prof.Message.Oversize != rewrite.OversizeDetach {
		text := delivery.TooBigText(lit.Size, prof.MessageLimit)
		c.login.sender.TurnAway(up, lit.Size, ledger.RuleOversize, text)
		c.login.sender.RecordRefused(up, lit.Size, text)
		c.noteRefusedMessage(up, lit.Size, &imap.Error{Code: "TOOBIG", Text: text})
		if err := c.takeUnwanted(lit); err != nil {
			return err
		}
		return c.refuse(lit, "%s NO [TOOBIG] %s", cmd.tag, text)
	}
	if over := c.takeShare(up, lit.Size); over != nil {
		return c.overBudget(cmd, up, lit, over)
	}
	up.Spool = c.newSpool(lit.Size)
	up.Body = up.Spool
	defer up.Close()
	if !lit.NonSync {
		if err := c.client.w.line("+ go ahead"); err != nil {
			return err
		}
	}
	if left, err := c.readLiteral(c.login.sender.Receiver(up), lit.Size); err != nil {
		return c.spoolFailed(cmd, up, left, err)
	}
	if err := c.endOfAppend(); err != nil {
		return c.answerFault(cmd, err)
	}
	s := &shot{tag: cmd.tag, preauth: true, upload: up}
	if err := c.awaitFlight(func() bool { return len(c.link.flight) == 0 }); err != nil {
		return err
	}
	if err := c.awaitHold(); err != nil {
		return err
	}
	if err := c.makeReady(cmd); errors.Is(err, slots.ErrNone) {
		return c.answerFault(cmd, fmt.Errorf("%w; nothing was stored", err))
	} else if err != nil {
		return err
	}
	c.waiting.set(status.StateSending, "Exchange is storing the message", time.Time{})
	if err := c.fire(s, canonicalAppend(up), c.waiting.text); err != nil {
		return err
	}
	c.link.rest()
	if err := c.compareDate(up); err != nil {
		return err
	}
	return c.byeIfOver()
}

// mbsyncBuffer is a little less than mbsync's BufferLimit, 10 MiB.
const mbsyncBuffer = 10_000_000

// takeUnwanted asks for a literal that is refused, if mbsync 1.4.4 would hang otherwise. It
// counts a message as buffered until it has sent it, or until it has handled the refusal. If the
// message is at least as large as its BufferLimit, mbsync begins no other message while it
// handles the refusal, and then waits for ever: msgs_copied in its sync.c, done_imap_cmd in
// drv_imap.c. A literal that is longer than the bound of unwanted ones is not asked for.
func (c *conn) takeUnwanted(lit *wire.Literal) error {
	if lit.NonSync || lit.Size < mbsyncBuffer || lit.Size > c.srv.limits.SkipLiteral {
		return nil
	}
	lit.NonSync = true // it comes now
	return c.client.w.line("+ go ahead, though exgate refuses the message")
}

// compareDate finds out, once for an upstream, whether it keeps the dates of messages. The
// client has its reply. Its next command waits meanwhile, and it is kept patient.
func (c *conn) compareDate(up *delivery.Upload) error {
	if !c.login.sender.BeginComparingDate(up) {
		return nil
	}
	return c.aside(func() string { return "exgate looks which date Exchange has kept" }, func(context.Context) error {
		c.login.sender.CompareDate(up)
		return nil
	})
}

// readAppend reads the arguments of APPEND (RFC 9051 section 6.3.12) up to the
// literal of the message, which it returns unread.
func (c *conn) readAppend(cmd *command, lit *wire.Literal) (*delivery.Upload, *wire.Literal, error) {
	args := new(wire.Args)
	args.AddText([]byte(cmd.args))
	if lit != nil && strings.TrimSpace(cmd.args) == "" { // the mailbox is a literal
		value, err := c.argumentLiteral(lit)
		if err != nil {
			return nil, nil, err
		}
		args.AddLiteral(value)
		if lit, _, err = c.moreArguments(args); err != nil {
			return nil, nil, err
		}
	}
	up, err := parseAppend(args)
	switch {
	case err != nil:
		return nil, nil, &refusal{lit, "BAD " + err.Error()}
	case lit == nil:
		return nil, nil, wire.SyntaxError("APPEND without a message: a literal is expected at the end of the line")
	}
	return up, lit, nil
}

// parseAppend reads the arguments before the message. It checks neither flags nor
// the date: Exchange judges them.
func parseAppend(args *wire.Args) (*delivery.Upload, error) {
	up := new(delivery.Upload)
	var ok bool
	args.Space()
	if up.Mailbox, ok = args.String(); !ok {
		return nil, errors.New(
			"APPEND takes a mailbox name")
	}
	args.Space()
	if up.Flags, ok = args.List(); !ok {
		return nil, errors.New("APPEND: the list of flags has no closing parenthesis")
	}
	args.Space()
	if args.Peek() == '"' {
		if up.Date, ok = args.String(); !ok {
			return nil, errors.New("APPEND: the date has no closing quote")
		}
		args.Space()
	}
	if !args.IsEmpty() {
		return nil, errors.New(
			"APPEND takes a mailbox, flags, a date and one message; CATENATE and UTF8 are not offered")
	}
	return up, nil
}

// endOfAppend reads the end of the command. It refuses a second message
// (MULTIAPPEND, RFC 3502) while nothing is stored yet.
func (c *conn) endOfAppend() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	_, lit, err := wire.CheckLine(line)
	if err != nil {
		return err
	}
	if len(line) > 0 {
		return &refusal{lit, "BAD APPEND takes one message; nothing was stored (MULTIAPPEND is not offered)"}
	}
	return nil
}

// spoolFailed answers BAD to an APPEND whose message the spool could not take, and
// skips the rest of the message.
func (c *conn) spoolFailed(cmd *command, up *delivery.Upload, left int64, err error) error {
	var bye *errBye
	if errors.As(err, &bye) || errors.Is(err, errClient) {
		return err
	}
	text := "[UNAVAILABLE] exgate cannot keep the message: its spool is full or cannot be written; " +
		"nothing was stored, try again later"
	if errors.Is(err, spool.ErrBudget) {
		text = "[LIMIT] too many bytes are being uploaded at a time; nothing was stored, try again later"
	}
	c.tally.stats.TurnedAway++
	c.srv.totals.Turned.Count(ledger.RuleSpool)
	up.Record.Outcome, up.Record.Rule = ledger.Failed, ledger.RuleSpool
	c.login.sender.RecordRefused(up, up.Spool.Size()+left, text)
	c.log.Error("message refused: the spool could not take it", "user", c.login.identity.User,
		"mailbox", up.Mailbox, "size", c.uploads.Used()+left, "rule", ledger.RuleSpool,
		"err", err, "remedy", "see the limits and the directory under spool in the configuration")
	// The client has been asked for the literal and sends the rest of it in any case. So
	// refuse must skip it, as it skips a literal that does not wait for "+".
	return c.refuse(&wire.Literal{Size: left, NonSync: true}, "%s %s %s", cmd.tag, cmd.notYet(), text)
}

// canonicalAppend returns the command in a form that the library's parser takes.
// Arguments that the parser would refuse or change are left out: laneSession.Append
// takes them from the upload.
func canonicalAppend(up *delivery.Upload) string {
	mailbox := "INBOX"
	if isPlainName(up.Mailbox) {
		mailbox = up.Mailbox
	}
	var flags []string
	for _, f := range up.Flags {
		if isPlainName(strings.TrimPrefix(f, `\`)) {
			flags = append(flags, f)
		}
	}
	return fmt.Sprintf("APPEND \"%s\" (%s) {0}\r\n\r\n", mailbox, strings.Join(flags, " "))
}

// isPlainName reports whether s has only characters that no parser of IMAP treats
// specially.
func isPlainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("/-_.$ ", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isAppendOwned reports whether APPEND takes the own lane.
func (c *conn) isAppendOwned() bool {
	return c.login.profile.HasAppendFix() || len(c.set.opts.Filter.Command) > 0 ||
		c.srv.budgets.Limits(c.login.target.Name).HasAny()
}
