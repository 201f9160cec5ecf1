package rewrite

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/transform"
)

// utf7Encoding is UTF-7 (RFC 2152), which the library has no decoder for, and
// which readers of today refuse to decode.
type utf7Encoding struct{}

func (utf7Encoding) NewDecoder() *encoding.Decoder { return &encoding.Decoder{Transformer: new(utf7)} }

// utf7 decodes it. What is not well formed becomes U+FFFD, or stays.
type utf7 struct {
	shifted bool   // between "+" and what ends the base64
	empty   bool   // nothing of the base64 has come
	bits    uint32 // of it that are not used yet
	count   int    // of these
	high    rune   // the first half of a surrogate pair
}

func (u *utf7) Reset() { *u = utf7{} }

// Transform implements transform.Transformer.
func (u *utf7) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	const most = 3 * utf8.UTFMax // that a byte makes
	for _, c := range src {
		if len(dst)-nDst < most {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += len(u.take(dst[nDst:nDst], c))
		nSrc++
	}
	if atEOF {
		if len(dst)-nDst < most {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += len(u.unshift(dst[nDst:nDst]))
	}
	return nDst, nSrc, nil
}

// take appends what the next byte stands for.
func (u *utf7) take(to []byte, c byte) []byte {
	value := base64Values[c]
	switch {
	case u.shifted && value < 64:
		u.empty = false
		u.bits = u.bits<<6 | uint32(value)
		if u.count += 6; u.count >= 16 {
			u.count -= 16
			return u.unit(to, rune(u.bits>>u.count&0xffff))
		}
		return to
	case u.shifted && c == '-':
		return u.unshift(to) // which for "+-" is the "+"
	case u.shifted:
		to = u.unshift(to)
	}
	switch {
	case c == '+':
		u.shifted, u.empty = true, true
		return to
	case c >= utf8.RuneSelf:
		return utf8.AppendRune(to, utf8.RuneError)
	}
	return append(to, c)
}

// unit appends a unit of UTF-16, once it is a character.
func (u *utf7) unit(to []byte, unit rune) []byte {
	high := u.high
	u.high = 0
	switch {
	case high != 0 && utf16.IsSurrogate(unit) && unit >= 0xdc00:
		return utf8.AppendRune(to, utf16.DecodeRune(high, unit))
	case high != 0:
		to = utf8.AppendRune(to, utf8.RuneError)
	}
	if utf16.IsSurrogate(unit) && unit < 0xdc00 {
		u.high = unit
		return to
	}
	return utf8.AppendRune(to, unit)
}

// unshift ends the base64.
func (u *utf7) unshift(to []byte) []byte {
	if u.high != 0 {
		to = utf8.AppendRune(to, utf8.RuneError)
	}
	if u.shifted && u.empty {
		to = append(to, '+')
	}
	u.Reset()
	return to
}

// iso2022KR is ISO-2022-KR (RFC 1557): the characters of EUC-KR without their
// eighth bit, between SO and SI. The library takes it for no text.
type iso2022KR struct{}

func (iso2022KR) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: transform.Chain(new(shiftedOut), korean.EUCKR.NewDecoder())}
}

// shiftedOut gives its eighth bit back to what stands between SO and SI, and
// takes out what says so.
type shiftedOut struct {
	out    bool
	escape int // bytes of the escape sequence that were seen
}

func (s *shiftedOut) Reset() { *s = shiftedOut{} }

// Transform implements transform.Transformer.
func (s *shiftedOut) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	const escape = "\x1b$)C"
	for _, c := range src {
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nSrc++
		if s.escape < len(escape) && c == escape[s.escape] {
			s.escape++
			continue
		}
		s.escape = 0
		switch {
		case c == 0x0e, c == 0x0f:
			s.out = c == 0x0e
			continue
		case s.out && c > ' ' && c < 0x7f:
			c |= 0x80
		}
		dst[nDst] = c
		nDst++
	}
	return nDst, nSrc, nil
}
