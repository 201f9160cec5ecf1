package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

// TestVerbsAreDocumented holds the README's table of verbs to the commands.
func TestVerbsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Verbs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	root := rootCommand(io.Discard)
	for _, command := range root.Commands() {
		if name := command.Name(); name != "help" && !strings.Contains(section, "`"+name+"`") {
			t.Errorf("the README's table has no row for %s", name)
		}
	}
	for _, row := range strings.Split(section, "\n| `")[1:] {
		name, _, _ := strings.Cut(row, "`")
		if command, _, err := root.Find([]string{name}); err != nil || command == root {
			t.Errorf("the README's table has a row for %s, which is no verb", name)
		}
	}
}
