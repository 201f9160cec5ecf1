package replies

import "bytes"

// WithoutBlanks removes blanks at the end of a line, as of "* STATUS Archive (UIDNEXT 1) "
// (docs/exchange.md#ex-71). ok reports whether the line had any; the line is returned
// unchanged otherwise.
func WithoutBlanks(line []byte) (fixed []byte, ok bool) {
	if !endsInBlank(line) {
		return line, false
	}
	return append(bytes.Clone(bytes.TrimRight(line, " \r\n")), "\r\n"...), true
}

// endsInBlank reports whether the last byte before the end of the line is a blank.
func endsInBlank(line []byte) bool {
	text := bytes.TrimRight(line, "\r\n")
	return len(text) > 0 && text[len(text)-1] == ' '
}
