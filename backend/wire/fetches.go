package wire

import (
	"bytes"
	"sync"
)

// Fetches is a run of FETCH responses that have come whole and are alike: each one line, or each a
// line, a text and the ")" after it. A listing of flags or of headers has thousands of them, and most
// are passed on as they are: together they cost little more than one.
type Fetches struct {
	Data    []byte      // the responses; valid until the next Fill
	Highest uint32      // the highest message number in them
	Texts   []FetchText // of those with a text; valid until the next call of Fetches
}

// FetchText is a FETCH response with one literal at its end, the value of an item such as BODY[HEADER].
type FetchText struct {
	Number uint32 // of the message
	Line   []byte // up to the announcement of the literal
	Text   []byte // the literal
}

// MayHaveFetches reports whether Fetches may return any. It takes less time than Fetches.
func (r *ResponseReader) MayHaveFetches() bool {
	p := r.buf.bytes()
	return !r.isInside && len(p) > 2 && '0' <= p[2] && p[2] <= '9'
}

// Fetches returns the FETCH responses at the beginning of the buffered bytes, without taking them;
// none if other bytes come first, or if a response has begun.
func (r *ResponseReader) Fetches() Fetches {
	run := Fetches{}
	if r.isInside {
		return run
	}
	p, at := r.buf.bytes(), 0
	for len(run.Texts) < maxTexts {
		number, ok := fetchNumber(p[at:])
		if !ok {
			break
		}
		end := bytes.IndexByte(p[at:], '\n') + 1
		if end < len("x\r\n") {
			break
		}
		if line := p[at : at+end]; line[end-len("}\r\n")] == '}' || line[end-len("}\n")] == '}' {
			text, ok := textAfter(line, p[at+end:])
			if !ok || at > 0 && len(run.Texts) == 0 {
				break
			}
			run.Texts = append(r.textsAfter(run.Texts), FetchText{number, line, text})
			end += len(text) + len(afterText)
		} else if len(run.Texts) > 0 {
			break
		}
		at += end
		run.Highest = max(run.Highest, number)
	}
	if at > 0 {
		run.Data = p[:at:len(p)]
	}
	return run
}

// maxTexts is the most texts of a run.
const maxTexts = 128

type fetchTexts [maxTexts]FetchText

// textsPool has the memory of readers without a run: an idle connection has none.
var textsPool = sync.Pool{New: func() any { return new(fetchTexts) }}

// textsAfter returns texts, or memory for them if there are none yet.
func (r *ResponseReader) textsAfter(texts []FetchText) []FetchText {
	if len(texts) > 0 {
		return texts
	}
	if r.texts == nil {
		r.texts = textsPool.Get().(*fetchTexts)
	}
	return r.texts[:0]
}

func (r *ResponseReader) releaseTexts() {
	if r.texts != nil {
		textsPool.Put(r.texts)
		r.texts = nil
	}
}

// afterText is the end of a FETCH response with a text.
const afterText = ")\r\n"

// textAfter returns the literal that line announces and rest begins with. ok is false if it is not
// whole, if something other than afterText follows, or if it is no text of a message.
func textAfter(line, rest []byte) (text []byte, ok bool) {
	announced, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, false
	}
	lit, start, ok := parseLiteral(announced)
	if !ok || lit.Binary || start < 2 || line[start-1] != ' ' || line[start-2] != ']' {
		return nil, false
	}
	if lit.Size > int64(len(rest)-len(afterText)) {
		return nil, false
	}
	text, rest = rest[:lit.Size], rest[lit.Size:]
	return text, string(rest[:len(afterText)]) == afterText
}

// TakeFetches takes the responses that Fetches has returned.
func (r *ResponseReader) TakeFetches(run Fetches) { r.buf.take(len(run.Data)) }

// IsTidy reports whether no line has a blank where RFC 9051 section 9 allows none (Tidy). A quoted
// string that has one counts too, so false says that the lines must be looked at one by one.
func (run Fetches) IsTidy() bool {
	if len(run.Texts) == 0 {
		return !mayHaveStrayBlank(run.Data)
	}
	for i := range run.Texts {
		if mayHaveStrayBlank(run.Texts[i].Line) {
			return false
		}
	}
	return true
}

// fetchNumber returns the message number of "* 12 FETCH (". ok is false if p does not begin so.
func fetchNumber(p []byte) (n uint32, ok bool) {
	if len(p) < len("* 1 FETCH (") || p[0] != '*' || p[1] != ' ' {
		return 0, false
	}
	n, end, ok := messageNumber(p)
	return n, ok && n > 0 && bytes.HasPrefix(p[end:], []byte(" FETCH ("))
}
