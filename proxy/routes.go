package proxy

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

// Routes is the map file: which user is on which upstream. An administrator
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
type Routes struct {
	path      string
	upstreams []string

	mu   sync.Mutex
	seen watchfile.Watch
	rows []routeRow
}

// routeRow is one line.
type routeRow struct {
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

// LoadRoutes reads the map file at path, for upstreams of these names besides
// the first.
func LoadRoutes(path string, upstreams []string) (*Routes, error) {
	r := &Routes{path: path, upstreams: upstreams}
	r.seen.Changed(watchfile.StateOf(path))
	var err error
	r.rows, err = r.read()
	return r, err
}

// reload reads the file if it has changed, and tells whether it had.
func (r *Routes) reload() (changed bool, err error) {
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

func (r *Routes) read() ([]routeRow, error) {
	data, err := os.ReadFile(r.path)
	if err != nil {
		return nil, fmt.Errorf("routes_file: %w", err)
	}
	var rows []routeRow
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

func (r *Routes) parse(fields []string) (routeRow, error) {
	if len(fields) < 2 {
		return routeRow{}, errors.New("a line is: mailbox, upstream, and if need be mailbox=NAME form=FORM prefix=PREFIX")
	}
	row := routeRow{user: fields[0]}
	if fields[1] != defaultUpstream {
		row.upstream = fields[1]
		if !slices.Contains(r.upstreams, row.upstream) {
			return routeRow{}, fmt.Errorf("there is no upstream %q: use %s or one of %q", row.upstream, defaultUpstream, r.upstreams)
		}
	}
	for _, field := range fields[2:] {
		switch key, value, _ := strings.Cut(field, "="); {
		case key == "mailbox" && value != "":
			row.mailbox = value
		case key == "form" && slices.Contains(backend.Forms, backend.Form(value)):
			row.form = backend.Form(value)
		case key == "form":
			return routeRow{}, fmt.Errorf("form %q is none of %q", value, backend.Forms)
		case key == "prefix" && value != "":
			row.prefix = value
			if err := (folders.Options{Prefix: value}).Validate(); err != nil {
				return routeRow{}, err
			}
		default:
			return routeRow{}, fmt.Errorf("%q is neither mailbox=NAME nor form=FORM nor prefix=PREFIX; none of them has a blank in it", field)
		}
	}
	return row, nil
}

// find returns the first row for a mailbox.
func (r *Routes) find(mailbox string) (routeRow, bool) {
	if r == nil {
		return routeRow{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.rows, func(row routeRow) bool { return matchesFold(row.user, mailbox) })
	if i < 0 {
		return routeRow{}, false
	}
	return r.rows[i], true
}

// routed is where a claim goes, and what it means there.
type routed struct {
	to     *target
	asked  backend.Identity // what the client said
	id     backend.Identity // what is presented upstream
	prefix string           // routeRow.prefix
}

// route decides which upstream a claim goes to, and what it means there: by
// the map file, else by the upstreams' patterns, else the first. A claim is
// read by the domains of the upstream that it may be for.
func (s *settings) route(claim backend.Claim) (routed, error) {
	asked, err := s.targets[0].Backend.Login.Resolve(claim)
	if err != nil {
		return routed{}, err
	}
	if row, ok := s.opts.Routes.find(asked.User); ok {
		to := s.target(row.upstream)
		asked, err = to.Backend.Login.Resolve(claim)
		return routed{to, asked, row.apply(asked), row.prefix}, err
	}
	for _, t := range s.targets[1:] {
		if id, err := t.Backend.Login.Resolve(claim); err == nil && t.matches(id) {
			return routed{t, id, id, ""}, nil
		}
	}
	return routed{s.targets[0], asked, asked, ""}, nil
}

// names are the settings for names of mailboxes with the user's own prefix.
func (r routed) names(o folders.Options) folders.Options {
	if r.prefix == "" {
		return o
	}
	o.Prefix, o.Users = r.prefix, nil
	if r.prefix == noPrefix {
		o.Prefix = ""
	}
	return o
}

// Destination is where a login goes.
type Destination struct {
	Upstream string           // its name; "" is the first
	Identity backend.Identity // as it is presented there, unless the gateway holds what opens the mailbox
	Names    func(folders.Options) folders.Options
}

// Locate tells where a client's login would go, without making it. Of the
// options it uses those of the upstreams and Routes.
func Locate(opts Options, claim backend.Claim) (Destination, error) {
	targets, err := newTargets(opts)
	if err != nil {
		return Destination{}, err
	}
	r, err := (&settings{opts: opts, targets: targets}).route(claim)
	if err != nil {
		return Destination{}, err
	}
	return Destination{r.to.Name, r.id, r.names}, nil
}

// holdsFor tells whether the gateway would open the mailbox with what it holds.
func (s *settings) holdsFor(claim backend.Claim) bool {
	r, err := s.route(claim)
	return err == nil && r.to.backend.Holds()
}

func (s *settings) target(name string) *target {
	for _, t := range s.targets {
		if t.Name == name {
			return t
		}
	}
	return s.targets[0]
}

// apply puts in what the mailbox is called on its upstream.
func (row routeRow) apply(id backend.Identity) backend.Identity {
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
