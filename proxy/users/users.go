// Package users reads and writes the users file, which says who may open which
// mailboxes with the credentials that the gateway holds.
package users

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/proxy/watchfile"
)

// File is the file that says who may open which mailboxes with what the
// gateway holds. A line of it has a caller's name, what proves him, and his
// mailboxes, separated by blanks:
//
//	migration      $argon2id$v=19$m=19456,t=2,p=1$…   *@example.com
//	bob@example.com  $2y$12$…                         bob@example.com shared@example.com
//	scanner        sha256:9f86d081884c7d65…           scans@example.com
//
// The proof is a password's hash (argon2id or bcrypt), or the SHA-256 of a
// client certificate. A mailbox is written as it goes to Exchange; "*@domain"
// stands for all of a domain, "*" for all. Where the map file gives the caller a
// prefix, "backup@example.com/bob" is what lies below the prefix bob in that
// mailbox, and nothing else of it. Empty lines and those that begin with # say
// nothing.
//
// The file is read again when it has changed. While it has a mistake, the users
// are those of before. While it is missing, or others can read it, nobody gets in.
type File struct {
	path    string
	slots   chan struct{}                    // hashes being computed
	matches func(hash, password string) bool // matchesHash

	mu    sync.Mutex
	read  bool
	seen  watchfile.State
	users userList // in force
	fault error    // what is wrong with the file as it is now; nil: nothing
}

// userList is what the file says.
type userList struct {
	byName map[string]user // by name in lower case
	// kinds has a hash of each kind and cost that is in the file. A login that
	// fails has cost one of each, whoever it was for.
	kinds []string
	locks bool // nobody gets in
}

// user is one line.
type user struct {
	name      string
	hash      string // of the password; "" with a certificate
	cert      string // SHA-256 of the certificate, in hexadecimal; "" with a password
	mailboxes []string
}

// errWrong is the same for an unknown name and a wrong password, as is the work that
// it takes.
var errWrong = errors.New("wrong name or password")

// ErrUnusable is what clients are told while nobody gets in; File.Fault says why.
var ErrUnusable = errors.New("exgate does not know now who may open what: try again later, or tell the administrator")

// Load reads the file at path. It must not be readable by others.
func Load(path string) (*File, error) {
	u := &File{path: path, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), matches: matchesHash}
	return u, u.Fault()
}

// Fault returns what is wrong with the file as it is now, with its path and the
// line; nil if nothing is. It is for the log.
func (u *File) Fault() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.update()
	return u.fault
}

// current returns the users in force, or ErrUnusable.
func (u *File) current() (userList, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.update()
	if u.users.locks {
		return userList{}, ErrUnusable
	}
	return u.users, nil
}

// update reads the file if it has changed. u.mu is held.
func (u *File) update() {
	now := watchfile.StateOf(u.path)
	if u.read && now.Equal(u.seen) {
		return
	}
	var data []byte
	if u.fault = backend.CheckPrivate(u.path); u.fault == nil {
		data, u.fault = os.ReadFile(u.path)
	}
	if u.fault != nil {
		u.users.locks, u.fault = true, fmt.Errorf("users_file: %w", u.fault)
	} else if users, err := parseUsers(u.path, data); err == nil {
		u.users = users
	} else {
		u.fault = err
		u.users.locks = !u.read // there are none of before
	}
	u.seen, u.read = now, true
}

func parseUsers(path string, data []byte) (userList, error) {
	byName, kinds := make(map[string]user), make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		entry, err := parseUser(fields)
		if err != nil {
			return userList{}, fmt.Errorf("users_file: %s, line %d: %w", path, n, err)
		}
		key := strings.ToLower(entry.name)
		if _, twice := byName[key]; twice {
			return userList{}, fmt.Errorf("users_file: %s, line %d: %s is there twice", path, n, entry.name)
		}
		byName[key] = entry
		if entry.hash != "" {
			kinds[kindOf(entry.hash)] = entry.hash
		}
	}
	if err := lines.Err(); err != nil {
		return userList{}, fmt.Errorf("users_file: %s: %w", path, err)
	}
	return userList{byName: byName, kinds: slices.Collect(maps.Values(kinds))}, nil
}

// parseUser reads the fields of a line. What proves the user is not repeated
// in an error.
func parseUser(fields []string) (user, error) {
	entry := user{name: fields[0]}
	if err := backend.CheckTarget(entry.name); err != nil {
		return user{}, fmt.Errorf("name of the user: %w", err)
	}
	if len(fields) < 3 {
		return user{}, errors.New("a line is: name, hash or sha256:FINGERPRINT, mailboxes")
	}
	if fingerprint, isCert := strings.CutPrefix(fields[1], certPrefix); isCert {
		if entry.cert = normalFingerprint(fingerprint); len(entry.cert) != 64 || strings.Trim(entry.cert, "0123456789abcdef") != "" {
			return user{}, errors.New("after sha256: stand 64 hexadecimal digits, colons allowed")
		}
	} else if err := checkHash(fields[1]); err != nil {
		return user{}, err
	} else {
		entry.hash = fields[1]
	}
	for _, mailbox := range fields[2:] {
		mailbox, below, isPart := strings.Cut(mailbox, "/")
		if isPart && len(folders.Levels(below)) == 0 {
			return user{}, fmt.Errorf("mailbox %s/%s: no prefix follows the slash", mailbox, below)
		}
		domain, isDomain := strings.CutPrefix(mailbox, "*@")
		if isDomain {
			mailbox = "x@" + domain
		}
		if err := backend.CheckTarget(mailbox); err != nil && mailbox != "*" {
			return user{}, err
		}
	}
	entry.mailboxes = fields[2:]
	return entry, nil
}

const certPrefix = "sha256:"

func normalFingerprint(s string) string { return strings.ToLower(strings.ReplaceAll(s, ":", "")) }

// Prove tells whether a caller is who he says: by his password, or by the
// certificate of his connection ("" if it has none).
func (u *File) Prove(ctx context.Context, name string, password backend.Secret, cert string) error {
	users, err := u.current()
	if err != nil {
		return err
	}
	entry := users.byName[strings.ToLower(name)]
	if entry.cert != "" && entry.cert == cert {
		return nil
	}
	select { // hashes are costly by design: a few at a time
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if entry.hash != "" && u.matches(entry.hash, password.Reveal()) {
		return nil
	}
	for _, hash := range users.kinds { // as much work as for any other name
		if entry.hash == "" || kindOf(hash) != kindOf(entry.hash) {
			u.matches(hash, password.Reveal())
		}
	}
	return errWrong
}

// May returns nil if a caller may open a mailbox, named as it goes to Exchange. below
// is the prefix out of which the session cannot get; "" if it gets all.
func (u *File) May(name, mailbox, below string) error {
	users, err := u.current()
	if err != nil {
		return err
	}
	if err := backend.CheckTarget(mailbox); err != nil {
		return err
	}
	entry := users.byName[strings.ToLower(name)]
	_, domain, _ := strings.Cut(mailbox, "@")
	if !slices.ContainsFunc(entry.mailboxes, func(allowed string) bool {
		allowed, part, isPart := strings.Cut(allowed, "/")
		if isPart && !strings.EqualFold(levels(part), levels(below)) {
			return false
		}
		return allowed == "*" || strings.EqualFold(allowed, mailbox) || domain != "" && strings.EqualFold(allowed, "*@"+domain)
	}) {
		if below != "" {
			mailbox += "/" + levels(below)
		}
		return fmt.Errorf("%s may not open the mailbox %s: the users file does not say so", name, mailbox)
	}
	return nil
}

// levels returns a prefix in one spelling.
func levels(prefix string) string { return strings.Join(folders.Levels(prefix), "/") }

// Named returns the caller whose client certificate has that fingerprint.
func (u *File) Named(cert string) (name string, ok bool) {
	users, err := u.current()
	if err != nil || cert == "" {
		return "", false
	}
	for _, entry := range users.byName {
		if entry.cert == cert {
			return entry.name, true
		}
	}
	return "", false
}

// HasCertificates tells whether any caller is known by a certificate.
func (u *File) HasCertificates() bool {
	users, err := u.current()
	if err != nil {
		return false
	}
	for _, entry := range users.byName {
		if entry.cert != "" {
			return true
		}
	}
	return false
}

// State tells the users file from what it was. A File may be nil.
func (u *File) State() watchfile.State {
	if u == nil {
		return watchfile.State{}
	}
	return watchfile.StateOf(u.path)
}
