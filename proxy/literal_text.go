package proxy

import (
	"bytes"
	"slices"
	"strings"

	"exgate/backend/wire"
)

// literalText notices that the literal with the text of a message is not as long as announced,
// which Exchange Online was seen to do (docs/exchange.md#fetch). What follows the literal is then no
// part of its response. The client must not take the bytes of another response for the end of a
// message.
type literalText struct {
	isIn  bool // inside a literal with a message's text
	isWas bool // and a fragment of it has come
}

// fetchItems are the beginnings of FETCH items that may follow a text.
var fetchItems = []string{
	"UID", "FLAGS", "BODY", "INTERNALDATE", "RFC822", "ENVELOPE", "MODSEQ", "BINARY", "X-GM-", "EMAILID", "THREADID",
	"PREVIEW", "SAVEDATE",
}

// isAsLong reports whether a text ended where its announced length says: whether f, the next
// fragment of the connection, can follow it.
func (l *literalText) isAsLong(f wire.Fragment) bool {
	if f.Literal {
		l.passes()
		return true
	}
	ends := l.isWas
	l.isIn, l.isWas = announcesText(f), false
	if !ends || f.Data[0] == ')' {
		return true
	}
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(f.Data, " "), []byte(")"))
	return ok || f.Data[0] == ' ' && slices.ContainsFunc(fetchItems, func(item string) bool {
		return len(rest) >= len(item) && strings.EqualFold(string(rest[:len(item)]), item)
	})
}

// passes notes a part of a literal.
func (l *literalText) passes() { l.isWas = l.isIn }

// announcesText reports whether the fragment ends with the announcement of a message's text.
func announcesText(f wire.Fragment) bool {
	if f.Last || f.Kind != wire.Untagged {
		return false
	}
	open := bytes.LastIndexByte(f.Data, '{')
	if open < 0 {
		return false
	}
	head := bytes.TrimRight(f.Data[:open], " ~")
	name := head[bytes.LastIndexByte(head, ' ')+1:]
	return bytes.HasSuffix(name, []byte("]")) || bytes.HasSuffix(name, []byte(">")) ||
		wire.IndexFold(name, "RFC822") >= 0
}
