package users

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"exgate/backend"
)

// Put adds a caller to the users file at path, or replaces the line of the
// caller with this name. proof is a password hash, or "sha256:" followed by the
// fingerprint of a client certificate. Put creates the file if it does not exist
// and leaves its other lines unchanged. It returns an error if an argument is
// invalid, or if the file cannot be read or written.
func Put(path, name, proof string, mailboxes []string) error {
	fields := append([]string{name, proof}, mailboxes...)
	if _, err := parseCaller(fields); err != nil {
		return err
	}
	return replaceLine(path, name, strings.Join(fields, " "))
}

// Remove deletes the caller's line from the users file at path. It returns an
// error if the file has no such caller, or cannot be read or written.
func Remove(path, name string) error { return replaceLine(path, name, "") }

// replaceLine replaces the caller's line in the file at path. An empty line
// deletes it. Names are compared without regard to case.
func replaceLine(path, name, line string) error {
	data, err := os.ReadFile(path)
	if err != nil && (line == "" || !errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("read the users file: %w", err)
	}
	var out strings.Builder
	found := false
	for old := range strings.Lines(string(data)) {
		if fields := strings.Fields(old); len(fields) == 0 || !strings.EqualFold(fields[0], name) {
			out.WriteString(strings.TrimRight(old, "\r\n") + "\n")
			continue
		}
		if !found && line != "" {
			out.WriteString(line + "\n")
		}
		found = true
	}
	switch {
	case !found && line == "":
		return fmt.Errorf("users file %s has no caller %s", path, name)
	case !found:
		out.WriteString(line + "\n")
	}
	if err := backend.WritePrivate(path, []byte(out.String())); err != nil {
		return fmt.Errorf("write the users file: %w", err)
	}
	return nil
}

// Describe writes a table of the callers to w: name, kind of proof and
// mailboxes. It shows the fingerprint of a certificate, but never a password
// hash. It returns an error if the users file cannot be used, or w fails.
func (u *File) Describe(w io.Writer) error {
	callers, err := u.current()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(callers.byName)) {
		entry := callers.byName[name]
		proof := "password"
		if entry.cert != "" {
			proof = "certificate " + entry.cert
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", entry.name, proof, strings.Join(entry.mailboxes, " "))
	}
	return table.Flush()
}
