package rewrite

import "golang.org/x/sys/cpu"

var hasVector = cpu.X86.HasAVX2

// takeVector adds the census of n bytes at p, a multiple of vector and
// censusBlock at most, to c. The byte in front of p is read, too.
//
//go:noescape
func takeVector(p *byte, n int, c *census)
