package proxy

import (
	"os"
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
