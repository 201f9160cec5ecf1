package rewrite

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// census counts the bytes of a message that matter to Exchange.
type census struct {
	nul   int64
	cr    int64
	lf    int64
	pairs int64 // LF with CR before it
	high  int64 // over 127
}

// censusBlock is what takeVector counts at a time: its counters are bytes. It
// stays in the processor's nearest cache.
const censusBlock = 255 * vector

// vector is the number of bytes in an AVX2 register.
const vector = 32

// take counts what b, of censusBlock bytes at most, has; before is the byte in
// front of it.
func (c *census) take(b []byte, before byte) {
	if len(b) == 0 {
		return
	}
	if hasVector && len(b) > vector {
		// Each byte is looked at with the one before it.
		n := (len(b) - 1) / vector * vector
		takeVector(&b[1], n, c)
		c.takeWords(b[:1], before)
		b, before = b[1+n:], b[n]
	}
	c.takeWords(b, before)
}

// takeWords is take without vectors, but for those of the library.
func (c *census) takeWords(b []byte, before byte) {
	c.nul += int64(bytes.Count(b, []byte{0}))
	c.cr += int64(bytes.Count(b, []byte{'\r'}))
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			break
		}
		if at += n; at > 0 {
			before = b[at-1]
		}
		c.lf++
		if before == '\r' {
			c.pairs++
		}
		at++
	}
	const highs = 0x8080808080808080
	n := 0
	for ; len(b) >= 8; b = b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b) & highs)
	}
	for _, x := range b {
		n += int(x >> 7)
	}
	c.high += int64(n)
}
