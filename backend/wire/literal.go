package wire

import "bytes"

// maxLiteralDigits is the number of digits of 4294967295, the largest number of
// RFC 9051 section 9.
const maxLiteralDigits = 10

// Literal is the announcement of a literal at the end of a line (RFC 9051 section
// 4.3, RFC 7888).
type Literal struct {
	Size    int64 // bytes that follow the line
	NonSync bool  // {n+}: the client sends the bytes without waiting for a continuation
	Binary  bool  // ~{n} (RFC 3516)
}

// parseLiteral parses the announcement at the end of line, which has no line end.
// start is the index where the announcement begins. ok is false if the line ends
// in no valid announcement.
func parseLiteral(line []byte) (lit Literal, start int, ok bool) {
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return lit, 0, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return lit, 0, false
	}
	digits := line[open+1 : n-1]
	if k := len(digits); k > 0 && digits[k-1] == '+' {
		lit.NonSync = true
		digits = digits[:k-1]
	}
	if len(digits) == 0 || len(digits) > maxLiteralDigits || (digits[0] == '0' && len(digits) > 1) {
		return Literal{}, 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return Literal{}, 0, false
		}
		lit.Size = lit.Size*10 + int64(d-'0')
	}
	if open > 0 && line[open-1] == '~' {
		lit.Binary = true
		open--
	}
	return lit, open, true
}
