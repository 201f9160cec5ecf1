package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// listedUser is a row of a list of users.
type listedUser struct {
	line                     int
	mailbox, admin, password string
}

// The columns of a list, by the names that a header line may give them. A list without a
// header line has the mailbox first, and then the password.
var listColumns = [][]string{
	{"mailbox", "user", "email", "login", "username", "user2"},
	{"password", "pass", "password2"},
	{"admin", "authuser", "authuser2"},
}

// maxUserList is the largest list of users, in bytes.
const maxUserList = 16 << 20

// readUsers reads a list of users: CSV with commas, semicolons or tabs, as spreadsheets
// write it, with or without a header line and a byte order mark.
func readUsers(file string) ([]listedUser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxUserList+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxUserList {
		return nil, fmt.Errorf("%s: the list has more than %d bytes", file, maxUserList)
	}
	users, err := parseUsers(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return users, nil
}

func parseUsers(data []byte) ([]listedUser, error) {
	r := newListReader(data)
	columns := listedColumns{0, 1, 2}
	seen := make(map[string]int)
	var users []listedUser
	for isFirst := true; ; isFirst = false {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			// The text of a csv.ParseError has no field of the list, so no password.
			return nil, err
		}
		if isFirst && findColumn(record, listColumns[0]) >= 0 { // the header line
			for i, names := range listColumns {
				columns[i] = findColumn(record, names)
			}
			continue
		}
		u := columns.user(record)
		u.line, _ = r.FieldPos(0)
		if u.mailbox == "" {
			if strings.TrimSpace(strings.Join(record, "")) == "" {
				continue
			}
			return nil, fmt.Errorf("line %d has no mailbox", u.line)
		}
		if before := seen[u.key()]; before > 0 {
			return nil, fmt.Errorf("line %d has the mailbox of line %d again", u.line, before)
		}
		seen[u.key()] = u.line
		users = append(users, u)
	}
	if len(users) == 0 {
		return nil, errors.New("the list has no mailboxes")
	}
	return users, nil
}

// newListReader returns a reader of the records of a list, in UTF-8 or in the code page of
// Windows, in which Excel saves CSV. The first line tells the separator.
func newListReader(data []byte) *csv.Reader {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		data, _ = charmap.Windows1252.NewDecoder().Bytes(data) // it maps each byte
	}
	r := csv.NewReader(bytes.NewReader(data))
	first, _, _ := bytes.Cut(data, []byte("\n"))
	for _, comma := range ";\t" {
		if bytes.ContainsRune(first, comma) && !bytes.ContainsRune(first, ',') {
			r.Comma = comma
		}
	}
	r.FieldsPerRecord = -1
	return r
}

// listedColumns has the places of the columns of listColumns in a record; -1: there is none.
type listedColumns [3]int

// user returns the mailbox of a record.
func (columns listedColumns) user(record []string) listedUser {
	field := func(column int) string {
		if i := columns[column]; i >= 0 && i < len(record) {
			return record[i]
		}
		return ""
	}
	return listedUser{
		mailbox: strings.TrimSpace(field(0)), admin: strings.TrimSpace(field(2)), password: field(1),
	}
}

// key identifies a mailbox as Exchange does, which takes upper and lower case for one.
func (u listedUser) key() string { return strings.ToLower(u.admin + "\x00" + u.mailbox) }

func findColumn(header, names []string) int {
	return slices.IndexFunc(header, func(cell string) bool {
		return slices.Contains(names, strings.ToLower(strings.TrimSpace(cell)))
	})
}
