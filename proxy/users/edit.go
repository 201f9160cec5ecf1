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

// Put adds a user to the file at path, or replaces his line. proof is a
// hash, or sha256: and the fingerprint of a certificate. The file is made if
// there is none; its other lines stay as they are.
func Put(path, name, proof string, mailboxes []string) error {
	fields := append([]string{name, proof}, mailboxes...)
	if _, err := parseUser(fields); err != nil {
		return err
	}
	return editUsers(path, name, strings.Join(fields, " "))
}

// Remove takes a user's line out of the file at path.
func Remove(path, name string) error { return editUsers(path, name, "") }

// editUsers replaces the line of a name by another; "" removes it.
func editUsers(path, name, line string) error {
	data, err := os.ReadFile(path)
	if err != nil && (line == "" || !errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("users file: %w", err)
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
		return fmt.Errorf("users file %s: there is no %s", path, name)
	case !found:
		out.WriteString(line + "\n")
	}
	if err := backend.WritePrivate(path, []byte(out.String())); err != nil {
		return fmt.Errorf("users file: %w", err)
	}
	return nil
}

// Describe writes who may open what, and nothing of what proves them.
func (u *File) Describe(w io.Writer) error {
	users, err := u.current()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(users.byName)) {
		entry := users.byName[name]
		proof := "password"
		if entry.cert != "" {
			proof = "certificate " + entry.cert
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", entry.name, proof, strings.Join(entry.mailboxes, " "))
	}
	return table.Flush()
}
