//go:build !amd64

package rewrite

const hasVector = false

func takeVector(*byte, int, *census) { panic("rewrite: no vectors") }
