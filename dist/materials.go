package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// materials writes the bill of materials: the modules in the program for Linux.
func (r *release) materials() error {
	out, err := filepath.Abs(r.name(".cdx.json"))
	if err != nil {
		return err
	}
	source, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	return r.command(".", []string{"CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux", "GOARCH=amd64"},
		"go", "tool", "cyclonedx-gomod", "app", "-json", "-noserial", "-notimestamp", "-std", "-main", "cmd/exgate",
		"-output", out, source)
}

// checksums writes SHA256SUMS, which sha256sum -c reads.
func (r *release) checksums() error {
	entries, err := os.ReadDir(r.out) // in the order of the names
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
