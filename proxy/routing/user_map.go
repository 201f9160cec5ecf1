package routing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/proxy/watchfile"
)

// UserMap is the content of routes_file: which user is on which upstream. An
// administrator who moves users one by one changes it line by line:
//
//	bob@example.com        online
//	carol@example.com      online   mailbox=carol.b@example.com form=user@upn
//	dave@example.com       online   mailbox=backup@example.com prefix=dave
//	*@old.example.com      default
//
// A line has the mailbox as clients name it, in which * stands for any
// characters, and the name of the upstream; "default" is the first upstream. Three
// options may follow: mailbox= is the name of the mailbox on this upstream, form=
// is the only form of login to try, and prefix= replaces names.prefix for this
// user ("off": no prefix).
// The first matching line decides. The patterns of the upstreams decide for a
// user without a line.
//
// Reload reads the file again. While the file cannot be read or has an invalid
// line, the previous lines stay in effect. A UserMap is safe for use by several
// goroutines.
type UserMap struct {
	path      string
	upstreams []string // names, without the first upstream

	mu      sync.Mutex
	changes watchfile.Watch
	rows    []mapRow
}

// mapRow is one line.
type mapRow struct {
	user     string // pattern
	upstream string // "": the first upstream
	mailbox  string // "": the name that the client gave
	form     backend.Form
	prefix   string // "": the configured prefix applies; noPrefix: no prefix
}

// noPrefix is the prefix= of a user without a prefix.
const noPrefix = "off"

// defaultUpstream is the name of the first upstream in the file.
const defaultUpstream = "default"

// LoadUserMap reads the routes_file at path. upstreams has the names of the
// upstreams after the first. LoadUserMap returns an error if the file cannot be
// read or has an invalid line.
func LoadUserMap(path string, upstreams []string) (*UserMap, error) {
	m := &UserMap{path: path, upstreams: upstreams}
	m.changes.HasChanged(watchfile.StateOf(path))
	var err error
	m.rows, err = m.read()
	return m, err
}

// Reload reads the file if it has changed since the last reading, and reports
// whether new lines are in effect. It accepts a change only when it sees the same
// state of the file in two calls. It returns an error if the changed file cannot
// be read or has an invalid line; the previous lines then stay in effect.
func (m *UserMap) Reload() (changed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.changes.HasChanged(watchfile.StateOf(m.path)) {
		return false, nil
	}
	rows, err := m.read()
	if err != nil {
		return false, err
	}
	m.rows = rows
	return true, nil
}

// read reads the lines of the file.
func (m *UserMap) read() ([]mapRow, error) {
	data, err := os.ReadFile(m.path)
	if err != nil {
		return nil, fmt.Errorf("routes_file: %w", err)
	}
	var rows []mapRow
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		row, err := m.parse(fields)
		if err != nil {
			return nil, fmt.Errorf("routes_file: %s, line %d: %w", m.path, n, err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("routes_file: %s: %w", m.path, err)
	}
	return rows, nil
}

// parse reads the fields of a line.
func (m *UserMap) parse(fields []string) (mapRow, error) {
	if len(fields) < 2 {
		return mapRow{}, errors.New("a line needs a mailbox and an upstream; " +
			"mailbox=NAME, form=FORM and prefix=PREFIX may follow")
	}
	row := mapRow{user: fields[0]}
	if fields[1] != defaultUpstream {
		row.upstream = fields[1]
		if !slices.Contains(m.upstreams, row.upstream) {
			return mapRow{}, fmt.Errorf("upstreams has no entry named %q: use %s or one of %q",
				row.upstream, defaultUpstream, m.upstreams)
		}
	}
	for _, field := range fields[2:] {
		switch key, value, _ := strings.Cut(field, "="); {
		case key == "mailbox" && value != "":
			row.mailbox = value
		case key == "form" && slices.Contains(backend.Forms, backend.Form(value)):
			row.form = backend.Form(value)
		case key == "form":
			return mapRow{}, fmt.Errorf("form=%s is unknown: use one of %q", value, backend.Forms)
		case key == "prefix" && value != "":
			row.prefix = value
			if err := (folders.Options{Prefix: value}).Validate(); err != nil {
				return mapRow{}, err
			}
			if strings.EqualFold(folders.Levels(value)[0], "INBOX") {
				return mapRow{}, fmt.Errorf("prefix=%s: below INBOX the INBOX itself would not be the user's own: "+
					"name another mailbox", value)
			}
		default:
			return mapRow{}, fmt.Errorf("%q is neither mailbox=NAME, form=FORM nor prefix=PREFIX; "+
				"their values must not contain blanks", field)
		}
	}
	return row, nil
}

// find returns the first row that matches the mailbox. A nil UserMap has no rows.
func (m *UserMap) find(mailbox string) (mapRow, bool) {
	if m == nil {
		return mapRow{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.rows, func(row mapRow) bool { return matchesFold(row.user, mailbox) })
	if i < 0 {
		return mapRow{}, false
	}
	return m.rows[i], true
}

// apply returns the identity with the form of the row, and with the name that the
// mailbox has on the row's upstream.
func (row mapRow) apply(id backend.Identity) backend.Identity {
	id.Form = row.form
	if row.mailbox == "" {
		return id
	}
	if id.AsSent != "" {
		id.AsSent = row.mailbox
		if id.Admin != "" {
			id.AsSent = "" // it contains the admin and the client's name for the mailbox
		}
	}
	id.User = row.mailbox
	return id
}
