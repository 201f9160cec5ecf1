package rewrite

import (
	"bytes"
	"io"
	"sort"
)

// view is a message with proper line ends and without NUL: what line-endings
// and nul-bytes make of it. All other fixes read the message through it, so
// that none has to care. It is read at random like the message itself; a mark
// for each chunk says where that lies.
//
// A CR or LF that is not of a CRLF becomes CRLF (RFC 5322 section 2.3, RFC
// 2045 section 2.7 and 2.8); CRs before a CRLF go with it, since they come of
// converting twice. A NUL goes (RFC 3501 section 9, CHAR8). What is data, or
// text in units of two bytes, stays as it is: it becomes base64 later.
type view struct {
	src             io.ReaderAt
	lineEnds, nuls  bool
	marks           []mark
	size            int64
	chunk           int    // the one in out, -1: none
	out, raw        []byte // of one chunk
	bareEnds, wiped int64  // changes made
}

// mark is the beginning of a chunk: of what is read, and of what that becomes.
type mark struct {
	src, out int64
	as       region
}

// region says how a range of the message is read.
type region int

const (
	asText   region = iota
	asHeader        // a CR within a line is a blank: it must not begin a field
	asIs
)

// viewChunk is how much is converted at a time.
const viewChunk = 32 << 10

// newView reads the message once for the marks. keep are the ranges that are
// no text, in order; lines of the message may end in CR alone if it has no LF.
func newView(src io.ReaderAt, size int64, keep []keptRegion, lineEnds, nuls bool) (*view, error) {
	v := &view{src: src, lineEnds: lineEnds, nuls: nuls, chunk: -1, raw: make([]byte, viewChunk)}
	at := int64(0)
	for _, k := range append(keep, keptRegion{span{size, size}, asText}) {
		if err := v.mark(at, k.start, asText); err != nil {
			return nil, err
		}
		if err := v.mark(k.start, k.end, k.as); err != nil {
			return nil, err
		}
		at = k.end
	}
	v.marks = append(v.marks, mark{size, v.size, asIs})
	return v, nil
}

// keptRegion is a range that is not text.
type keptRegion struct {
	span
	as region
}

// mark adds the chunks from start to end.
func (v *view) mark(start, end int64, as region) error {
	for start < end {
		n := end - start
		if as != asIs {
			b, err := v.readChunk(start, end)
			if err != nil {
				return err
			}
			n = int64(len(b))
			ends, wiped := v.convert(b, as)
			v.bareEnds += ends
			v.wiped += wiped
		}
		v.marks = append(v.marks, mark{start, v.size, as})
		if as == asIs {
			v.size += n
		} else {
			v.size += int64(len(v.out))
		}
		start += n
	}
	return nil
}

// data are the ranges of the view that are kept as they are.
func (v *view) data() []span {
	var all []span
	for i, m := range v.marks[:len(v.marks)-1] {
		if m.as == asIs {
			all = append(all, span{m.out, v.marks[i+1].out})
		}
	}
	return all
}

func (v *view) keepsData() bool { return len(v.data()) > 0 }

// readChunk reads from start, not past end, and leaves what may be the
// beginning of a line end to the next chunk.
func (v *view) readChunk(start, end int64) ([]byte, error) {
	n, err := readAt(v.src, v.raw, start, end)
	if err != nil {
		return nil, err
	}
	b := v.raw[:n]
	if start+int64(n) == end {
		return b, nil
	}
	if whole := bytes.TrimRight(b, "\r\x00"); len(whole) > 0 {
		return whole, nil
	}
	return b, nil
}

// convert writes what b becomes to v.out, and counts what it changed.
func (v *view) convert(b []byte, as region) (ends, wiped int64) {
	v.out = v.out[:0]
	for len(b) > 0 {
		n := bytes.IndexByte(b, '\n') + 1
		if n == 0 {
			n = len(b)
		}
		line := b[:n]
		b = b[n:]
		text, lf := bytes.CutSuffix(line, []byte("\n"))
		text, cr := bytes.CutSuffix(text, []byte("\r"))
		if bytes.IndexByte(text, '\r') >= 0 || bytes.IndexByte(text, 0) >= 0 || cr && !lf {
			e, w := v.convertOdd(line, as)
			ends, wiped = ends+e, wiped+w
			continue
		}
		v.out = append(v.out, text...)
		if lf && (cr || v.lineEnds) {
			v.out = append(v.out, '\r', '\n')
		} else if lf {
			v.out = append(v.out, '\n')
		}
		if lf && !cr && v.lineEnds {
			ends++
		}
	}
	return ends, wiped
}

// convertOdd converts a line with NUL or CR in it.
func (v *view) convertOdd(line []byte, as region) (ends, wiped int64) {
	crs := 0 // that were read, and not yet written
	for _, c := range line {
		switch {
		case c == 0 && v.nuls:
			wiped++
		case c == '\r':
			crs++
		case c == '\n' && v.lineEnds:
			if v.out = append(v.out, '\r', '\n'); crs != 1 {
				ends++
			}
			crs = 0
		default:
			ends += v.bareCRs(crs, as)
			crs = 0
			v.out = append(v.out, c)
		}
	}
	return ends + v.bareCRs(crs, as), wiped
}

// bareCRs writes what becomes of so many CR without LF.
func (v *view) bareCRs(n int, as region) (ends int64) {
	if !v.lineEnds {
		for range n {
			v.out = append(v.out, '\r')
		}
		return 0
	}
	for range n {
		if as == asHeader {
			v.out = append(v.out, ' ')
		} else {
			v.out = append(v.out, '\r', '\n')
		}
	}
	return int64(n)
}

// ReadAt implements io.ReaderAt, for one caller at a time.
func (v *view) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	i := sort.Search(len(v.marks), func(i int) bool { return v.marks[i].out > off }) - 1
	for done < len(b) && off < v.size {
		m, next := v.marks[i], v.marks[i+1]
		var n int
		if m.as == asIs {
			want := b[done:min(int64(len(b)), int64(done)+next.out-off)]
			var err error
			if n, err = v.src.ReadAt(want, m.src+off-m.out); n < len(want) {
				return done + n, err
			}
		} else {
			if err := v.load(i); err != nil {
				return done, err
			}
			n = copy(b[done:], v.out[off-m.out:])
		}
		done += n
		if off += int64(n); off == next.out {
			i++
		}
		for i+1 < len(v.marks) && v.marks[i+1].out == off {
			i++ // chunks that become nothing
		}
	}
	if done < len(b) {
		return done, io.EOF
	}
	return done, nil
}

// load converts a chunk, if it is not the one that was read last.
func (v *view) load(i int) error {
	if i == v.chunk {
		return nil
	}
	v.chunk = -1
	m, next := v.marks[i], v.marks[i+1]
	if _, err := readAt(v.src, v.raw[:next.src-m.src], m.src, next.src); err != nil {
		return err
	}
	v.convert(v.raw[:next.src-m.src], m.as)
	v.chunk = i
	return nil
}
