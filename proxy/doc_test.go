package proxy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The lists of doc.go name a function and its file in each line. Here each function is looked up in that file.
func TestMapOfTheCodeNamesFunctionsWhereTheyAre(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	hop := regexp.MustCompile(`(?m)^//\t(?:(\w+)\.)?(\w+) +([\w/]+\.go)\b`)
	hops := hop.FindAllStringSubmatch(string(doc), -1)
	if len(hops) < 60 {
		t.Fatalf("doc.go has %d lines with a function and a file, expected 60 or more", len(hops))
	}
	for _, m := range hops {
		receiver, name, file := m[1], m[2], m[3]
		source, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
			continue
		}
		declaration := `func ` + name + `\(`
		if receiver != "" {
			declaration = `func \((\w+ )?\*?` + receiver + `\) ` + name + `\(`
		}
		if !regexp.MustCompile(declaration).Match(source) {
			t.Errorf("%s is not in %s", strings.TrimPrefix(receiver+"."+name, "."), file)
		}
	}
}

// Each package below proxy has a line in doc.go.
func TestMapOfTheCodeNamesAllPackages(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" && !strings.Contains(string(doc), "\n//\t"+e.Name()+" ") {
			t.Errorf("doc.go has no line for package %s", e.Name())
		}
	}
}

// Only methods of link lock link.mu. A method names its receiver l.
func TestLinkLocksItself(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	locks := regexp.MustCompile(`(\w+)\.mu\.(?:Lock|TryLock)\(\)`)
	function := regexp.MustCompile(`(?m)^func .*$`)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range locks.FindAllSubmatchIndex(source, -1) {
			heads := function.FindAll(source[:at[0]], -1)
			in := string(heads[len(heads)-1])
			switch string(source[at[2]:at[3]]) {
			case "link":
				t.Errorf("%s: %s locks a link from outside", file, in)
			case "l":
				if found++; !strings.HasPrefix(in, "func (l *link) ") {
					t.Errorf("%s: %s locks what is called l, and is no method of link", file, in)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("%d places lock link.mu, expected 40 or more: has its receiver another name now?", found)
	}
}
