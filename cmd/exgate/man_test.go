package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var manDir = flag.String("man", "", "write the man pages into this directory (make dist does)")

// TestManPages generates the man pages from the commands: one for each verb, with its flags. It
// is a test, so that the program does not contain the generator.
func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	root := rootCommand(io.Discard)
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	shorts := map[*cobra.Command]string{}
	escapeAll(root, shorts)
	// The date of the pages is that of SOURCE_DATE_EPOCH, if it is set.
	if err := doc.GenManTree(root, &doc.GenManHeader{Title: "EXGATE", Section: "1", Source: "exgate"}, dir); err != nil {
		t.Fatal(err)
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() && cmd.HasParent() {
			return
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(dir, name))
		if short := shorts[cmd]; err != nil || !strings.Contains(string(page), short[1:]) {
			t.Errorf("%s: %v, or it lacks %q", name, err, short)
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(root)
}

// escapeAll escapes what the generator, which takes texts for Markdown, would read as emphasis:
// *_exgate_* is a name. It notes the short text of each command as it was.
func escapeAll(cmd *cobra.Command, shorts map[*cobra.Command]string) {
	escape := strings.NewReplacer("*", `\*`, "_", `\_`).Replace
	shorts[cmd] = cmd.Short
	cmd.Short, cmd.Long = escape(cmd.Short), escape(cmd.Long)
	for _, sub := range cmd.Commands() {
		escapeAll(sub, shorts)
	}
}
