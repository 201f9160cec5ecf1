package docs

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/rewrite"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFixesAreDocumented holds docs/fixes.md to the fixes that there are: each has
// one row of a table that begins with its name.
func TestFixesAreDocumented(t *testing.T) {
	page := readPage(t, "fixes.md")
	for _, name := range slices.Concat(rewrite.FixNames(), backend.ReplyFixes(), []string{string(backend.FixSubstitute)}) {
		row := regexp.MustCompile("(?m)^\\|[^|\n]*`" + regexp.QuoteMeta(name) + "`")
		if !row.MatchString(page) {
			t.Errorf("docs/fixes.md has no row for %s", name)
		}
	}
}

// TestPackagesAreDocumented holds the table of docs/hacking.md to the packages of
// the module.
func TestPackagesAreDocumented(t *testing.T) {
	page := readPage(t, "hacking.md")
	files, _ := moduleFiles(t)
	var packages []string
	for _, file := range files {
		dir := path.Dir(file)
		if path.Ext(file) == ".go" && !strings.Contains(file, "testdata/") && !slices.Contains(packages, dir) {
			packages = append(packages, dir)
		}
	}
	if len(packages) < 20 {
		t.Fatalf("only %d packages found", len(packages))
	}
	for _, dir := range packages {
		if strings.Count(page, "\n| `"+dir+"` |") != 1 {
			t.Errorf("docs/hacking.md has not one row for the package %s", dir)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|").FindAllStringSubmatch(page, -1) {
		if dir := row[1]; !slices.Contains(packages, dir) {
			t.Errorf("docs/hacking.md has a row for %s, which is no package", dir)
		}
	}
}

// TestNamedTestsExist holds the lists of docs/hacking.md to the tests that they
// name, and the table of bounds to the files and constants that it names.
func TestNamedTestsExist(t *testing.T) {
	page := readPage(t, "hacking.md")
	files, _ := moduleFiles(t)
	var code strings.Builder
	for _, file := range files {
		if path.Ext(file) == ".go" && file != "docs/hacking_test.go" {
			code.WriteString(readPage(t, path.Join(root, file)))
		}
	}
	code.WriteString(readPage(t, "hacking_test.go"))
	named := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(page, -1)
	if len(named) == 0 {
		t.Error("docs/hacking.md names no test")
	}
	for _, m := range named {
		if !strings.Contains(code.String(), "func "+m[1]+"(") {
			t.Errorf("docs/hacking.md names %s, which is no test", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`((?:max|gather|kept)[A-Z][A-Za-z]*)`").FindAllStringSubmatch(page, -1) {
		if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(code.String()) {
			t.Errorf("docs/hacking.md names the bound %s, which the code does not have", m[1])
		}
	}
}
