package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that the tests leave no goroutine and no socket behind.
func TestMain(m *testing.M) {
	before := len(descriptors("socket:"))
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if after := descriptors("socket:"); code == 0 && len(after) > before {
			fmt.Fprintf(os.Stderr, "%d sockets are open after the tests, %d were before\n", len(after), before)
			code = 1
		}
		os.Exit(code)
	}))
}

// descriptors returns the names of open descriptors that contain part. It returns none on systems without /proc.
func descriptors(part string) []string {
	links, _ := filepath.Glob("/proc/self/fd/*")
	var open []string
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil && strings.Contains(name, part) {
			open = append(open, name)
		}
	}
	return open
}
