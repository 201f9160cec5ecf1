package mailbox

import (
	"slices"
	"strings"

	"exgate/backend/wire"
)

// When the connection is lost before the reply to an APPEND, the message may
// have been stored. On a new connection it is looked for among the messages
// that have come since, so that it is neither lost nor stored twice. It is
// known by its header, not by its size or a hash: Exchange writes a message
// anew from its properties, and estimates the size
// (docs/exchange.md#regenerated, docs/exchange.md#size).

// Mark is a place in a mailbox: the messages that come from now on have UIDs
// of at least Next.
type Mark struct{ UIDValidity, Next uint32 }

// StatusNumbers reads the list of a STATUS response.
func StatusNumbers(line []byte) (map[string]uint32, bool) {
	text := strings.ToUpper(strings.TrimRight(string(line), " \r\n"))
	open := strings.LastIndexByte(text, '(')
	if !strings.HasPrefix(text, "* STATUS ") || open < 0 || !strings.HasSuffix(text, ")") {
		return nil, false
	}
	numbers := make(map[string]uint32)
	for pair := range slices.Chunk(strings.Fields(text[open+1:len(text)-1]), 2) {
		if len(pair) == 2 {
			numbers[pair[0]] = wire.ParseNumber(pair[1])
		}
	}
	return numbers, true
}
