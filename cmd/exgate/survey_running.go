package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// surveyRunning is the file that holds the process that works with the directory of --out.
const surveyRunning = "running"

// takeSurveyDir refuses a directory of --out with which another survey is at work: the state that both would go on from
// names the folder of the first, and the second would remove it. release gives the directory back.
func takeSurveyDir(dir string) (release func(), err error) {
	file := filepath.Join(dir, surveyRunning)
	for range 2 {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
			return func() { os.Remove(file) }, errors.Join(err, f.Close())
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err == nil && pid != os.Getpid() && isAlive(pid) {
			return nil, fmt.Errorf("another survey (process %d) works with %s: wait until it has ended, or use "+
				"another --out and another mailbox; if no survey is running, remove %s", pid, dir, file)
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was killed
			return nil, err
		}
	}
	return nil, fmt.Errorf("another survey begins with %s: wait until it has ended", dir)
}

// isAlive reports whether a process may exist.
func isAlive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false // only Windows looks for the process here
	}
	defer p.Release()
	if runtime.GOOS == "windows" {
		return true
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, syscall.EPERM)
}
