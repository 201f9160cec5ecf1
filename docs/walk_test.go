package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/knowledge"
)

const root = ".."

// ownTable is the file that has bad references on purpose.
const ownTable = "docs/references_test.go"

// kinds says of each kind of file, by its extension or else its name, whether
// it has references. Data have none: messages, transcripts, results of tests.
var kinds = map[string]bool{
	".go": true, ".md": true, ".yaml": true, ".yml": true, ".py": true, ".sh": true, ".js": true, ".pl": true, ".rb": true, ".s": true, ".service": true, ".socket": true, ".lua": true,
	"Makefile": true, ".gitattributes": true, ".gitignore": true, ".editorconfig": true,
	".txt": false, ".html": false, ".css": false, ".eml": false, ".json": false, ".server": false, ".client": false, ".mod": false, ".sum": false,
	"LICENSE": false,
}

// kindOf reports whether a file has references, and whether its kind is known.
// Scripts have no extension.
func kindOf(file string) (has, known bool) {
	name := path.Base(file)
	if has, known = kinds[name]; known {
		return has, known
	}
	if has, known = kinds[path.Ext(name)]; known {
		return has, known
	}
	switch {
	case strings.Contains(file, "/testdata/fuzz/"):
		return false, true
	case path.Dir(file) == ".ci", path.Dir(file) == "testdata/e2e":
		return true, true
	}
	return false, false
}

// moduleFiles returns the files of the module, and its directories.
func moduleFiles(t *testing.T) (files, dirs []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" || name == "out": // out is what make dist writes
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
			dirs = append(dirs, name)
		case !built(name):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, dirs
}

// built reports whether a file is one of those that .gitignore names: the
// program, and what tests write.
func built(name string) bool {
	return name == "exgate" || name == "exgate.exe" || strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".out")
}

// passagesOf returns the texts of a file in which references are looked for.
func passagesOf(t *testing.T, file string) []passage {
	t.Helper()
	data, err := os.ReadFile(path.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	switch path.Ext(file) {
	case ".go":
		return goPassages(t, file, data)
	case ".md":
		return []passage{{file, 1, string(data), markdown}}
	}
	return []passage{{file, 1, string(data), plain}}
}

// goPassages returns the comments and the strings of a file of Go.
func goPassages(t *testing.T, file string, data []byte) []passage {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, data, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var passages []passage
	add := func(at token.Pos, text string, f form) {
		passages = append(passages, passage{file, set.Position(at).Line, text, f})
	}
	for _, group := range parsed.Comments {
		var lines []string
		for _, c := range group.List {
			lines = append(lines, strings.TrimPrefix(c.Text, "//"))
		}
		add(group.Pos(), strings.Join(lines, "\n"), comment)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			add(lit.Pos(), text, value)
		}
		return true
	})
	return passages
}

// projectRow is a row of the projects in docs/exchange.md: short names, and
// the full name, which has a slash.
var projectRow = regexp.MustCompile(`(?m)^\| ([A-Za-z0-9_., -]+) \| [A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+.*\|$`)

func targetsOf(t *testing.T, files, dirs []string) targets {
	t.Helper()
	to := targets{files: map[string]bool{}, anchors: map[string][]string{}}
	for _, name := range slices.Concat(files, dirs) {
		to.files[name] = true
	}
	for _, file := range files {
		if path.Ext(file) == ".md" {
			to.anchors[file] = anchorsOf(passagesOf(t, file)[0].text)
		}
	}
	for _, q := range exchangesim.Quirks() {
		to.quirks = append(to.quirks, q.ID)
	}
	for _, m := range projectRow.FindAllStringSubmatch(passagesOf(t, "docs/exchange.md")[0].text, -1) {
		to.projects = append(to.projects, strings.Split(m[1], ", ")...)
	}
	return to
}

// TestReferences follows every reference of the module.
func TestReferences(t *testing.T) {
	files, dirs := moduleFiles(t)
	to := targetsOf(t, files, dirs)
	read := 0
	for _, file := range files {
		has, known := kindOf(file)
		if !known {
			t.Errorf("%s: a file of a kind that kinds does not know: has it references?", file)
		}
		if !has || file == ownTable {
			continue
		}
		read++
		for _, p := range passagesOf(t, file) {
			for _, problem := range check(p, to) {
				t.Error(problem)
			}
		}
	}
	t.Logf("%d files read", read)
}

// TestQuirks holds the simulator's quirks and docs/exchange.md to each other.
func TestQuirks(t *testing.T) {
	files, dirs := moduleFiles(t)
	to := targetsOf(t, files, dirs)
	anchors := to.anchors["docs/exchange.md"]
	for _, q := range exchangesim.Quirks() {
		anchor := strings.ToLower(q.ID)
		if !slices.Contains(anchors, anchor) {
			t.Errorf("docs/exchange.md has no entry %s", q.ID)
		}
		source, _, _ := strings.Cut(q.Source, ";")
		if source != "docs/exchange.md#"+anchor {
			t.Errorf("%s: its source begins with %q", q.ID, source)
		}
	}
	for _, anchor := range anchors {
		if id := strings.ToUpper(anchor); quirk.MatchString(id) && !slices.Contains(to.quirks, id) {
			t.Errorf("docs/exchange.md has %s, and the simulator has no such quirk", id)
		}
	}
}

// public are the forms of a source that a user of exgate explain can reach.
var public = regexp.MustCompile(`docs/[a-z]+\.md|FAQ\.[A-Z]|\bRFC [0-9]|#[0-9]|\bKB [0-9Q]|` +
	`\bSet-[A-Z]|\bMicrosoft Learn|\blearn\.microsoft\.com/|\bGo crypto/`)

// TestExplain holds the sources that exgate explain prints to what users can
// reach. Their texts are built at run time, so they are checked as such, too.
func TestExplain(t *testing.T) {
	files, dirs := moduleFiles(t)
	to := targetsOf(t, files, dirs)
	for _, e := range knowledge.Entries() {
		texts := []string{e.Title, e.Meaning, e.Exgate}
		sources := []string{e.Source}
		for _, c := range e.Causes {
			texts = append(texts, c.Title, c.Tell, c.Do, c.Click)
			sources = append(sources, c.Source)
		}
		for _, source := range sources {
			if !public.MatchString(source) {
				t.Errorf("%s: %q is nothing that a user can reach", e.ID, source)
			}
		}
		for _, text := range slices.Concat(texts, sources) {
			for _, problem := range check(passage{"exgate explain " + e.ID, 1, text, value}, to) {
				t.Error(problem)
			}
		}
	}
}

// TestIndex holds docs/README.md to the pages there are.
func TestIndex(t *testing.T) {
	files, _ := moduleFiles(t)
	index := passagesOf(t, "docs/README.md")[0].text
	for _, file := range files {
		name, ok := strings.CutPrefix(file, "docs/")
		if !ok || name == "README.md" || path.Ext(name) == ".go" {
			continue
		}
		if n := strings.Count(index, "]("+name+")"); n != 1 {
			t.Errorf("docs/README.md names %s %d times", name, n)
		}
	}
}

// TestAnchorsAreUnique: a second anchor of the same name cannot be reached, or
// changes when the first one goes.
func TestAnchorsAreUnique(t *testing.T) {
	for _, page := range []string{"docs/exchange.md", "docs/design.md", "docs/clients.md"} {
		anchors := anchorsOf(passagesOf(t, page)[0].text)
		slices.Sort(anchors)
		for i, anchor := range anchors {
			if i > 0 && anchor == anchors[i-1] {
				t.Errorf("%s has two anchors %s", page, anchor)
			}
			if first, ok := strings.CutSuffix(anchor, "-1"); ok && slices.Contains(anchors, first) {
				t.Errorf("%s has two headings %s", page, first)
			}
		}
	}
}
