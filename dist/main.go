// Command dist builds everything that is published of exgate into one directory: archives,
// Debian and RPM packages, an OCI image, a bill of materials and the checksums. The same commit
// gives the same bytes, wherever and whenever it is built. make dist runs it.
//
// It is a module of its own, so that exgate does not depend on what packs it.
package main

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	out := flag.String("out", "../out", "`directory` for the results; it is emptied first")
	onlyDeb := flag.Bool("only-deb", false, "build only the Debian package for this system: a test upgrades from it")
	flag.Parse()
	if err := run(*out, *onlyDeb); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// root is the directory of the repository, as seen from here.
const root = ".."

// release is what is being built.
type release struct {
	out     string    // the directory for the results
	stage   string    // a directory for files on their way into archives and packages
	version string    // as in exgate version, without the v
	time    time.Time // of all files: that of the commit
	targets []target
	formats []string // of packages
}

// target is a system that exgate is built for.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "-" + t.arch }

var targets = []target{{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}, {"darwin", "arm64"}}

func run(out string, onlyDeb bool) error {
	stage, err := os.MkdirTemp("", "exgate-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	r := &release{out: out, stage: stage, targets: targets, formats: []string{"deb", "rpm"}}
	steps := []func() error{r.documents, r.archives, r.packages, r.image, r.materials, r.checksums}
	if onlyDeb {
		r.targets, r.formats = []target{{"linux", runtime.GOARCH}}, []string{"deb"}
		steps = []func() error{r.documents, r.packages}
	}
	if r.time, err = sourceDate(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	for _, t := range r.targets {
		if err := r.build(t); err != nil {
			return err
		}
	}
	program, err := buildinfo.ReadFile(r.program(r.targets[0]))
	if err != nil {
		return err
	}
	r.version = strings.TrimPrefix(program.Main.Version, "v")
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Printf("exgate %s is in %s\n", r.version, out)
	return nil
}

// sourceDate returns the time of SOURCE_DATE_EPOCH (reproducible-builds.org), or else that of the
// commit.
func sourceDate() (time.Time, error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		log, err := exec.Command("git", "-C", root, "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("the time of the commit: %w", err)
		}
		seconds = strings.TrimSpace(string(log))
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the time of the release: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

// program returns the path of the built program.
func (r *release) program(t target) string {
	name := "exgate"
	if t.os == "windows" {
		name = "exgate.exe"
	}
	return filepath.Join(r.stage, t.String(), name)
}

// build builds the program without cgo, without paths of this machine, and with the version
// that the tag or the commit says.
func (r *release) build(t target) error {
	program, err := filepath.Abs(r.program(t))
	if err != nil {
		return err
	}
	return r.command(root, []string{"CGO_ENABLED=0", "GOFLAGS=", "GOOS=" + t.os, "GOARCH=" + t.arch},
		"go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", program, "./cmd/exgate")
}

// command runs a command in a directory, with further variables in its environment.
func (r *release) command(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Env = append(cmd.Env, "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.time.Unix(), 10), "TZ=UTC")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// name returns the path of a result.
func (r *release) name(rest string) string { return filepath.Join(r.out, "exgate-"+r.version+rest) }
