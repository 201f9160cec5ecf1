package proxy

import (
	"strings"

	"exgate/backend/wire"
	"exgate/proxy/amend"
)

// sentText is what exgate remembers of a command that it sends, in case it has to send the
// command again.
type sentText struct {
	pieces      []amend.Piece // nil: the command is too long to be remembered
	isForgotten bool          // the command is too long to be remembered
	isComplete  bool          // the last line was sent
	size        int           // bytes that are remembered
}

const (
	// maxKeptLiteral is the longest literal of a relayed command that is remembered.
	// It is longer than any mailbox name.
	maxKeptLiteral = 4096
	// maxKept limits what is remembered of one command: two lines of the longest
	// (wire.MaxLine). What is relayed of a command has no limit.
	maxKept = 128 << 10
)

// wholeText returns the text of a command that is known as a whole.
func wholeText(pieces []amend.Piece) sentText {
	return sentText{pieces: pieces, isComplete: true, size: amend.LengthOf(pieces)}
}

// canBeRepeated reports whether the whole command is remembered.
func (t *sentText) canBeRepeated() bool { return t.isComplete && !t.isForgotten }

// addLine adds a line of cmd. lit is the literal that follows; nil: this is the last line.
func (t *sentText) addLine(cmd *command, line string, lit *wire.Literal) {
	if lit == nil {
		t.isComplete = true
	} else {
		line = line[:strings.LastIndexByte(line, '{')]
	}
	t.size += len(line)
	if t.isForgotten || t.size > maxKept || lit != nil && lit.Size > maxKeptLiteral {
		t.isForgotten, t.pieces, t.size = true, nil, len(cmd.args)
		return
	}
	t.pieces = append(t.pieces, amend.Piece{Line: line})
}

// addLiteral adds the literal that follows the last line. It is nil if it is too long to be
// remembered.
func (t *sentText) addLiteral(value []byte) {
	if value == nil || t.isForgotten {
		return
	}
	t.pieces[len(t.pieces)-1].Literal = value
	t.size += len(value)
}
