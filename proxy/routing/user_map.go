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

// UserMap is the map file: which user is on which upstream. An administrator
// who moves users one by one changes it line by line:
//
//	bob@example.com        online
//	carol@example.com      online   mailbox=carol.b@example.com form=user@upn
//	dave@example.com       online   mailbox=backup@example.com prefix=dave
//	*@old.example.com      default
//
// A line has the mailbox as clients name it (* stands for anything), the name
// of the upstream ("default" is the first), and, if it is called otherwise
// there, has to be logged in to in one form, or has his mailboxes below one of
// another's, mailbox=, form= and prefix=. The first line that fits decides; for
// a user who is in none, the patterns of the upstreams do.
//
// The file is read again when it has changed. While it cannot be read, it is
// as it was.
type UserMap struct {
	path      string
	upstreams []string

	mu   sync.Mutex
	seen watchfile.Watch
	rows []mapRow
}

// mapRow is one line.
type mapRow struct {
	user     string // pattern
	upstream string // "" is the first
	mailbox  string // "": as the client named it
	form     backend.Form
	prefix   string // of names of mailboxes; "": that of the settings; noPrefix: none
}

// noPrefix is the word for a user who has none where others have.
const noPrefix = "off"

// defaultUpstream is what the map file calls the first upstream.
const defaultUpstream = "default"

// LoadUserMap reads the map file at path, for upstreams of these names besides
// the first.
func LoadUserMap(path string, upstreams []string) (*UserMap, error) {
	r := &UserMap{path: path, upstreams: upstreams}
	r.seen.Changed(watchfile.StateOf(path))
	var err error
	r.rows, err = r.read()
	return r, err
}

// Reload reads the file if it has changed, and tells whether it had.
func (r *UserMap) Reload() (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen.Changed(watchfile.StateOf(r.path)) {
		return false, nil
	}
	rows, err := r.read()
	if err != nil {
		return false, err
	}
	r.rows = rows
	return true, nil
}

func (r *UserMap) read() ([]mapRow, error) {
	data, err := os.ReadFile(r.path)
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
		row, err := r.parse(fields)
		if err != nil {
			return nil, fmt.Errorf("routes_file: %s, line %d: %w", r.path, n, err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("routes_file: %s: %w", r.path, err)
	}
	return rows, nil
}

func (r *UserMap) parse(fields []string) (mapRow, error) {
	if len(fields) < 2 {
		return mapRow{}, errors.New("a line is: mailbox, upstream, and if need be mailbox=NAME form=FORM prefix=PREFIX")
	}
	row := mapRow{user: fields[0]}
	if fields[1] != defaultUpstream {
		row.upstream = fields[1]
		if !slices.Contains(r.upstreams, row.upstream) {
			return mapRow{}, fmt.Errorf("there is no upstream %q: use %s or one of %q", row.upstream, defaultUpstream, r.upstreams)
		}
	}
	for _, field := range fields[2:] {
		switch key, value, _ := strings.Cut(field, "="); {
		case key == "mailbox" && value != "":
			row.mailbox = value
		case key == "form" && slices.Contains(backend.Forms, backend.Form(value)):
			row.form = backend.Form(value)
		case key == "form":
			return mapRow{}, fmt.Errorf("form %q is none of %q", value, backend.Forms)
		case key == "prefix" && value != "":
			row.prefix = value
			if err := (folders.Options{Prefix: value}).Validate(); err != nil {
				return mapRow{}, err
			}
			if strings.EqualFold(folders.Levels(value)[0], "INBOX") {
				return mapRow{}, fmt.Errorf("prefix=%s: below INBOX the INBOX itself would not be the user's own: name another mailbox", value)
			}
		default:
			return mapRow{}, fmt.Errorf("%q is neither mailbox=NAME nor form=FORM nor prefix=PREFIX; none of them has a blank in it", field)
		}
	}
	return row, nil
}

// find returns the first row for a mailbox.
func (r *UserMap) find(mailbox string) (mapRow, bool) {
	if r == nil {
		return mapRow{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.rows, func(row mapRow) bool { return matchesFold(row.user, mailbox) })
	if i < 0 {
		return mapRow{}, false
	}
	return r.rows[i], true
}

// apply puts in what the mailbox is called on its upstream.
func (row mapRow) apply(id backend.Identity) backend.Identity {
	id.Form = row.form
	if row.mailbox == "" {
		return id
	}
	if id.AsSent != "" {
		id.AsSent = row.mailbox
		if id.Admin != "" {
			id.AsSent = "" // it names another mailbox
		}
	}
	id.User = row.mailbox
	return id
}
