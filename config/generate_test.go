package config

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"exgate/config/profile"
)

var update = flag.Bool("update", false, "write sample.yaml and docs/config.md instead of comparing them")

const docsFile = "../docs/config.md"

// TestGenerated holds the sample and the tables of docs/config.md to the
// structs.
func TestGenerated(t *testing.T) {
	comments := fieldComments(t)
	committed := readFile(t, docsFile)
	docs := replaceBetween(t, committed, "keys", keyTables(comments))
	docs = replaceBetween(t, docs, "profiles", profileTable())
	for file, want := range map[string]string{"sample.yaml": sample(comments), docsFile: docs} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got := readFile(t, file); got != want {
			t.Errorf("%s is not what the structs say: run go generate ./config", file)
		}
	}
}

// sample is sample.yaml: every key with its comment; keys with the tag
// "sample" are set, the others stand commented out.
func sample(comments map[string]string) string {
	var b strings.Builder
	b.WriteString("# A sample configuration of exgate. It works as soon as upstream.address is your server.\n" +
		"# A line that is commented out shows the default, or an example if there is no default.\n" +
		"# docs/config.md describes the same keys, and the environment variables.\n")
	walk(reflect.ValueOf(*Default()), "", func(name string, field reflect.StructField, value reflect.Value) {
		indent := strings.Repeat("  ", strings.Count(name, "."))
		b.WriteString("\n")
		for _, line := range wrap(comments[name], 86-len(indent)) {
			fmt.Fprintf(&b, "%s# %s\n", indent, line)
		}
		word := field.Tag.Get("key")
		if isSection(field) {
			fmt.Fprintf(&b, "%s%s:\n", indent, word)
		} else if set := field.Tag.Get("sample"); set != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, word, set)
		} else {
			fmt.Fprintf(&b, "%s# %s: %s\n", indent, word, example(field, value))
		}
	})
	return b.String()
}

// keyTables has one table for each section.
func keyTables(comments map[string]string) string {
	var b strings.Builder
	heading := func(title, text string) {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| key | default | meaning | example |\n| --- | --- | --- | --- |\n",
			title, strings.Join(wrap(text, 120), "\n"))
	}
	heading("Top level", "These keys belong to no section.")
	section := ""
	walk(reflect.ValueOf(*Default()), "", func(name string, field reflect.StructField, value reflect.Value) {
		if isSection(field) {
			return
		}
		if parent, _, ok := cutLast(name); ok && parent != section {
			section = parent
			heading(section, comments[section])
		}
		shown := text(value)
		if shown == "" {
			shown = "unset"
		}
		instance := field.Tag.Get("sample")
		if instance == "" {
			instance = example(field, value)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", name, shown, comments[name], instance)
	})
	return b.String()
}

func profileTable() string {
	var b strings.Builder
	b.WriteString("\n| profile | message limit, bytes | line limit, bytes | read-receipt | escalate | flagged | keywords | " +
		"messages/s | pipeline | connections of a login | login verified | admin forms, in order |\n" + strings.Repeat("| --- ", 12) + "|\n")
	for _, name := range profile.Names() {
		c := Default()
		c.Upstream.Profile = name
		e, p := c.Effective(), c.Profile(name)
		none := func(n any) string {
			if value := reflect.ValueOf(n); !value.IsZero() {
				return text(value)
			}
			return "none"
		}
		var forms []string
		for _, form := range p.Forms {
			forms = append(forms, "`"+string(form)+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s | %d | %s | %t | %s |\n", name, none(p.MessageLimit),
			none(p.Message.LineLimit), e.Fixes.ReadReceipt, e.Fixes.Escalate, e.Fixes.Flagged, keywords(e.Fixes.Keywords, p.MDNSent),
			none(p.Pace.Each.Messages), p.Pipeline, none(p.ConnectionsPerLogin), p.Verify, strings.Join(forms, ", "))
	}
	return b.String()
}

// fieldComments are the comments above the fields of Config, by key.
func fieldComments(t *testing.T) map[string]string {
	structs := map[string]*ast.StructType{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	comments := map[string]string{}
	var collect func(typ reflect.Type, prefix string)
	collect = func(typ reflect.Type, prefix string) {
		for i := range typ.NumField() {
			field := typ.Field(i)
			name := prefix + field.Tag.Get("key")
			doc := structs[typ.Name()].Fields.List[i].Doc.Text()
			if comments[name] = strings.Join(strings.Fields(doc), " "); doc == "" {
				t.Errorf("%s.%s has no comment", typ.Name(), field.Name)
			}
			if isSection(field) {
				collect(field.Type, name+".")
			}
		}
	}
	collect(reflect.TypeFor[Config](), "")
	return comments
}

// example is what stands in the sample for a key that is not set there.
func example(field reflect.StructField, value reflect.Value) string {
	if shown := field.Tag.Get("example"); shown != "" {
		return shown
	}
	return text(value)
}

// text writes a default as YAML does; "" is none.
func text(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case time.Duration:
		return strings.Replace(v.String(), "m0s", "m", 1)
	case slog.Level:
		return strings.ToLower(v.String())
	}
	if value.IsZero() && (value.Kind() == reflect.Pointer || value.Kind() == reflect.Slice) {
		return ""
	}
	if value.CanInt() {
		return grouped(value.Int())
	}
	return fmt.Sprint(value.Interface())
}

// grouped writes a number as YAML takes it too: 10_000_000.
func grouped(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return grouped(n/1000) + fmt.Sprintf("_%03d", n%1000)
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func cutLast(name string) (parent, word string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// replaceBetween puts text between the marks <!-- name --> and <!-- /name -->.
func replaceBetween(t *testing.T, page, name, text string) string {
	before, rest, ok := strings.Cut(page, "<!-- "+name+" -->")
	_, after, ok2 := strings.Cut(rest, "<!-- /"+name+" -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no marks <!-- %s --> and <!-- /%s -->", docsFile, name, name)
	}
	return before + "<!-- " + name + " -->\n" + text + "\n<!-- /" + name + " -->" + after
}

// readFile reads a text file as it is in the repository: git may check it out
// with CRLF.
func readFile(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
}

// keywords says which keywords are dropped.
func keywords(choice string, mdnSent bool) string {
	if mdnSent {
		return choice + ", `$MDNSent` too"
	}
	return choice
}
