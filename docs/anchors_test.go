package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	heading  = regexp.MustCompile(`^#{1,6} +(.*?)(?: +#+)?$`)
	explicit = regexp.MustCompile(`<a id="([^"]*)"></a>`)
	link     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchorsOf returns the anchors of a page in Markdown, in order: those that
// GitHub makes of its headings, and those that are written out.
func anchorsOf(page string) []string {
	var anchors []string
	seen := map[string]int{}
	fenced := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			anchor := anchorOf(m[1])
			seen[anchor]++
			if n := seen[anchor]; n > 1 {
				anchor = fmt.Sprintf("%s-%d", anchor, n-1)
			}
			anchors = append(anchors, anchor)
		}
		for _, m := range explicit.FindAllStringSubmatch(line, -1) {
			anchors = append(anchors, m[1])
		}
	}
	return anchors
}

// anchorOf makes a heading's anchor: letters in lower case, digits, hyphens and
// underscores stay, a blank becomes a hyphen.
func anchorOf(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(link.ReplaceAllString(title, "$1")) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestAnchorsOf(t *testing.T) {
	page := strings.Join([]string{
		"# Errors of Exchange, and what to do",
		"text # not a heading",
		"## `upstream.login`",
		"```sh", "# a comment, not a heading", "```",
		"## What a client's name means",
		"### [EX-07](#ex-07) is a link ###",
		`| <a id="ex-32"></a>EX-32 | and <a id="ex-33"></a> |`,
		"## Twice", "## Twice",
	}, "\n")
	want := []string{"errors-of-exchange-and-what-to-do", "upstreamlogin", "what-a-clients-name-means",
		"ex-07-is-a-link", "ex-32", "ex-33", "twice", "twice-1"}
	if got := anchorsOf(page); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
