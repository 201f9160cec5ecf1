package proxy

import (
	"errors"
	"fmt"
	"strings"

	"exgate/backend/wire"
	"exgate/proxy/amend"
	"exgate/proxy/slots"
)

// refusal is a command that cannot be taken, with what is left of it.
type refusal struct {
	lit  *wire.Literal
	text string // with status word and code
}

func (r *refusal) Error() string { return r.text }

// answerFault answers a command whose arguments cannot be read, or for which there is
// no connection. The client has sent the whole command, or the refusal has the rest.
func (c *conn) answerFault(cmd *command, err error) error {
	var syntax wire.SyntaxError
	var refused *refusal
	var byEditor amend.Refusal
	switch err = noConnection(cmd, err); {
	case errors.As(err, &refused):
		return c.refuse(refused.lit, "%s %s", cmd.tag, refused.text)
	case errors.As(err, &byEditor):
		return c.client.w.line("%s %s", cmd.tag, byEditor)
	case errors.As(err, &syntax):
		return c.client.w.line("%s BAD %s", cmd.tag, syntax)
	}
	return err
}

// noConnection returns the refusal of a command for which the session got no connection, and
// err itself if that is not why it failed.
func noConnection(cmd *command, err error) error {
	if !errors.Is(err, slots.ErrNone) {
		return err
	}
	return &refusal{text: fmt.Sprintf("%s [UNAVAILABLE] %s", cmd.notYet(), err)}
}

// withLiteral adds to a refusal the literal that the client may send although its
// command is refused.
func withLiteral(err error, lit *wire.Literal) error {
	var refused *refusal
	var byEditor amend.Refusal
	switch {
	case errors.As(err, &refused):
		refused.lit = lit
	case errors.As(err, &byEditor):
		return &refusal{lit, string(byEditor)}
	}
	return err
}

// arguments reads the rest of a command whole, with its literals.
func (c *conn) arguments(cmd *command, lit *wire.Literal) (*wire.Args, error) {
	args := new(wire.Args)
	args.AddText([]byte(cmd.args))
	size := len(cmd.args)
	for lit != nil {
		if err := boundArguments(size, lit); err != nil {
			return nil, err
		}
		value, err := c.argumentLiteral(lit)
		if err != nil {
			return nil, err
		}
		args.AddLiteral(value)
		var text int
		if lit, text, err = c.moreArguments(args); err != nil {
			return nil, err
		}
		size += len(value) + text
	}
	return args, nil
}

// boundArguments refuses a literal with which a command that is gathered whole would
// be longer than what is remembered of any. size is what has been gathered of it.
func boundArguments(size int, lit *wire.Literal) error {
	if int64(size)+lit.Size <= maxKept {
		return nil
	}
	return &refusal{lit, fmt.Sprintf("NO [LIMIT] a command is at most %d bytes long here", maxKept)}
}

// argumentLiteral reads a literal that is an argument.
func (c *conn) argumentLiteral(lit *wire.Literal) ([]byte, error) {
	if lit.Size > maxArgument {
		return nil, &refusal{lit, fmt.Sprintf("NO [LIMIT] an argument is at most %d bytes long", maxArgument)}
	}
	if !lit.NonSync {
		if err := c.client.w.line("+ go ahead"); err != nil {
			return nil, err
		}
	}
	var value strings.Builder
	if _, err := c.readLiteral(&value, lit.Size); err != nil {
		return nil, err
	}
	return []byte(value.String()), nil
}

// moreArguments reads the line after a literal, and returns its size.
func (c *conn) moreArguments(args *wire.Args) (lit *wire.Literal, size int, err error) {
	line, err := c.readLine()
	if err != nil {
		return nil, 0, err
	}
	text, lit, err := wire.CheckLine(line)
	if err != nil {
		return nil, 0, err
	}
	args.AddText(text)
	return lit, len(text), nil
}
