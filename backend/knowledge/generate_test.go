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
	"unicode/utf8"

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

` + "`exgate explain`" + ` prints these entries. It finds errors in any output of a client, even a whole log, and fills names
into the PowerShell commands:

    exgate explain "BAD User is authenticated but not connected." --user bob --admin admin
    exgate explain LOG_imapsync/2026_11_24_bob.txt
    exgate explain read receipts
    exgate explain throttled

The PowerShell commands are for the Exchange Management Shell. For Exchange Online, run Connect-ExchangeOnline first. In
the commands, {user} is the mailbox, {admin} is the account that opens it, {server} is the Exchange server, and {domain}
is the Windows domain.

Sources: FAQ.Exchange is imapsync's FAQ.Exchange 1.79 of 17 December 2021, FAQ.Office365 its FAQ.Office365 1.38 of 22 June 2022, both at https://imapsync.lamiral.info/FAQ.d/. What Exchange does stands in docs/exchange.md; in parentheses stands what that rests on, named as that page says: name#N is an issue of a project on GitHub, Set-ImapSettings and the like are Microsoft's pages on those commands.

This page is written by go generate ./backend/knowledge.

## Replies

This table shows Exchange's replies and their meaning for exgate. The kind is the name in exgate's log and metrics. The
code begins exgate's reply to the client. "Repeat" says whether the same command may succeed later without any change.
"Errors" is the share of the ten errors after which Exchange closes the connection.

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
			if f.IsRetryable() {
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
		fmt.Fprintf(&b, "\n## %s\n\n**%s**\n\n%s\n", e.ID, markdown(e.Title), wrap("", markdown(e.Meaning)))
		for i, c := range e.Causes {
			docsCause(&b, i+1, c)
		}
		if e.Exgate != "" {
			fmt.Fprintf(&b, "\n%s\n", wrap("", "**What exgate does:** "+markdown(e.Exgate)))
		}
		if len(e.See) > 0 {
			links := make([]string, len(e.See))
			for i, id := range e.See {
				links[i] = fmt.Sprintf("[%s](#%s)", id, id)
			}
			fmt.Fprintf(&b, "\n%s.\n", wrap("", "See also: "+strings.Join(links, ", ")))
		}
		fmt.Fprintf(&b, "\n%s\n", wrap("", "Sources: "+sources(e.Source)+"."))
	}
	return b.String()
}

func docsCause(b *strings.Builder, number int, c Cause) {
	fmt.Fprintf(b, "\n%s", wrap("   ", fmt.Sprintf("%d. %s", number, markdown(c.Title))))
	for _, part := range []struct{ label, text string }{
		{"How to tell", c.Tell}, {"What to do", c.Do}, {"Where to click", c.Click},
	} {
		if part.text != "" {
			fmt.Fprintf(b, "\n\n   %s", wrap("   ", "*"+part.label+":* "+markdown(part.text)))
		}
	}
	fmt.Fprintf(b, "\n\n   %s\n", wrap("   ", "["+sources(c.Source)+"]"))
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

// docsWidth is the maximum length of a line of text. Lines to be copied are longer.
const docsWidth = 116

// wrap breaks a text at blanks, and begins each further line with indent. No line
// begins with a character that Markdown would take for a list or a heading.
func wrap(indent, text string) string {
	var b strings.Builder
	length := len(indent)
	for i, word := range strings.Fields(text) {
		size := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case length+1+size > docsWidth && !strings.ContainsAny(word[:1], "-+>#"):
			b.WriteString("\n" + indent)
			length = len(indent)
		default:
			b.WriteString(" ")
			length++
		}
		b.WriteString(word)
		length += size
	}
	return b.String()
}

// markdown lets characters stand for themselves.
func markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, "|", `\|`).Replace(text)
}
