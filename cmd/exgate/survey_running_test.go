package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Two surveys cannot work with one directory. One that was killed does not keep the next from it.
func TestTakeSurveyDir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, surveyRunning)
	ended := exec.Command(os.Args[0], "-test.run=^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, holder string
		refused      bool
	}{
		{"nobody", "", false},
		{"a process that lives", strconv.Itoa(os.Getppid()), true},
		{"a process that has ended", strconv.Itoa(ended.Process.Pid), false},
		{"half a file", "x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.holder != "" {
				if err := os.WriteFile(file, []byte(tt.holder+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			release, err := takeSurveyDir(dir)
			if tt.refused {
				if err == nil || !strings.Contains(err.Error(), "another survey (process "+tt.holder+")") {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if held, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(held)) != strconv.Itoa(os.Getpid()) {
				t.Errorf("%q holds the directory, %v", held, err)
			}
			release()
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Errorf("the file is left: %v", err)
			}
		})
	}
}
