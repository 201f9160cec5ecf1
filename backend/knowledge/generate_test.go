package knowledge

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/backend/wire"
)

var update = flag.Bool("update", false, "write docs/errors.md instead of comparing it")

const docsFile = "../../docs/errors.md"

// TestGenerated holds docs/errors.md to the entries.
func TestGenerated(t *testing.T) {
	want := linked(docsHead) + replyTable(t) + docsEntries()
	if *update {
		if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != want { // git may check it out so
		t.Errorf("%s is not what the entries say: run go generate ./backend/knowledge", docsFile)
	}
}

const docsHead = `# Errors of Exchange, and what to do

` + "`exgate explain`" + ` knows all of this. It finds the errors in whatever a client printed, a whole log included, and fills names into the lines:

    exgate explain "BAD User is authenticated but not connected." --user bob --admin admin
    exgate explain LOG_imapsync/2026_11_24_bob.txt
    exgate explain read receipts
    exgate explain throttled

Lines for PowerShell are for the Exchange Management Shell; for Exchange Online they come after Connect-ExchangeOnline. In them {user} is the mailbox, {admin} who opens it, {server} the Exchange server, {domain} the Windows domain.

Sources: FAQ.Exchange is imapsync's FAQ.Exchange 1.79 of 17 December 2021, FAQ.Office365 its FAQ.Office365 1.38 of 22 June 2022, both at https://imapsync.lamiral.info/FAQ.d/. What Exchange does stands in docs/exchange.md; in parentheses stands what that rests on, named as that page says: name#N is an issue of a project on GitHub, Set-ImapSettings and the like are Microsoft's pages on those commands.

This page is written by go generate ./backend/knowledge.

## Replies

What Exchange says, and what exgate makes of it: the kind is what its log and metrics call it, the code is what the client's reply begins with. "Repeat" says whether the same command may succeed later without anybody changing anything; "errors" is the share of the ten errors after which Exchange closes the connection.

`

// replyTable has a row for each reply that an entry knows.
func replyTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| reply | kind | code | repeat | errors | entry |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, e := range Entries() {
		for _, reply := range e.Replies {
			status, ok := wire.ParseStatus([]byte("a " + reply))
			if !ok {
				t.Fatalf("%s: %q is no reply", e.ID, reply)
			}
			if status.Word == "OK" {
				continue
			}
			f := backend.Classify(status)
			repeat := "no"
			if f.Retryable() {
				repeat = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %d | [%s](#%s) |\n", reply, f.Kind, cmp.Or(f.ClientCode(), "-"), repeat, f.Errors(), e.ID, e.ID)
		}
	}
	return b.String()
}

func docsEntries() string {
	var b strings.Builder
	for _, e := range Entries() {
		fmt.Fprintf(&b, "\n## %s\n\n**%s**\n\n%s\n", e.ID, markdown(e.Title), markdown(e.Meaning))
		for i, c := range e.Causes {
			docsCause(&b, i+1, c)
		}
		if e.Exgate != "" {
			fmt.Fprintf(&b, "\n**What exgate does:** %s\n", markdown(e.Exgate))
		}
		if len(e.See) > 0 {
			links := make([]string, len(e.See))
			for i, id := range e.See {
				links[i] = fmt.Sprintf("[%s](#%s)", id, id)
			}
			fmt.Fprintf(&b, "\nSee also: %s.\n", strings.Join(links, ", "))
		}
		fmt.Fprintf(&b, "\nSources: %s.\n", sources(e.Source))
	}
	return b.String()
}

func docsCause(b *strings.Builder, number int, c Cause) {
	fmt.Fprintf(b, "\n%d. %s", number, markdown(c.Title))
	for _, part := range []struct{ label, text string }{{"How to tell", c.Tell}, {"What to do", c.Do}, {"Where to click", c.Click}} {
		if part.text != "" {
			fmt.Fprintf(b, "\n\n   *%s:* %s", part.label, markdown(part.text))
		}
	}
	fmt.Fprintf(b, "\n\n   [%s]\n", sources(c.Source))
	for _, block := range []struct {
		language string
		lines    []string
	}{{"text", c.Lines}, {"powershell", c.PowerShell}} {
		if len(block.lines) > 0 {
			lines := slices.Concat([]string{"```" + block.language}, block.lines, []string{"```"})
			fmt.Fprintf(b, "\n   %s\n", strings.Join(lines, "\n   "))
		}
	}
}

// page is a reference to a page of docs, with or without an anchor.
var page = regexp.MustCompile(`docs/([a-z]+\.md(?:#[a-z0-9-]+)?)`)

// sources makes links of the pages among the sources.
func sources(text string) string { return linked(markdown(text)) }

func linked(text string) string { return page.ReplaceAllString(text, "[$1]($1)") }

// markdown lets characters stand for themselves.
func markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, "|", `\|`).Replace(text)
}
