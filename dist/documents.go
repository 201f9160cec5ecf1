package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// completions are the scripts for the shells, with the place that each shell looks in.
var completions = map[string]string{
	"bash": "/usr/share/bash-completion/completions/exgate",
	"zsh":  "/usr/share/zsh/site-functions/_exgate",
	"fish": "/usr/share/fish/vendor_completions.d/exgate.fish",
}

// documents writes what the commands of exgate generate: man pages and completions. It also
// writes the configuration that the packages install.
func (r *release) documents() error {
	for _, dir := range []string{"man", "completion", "etc"} {
		if err := os.Mkdir(filepath.Join(r.stage, dir), 0o755); err != nil {
			return err
		}
	}
	if err := r.command(filepath.Join(root, "cmd", "exgate"), nil,
		"go", "test", "-count=1", "-run=^TestManPages$", ".", "-man="+filepath.Join(r.stage, "man")); err != nil {
		return err
	}
	program := r.program(target{runtime.GOOS, runtime.GOARCH})
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("the completions come from the program for this system: %w", err)
	}
	for shell := range completions {
		script, err := exec.Command(program, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("completion %s: %w", shell, err)
		}
		if err := os.WriteFile(filepath.Join(r.stage, "completion", shell), script, 0o644); err != nil {
			return err
		}
	}
	sample, err := os.ReadFile(filepath.Join(root, "config", "sample.yaml"))
	if err != nil {
		return err
	}
	const unset = "# state_dir: /var/lib/exgate\n"
	if !bytes.Contains(sample, []byte(unset)) {
		return errors.New("config/sample.yaml has no line for state_dir")
	}
	sample = bytes.Replace(sample, []byte(unset), []byte(strings.TrimPrefix(unset, "# ")), 1)
	return os.WriteFile(filepath.Join(r.stage, "etc", "exgate.yaml"), sample, 0o644)
}

// manPages returns the generated man pages, compressed as packages have them.
func (r *release) manPages() ([]string, error) {
	pages, err := filepath.Glob(filepath.Join(r.stage, "man", "*.1"))
	if err != nil || len(pages) == 0 {
		return nil, fmt.Errorf("no man pages in %s: %w", r.stage, err)
	}
	for i, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		var compressed bytes.Buffer
		z, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		_, err = z.Write(text)
		if err := errors.Join(err, z.Close()); err != nil {
			return nil, err
		}
		pages[i] = page + ".gz"
		if err := os.WriteFile(pages[i], compressed.Bytes(), 0o644); err != nil {
			return nil, err
		}
	}
	return pages, nil
}
