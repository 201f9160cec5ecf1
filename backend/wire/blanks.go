package wire

import "bytes"

// Tidy removes the blanks from a text fragment of a response that RFC 9051 section 9 does not
// allow: before the response, after "(", before ")", at the end of the line, and all but one
// between two words. Exchange ends its STATUS in a blank (docs/exchange.md#ex-71). Quoted
// strings, the names of mailboxes and the texts of status responses keep their blanks. A fragment
// that begins within a line may begin within a quoted string: it loses those at the end of the
// line only. changed reports whether the fragment had such blanks; it is returned unchanged
// otherwise.
func Tidy(f Fragment) (tidy []byte, changed bool) {
	if f.Literal || !isUntidy(f) {
		return f.Data, false
	}
	text := f.Data
	out := make([]byte, 0, len(text))
	switch {
	case f.Inner:
		line := trimEOL(text)
		if len(line) == len(text) {
			return text, false
		}
		out = append(append(out, bytes.TrimRight(line, " ")...), text[len(line):]...)
		return out, len(out) < len(text)
	case !f.First:
		out = appendTidy(out, text)
		return out, len(out) < len(text)
	}
	text = bytes.TrimLeft(text, " ")
	head, rest := headOf(text, f.Kind)
	before, kept, after := splitKept(head, rest)
	out = appendTidy(out, head)
	out = appendTidy(out, before)
	out = append(out, kept...)
	out = appendTidy(out, after)
	return out, len(out) < len(f.Data)
}

// isUntidy reports whether the fragment may have blanks too many.
func isUntidy(f Fragment) bool {
	return f.First && len(f.Data) > 0 && f.Data[0] == ' ' || mayHaveStrayBlank(f.Data)
}

// mayHaveStrayBlank reports whether a blank stands where Tidy may remove it. It looks at each byte
// once, which is quicker here than several searches for two bytes.
func mayHaveStrayBlank(text []byte) bool {
	last := len(text) - 1
	for i, c := range text {
		if c != ' ' {
			continue
		}
		if i > 0 && text[i-1] == '(' {
			return true
		}
		if i < last {
			switch text[i+1] {
			case ' ', ')', '\r', '\n':
				return true
			}
		}
	}
	return false
}

// headOf splits the words that say what a response is from the rest: the tag or "*" and the
// status word, or the "*" and the first word.
func headOf(text []byte, kind Kind) (head, rest []byte) {
	if kind == Continuation || kind == Untagged && (len(text) == 0 || text[0] != '*') {
		return nil, text
	}
	at := 0
	for range 2 {
		n := bytes.IndexByte(text[at:], ' ')
		if n < 0 {
			return text, nil
		}
		at += n
		for at < len(text) && text[at] == ' ' {
			at++
		}
	}
	return text[:at], text[at:]
}

// codeLength returns the length of the response code that the rest of a status response begins
// with; 0 if there is none.
func codeLength(rest []byte) int {
	code, _ := cutCode(string(trimEOL(rest)))
	if code == "" {
		return 0
	}
	return len("[") + len(code) + len("]")
}

// splitKept splits the rest of a response at the part that keeps its blanks: the text of a
// status response, or the name of a mailbox.
func splitKept(head, rest []byte) (before, kept, after []byte) {
	words := bytes.Fields(head)
	switch {
	case len(words) < 2:
		return nil, rest, nil
	case statusWord(words[1]) != "":
		code := codeLength(rest)
		return rest[:code], rest[code:], nil
	case bytes.EqualFold(words[1], []byte("LIST")), bytes.EqualFold(words[1], []byte("LSUB")):
		at := listedName(rest)
		end := at + len(bytes.TrimRight(rest[at:], " \r\n"))
		return rest[:at], rest[at:end], rest[end:]
	case bytes.EqualFold(words[1], []byte("STATUS")):
		if items := bytes.LastIndexByte(rest, '('); items >= 0 {
			end := len(bytes.TrimRight(rest[:items], " "))
			return nil, rest[:end], rest[end:]
		}
	}
	return rest, nil, nil
}

// listedName returns the index of the mailbox's name in the arguments of LIST and LSUB, which
// follows the attributes and the separator; 0 if they have another form.
func listedName(args []byte) int {
	at := bytes.IndexByte(args, ')') + 1
	skip := func(isBlank bool) {
		for at < len(args) && (args[at] == ' ') == isBlank {
			at++
		}
	}
	if at == 0 {
		return 0
	}
	skip(true)
	skip(false)
	skip(true)
	return at
}

// appendTidy appends text to out without the blanks that are too many.
func appendTidy(out, text []byte) []byte {
	isQuoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case isQuoted && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
			c = text[i]
		case c == '"':
			isQuoted = !isQuoted
		case c == ' ' && !isQuoted:
			for i+1 < len(text) && text[i+1] == ' ' {
				i++
			}
			if len(out) > 0 && out[len(out)-1] == '(' {
				continue
			}
		case (c == ')' || c == '\r' || c == '\n') && !isQuoted && len(out) > 0 && out[len(out)-1] == ' ':
			out = out[:len(out)-1]
		}
		out = append(out, c)
	}
	return out
}
