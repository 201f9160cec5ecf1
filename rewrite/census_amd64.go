package rewrite

import "golang.org/x/sys/cpu"

var hasVector = cpu.X86.HasAVX2

// takeVector counts the n bytes at p into c. n is a multiple of vector, at most
// censusBlock. It also reads the byte in front of p.
//
//go:noescape
func takeVector(p *byte, n int, c *census)
