// Package users reads and writes the users file (users_file). The file lists the
// callers: the accounts allowed to use the gateway's credentials, the proof that
// each of them gives at login, and the mailboxes that each of them may open.
// Package proxy checks logins against it; exgate user edits it.
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

// File is a users file. Each line has a caller's name, a proof and one or more
// mailboxes, separated by blanks:
//
//	migration      $argon2id$v=19$m=19456,t=2,p=1$…   *@example.com
//	bob@example.com  $2y$12$…                         bob@example.com shared@example.com
//	scanner        sha256:9f86d081884c7d65…           scans@example.com
//
// The proof is the hash of a password (argon2id or bcrypt), or the SHA-256
// fingerprint of a client certificate. A mailbox has the name
// that is sent to Exchange. "*@domain" stands for all mailboxes of a domain, "*" for all
// mailboxes.
// Where the user map gives the caller a prefix, "backup@example.com/bob" is the part
// of that mailbox below the prefix bob. Empty lines and lines that begin with # are
// ignored.
//
// Each method reads the file again if it has changed. While the file has an invalid
// line, the callers are the previous ones. While the file is missing, or others can
// read it, no caller can log in. A File is safe for use by several goroutines.
type File struct {
	path    string
	hashing chan struct{}                    // holds an element for each hash that is being computed
	matches func(hash, password string) bool // matchesHash

	mu      sync.Mutex
	isRead  bool // the file has been read at least once
	seen    watchfile.State
	callers callerList // in force
	problem error      // what is wrong with the current file; nil: nothing
}

// callerList is the content of the file.
type callerList struct {
	byName map[string]caller // by name in lower case
	// kinds has one hash of each kind and cost in the file. A failed login computes one
	// hash of each, whatever its name.
	kinds []string
	locks bool // no caller can log in
}

// caller is one line of the file.
type caller struct {
	name      string
	hash      string // of the password; "" with a certificate
	cert      string // SHA-256 of the certificate in lower-case hexadecimal; "" with a password
	mailboxes []string
}

// errWrong is the answer to an unknown name and to a wrong proof. So the answer does not
// reveal which callers exist. Both cases take the same work.
var errWrong = errors.New("wrong name or password")

// ErrUnusable is the answer to clients while no caller can log in. File.Problem has the
// reason.
var ErrUnusable = errors.New("exgate does not know now who may open what: try again later, or tell the administrator")

// Load reads the users file at path. It returns an error if the file cannot be
// read, is readable by other users of the system, or has an invalid line.
func Load(path string) (*File, error) {
	u := &File{path: path, hashing: make(chan struct{}, runtime.GOMAXPROCS(0)), matches: matchesHash}
	return u, u.Problem()
}

// Problem returns the error in the current file, with its path and the line; nil if there is
// none. The error is for the log.
func (u *File) Problem() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.update()
	return u.problem
}

// current returns the callers in force, or ErrUnusable.
func (u *File) current() (callerList, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.update()
	if u.callers.locks {
		return callerList{}, ErrUnusable
	}
	return u.callers, nil
}

// update reads the file if it has changed. u.mu is held.
func (u *File) update() {
	now := watchfile.StateOf(u.path)
	if u.isRead && now.Equal(u.seen) {
		return
	}
	var data []byte
	if u.problem = backend.CheckPrivate(u.path); u.problem == nil {
		data, u.problem = os.ReadFile(u.path)
	}
	if u.problem != nil {
		u.callers.locks, u.problem = true, fmt.Errorf("users_file: %w", u.problem)
	} else if callers, err := parseCallers(u.path, data); err == nil {
		u.callers = callers
	} else {
		u.problem = err
		u.callers.locks = !u.isRead // without earlier callers, no caller can log in
	}
	u.seen, u.isRead = now, true
}

// parseCallers reads the lines of the file.
func parseCallers(path string, data []byte) (callerList, error) {
	byName, kinds := make(map[string]caller), make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		entry, err := parseCaller(fields)
		if err != nil {
			return callerList{}, fmt.Errorf("users_file: %s, line %d: %w", path, n, err)
		}
		key := strings.ToLower(entry.name)
		if _, isRepeated := byName[key]; isRepeated {
			return callerList{}, fmt.Errorf("users_file: %s, line %d: caller %s has a line already: remove one of them",
				path, n, entry.name)
		}
		byName[key] = entry
		if entry.hash != "" {
			kinds[kindOf(entry.hash)] = entry.hash
		}
	}
	if err := lines.Err(); err != nil {
		return callerList{}, fmt.Errorf("users_file: %s: %w", path, err)
	}
	return callerList{byName: byName, kinds: slices.Collect(maps.Values(kinds))}, nil
}

// parseCaller reads the fields of a line. Its errors do not repeat the proof.
func parseCaller(fields []string) (caller, error) {
	entry := caller{name: fields[0]}
	if err := backend.CheckTarget(entry.name); err != nil {
		return caller{}, fmt.Errorf("name of the caller: %w", err)
	}
	if len(fields) < 3 {
		return caller{}, errors.New("a line needs a name, a hash or sha256:FINGERPRINT, and at least one mailbox")
	}
	if fingerprint, isCert := strings.CutPrefix(fields[1], certPrefix); isCert {
		if entry.cert = normalFingerprint(fingerprint); !isFingerprint(entry.cert) {
			return caller{}, errors.New("sha256: must be followed by 64 hexadecimal digits, colons allowed")
		}
	} else if err := checkHash(fields[1]); err != nil {
		return caller{}, err
	} else {
		entry.hash = fields[1]
	}
	for _, mailbox := range fields[2:] {
		mailbox, below, isPart := strings.Cut(mailbox, "/")
		if isPart && len(folders.Levels(below)) == 0 {
			return caller{}, fmt.Errorf("mailbox %s/%s: no prefix follows the slash", mailbox, below)
		}
		domain, isDomain := strings.CutPrefix(mailbox, "*@")
		if isDomain {
			mailbox = "x@" + domain
		}
		if err := backend.CheckTarget(mailbox); err != nil && mailbox != "*" {
			return caller{}, err
		}
	}
	entry.mailboxes = fields[2:]
	return entry, nil
}

// certPrefix marks a proof as the fingerprint of a certificate.
const certPrefix = "sha256:"

// normalFingerprint returns the fingerprint in lower case, without its colons.
func normalFingerprint(s string) string { return strings.ToLower(strings.ReplaceAll(s, ":", "")) }

// isFingerprint reports whether s is a normal fingerprint: 64 lower-case
// hexadecimal digits.
func isFingerprint(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// Prove checks the proof of the caller with this name. cert is the SHA-256
// fingerprint of the client's certificate in lower-case hexadecimal, "" if the
// connection has none. Prove ignores the password if the users file names a
// certificate for the caller. It returns nil if the proof is right, the cause of
// ctx if ctx ends while Prove waits, and an error if the users file cannot be
// used.
func (u *File) Prove(ctx context.Context, name string, password backend.Secret, cert string) error {
	callers, err := u.current()
	if err != nil {
		return err
	}
	entry := callers.byName[strings.ToLower(name)]
	if entry.cert != "" && entry.cert == cert {
		return nil
	}
	select { // a hash is costly by design: compute one for each processor at a time
	case u.hashing <- struct{}{}:
		defer func() { <-u.hashing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if entry.hash != "" && u.matches(entry.hash, password.Reveal()) {
		return nil
	}
	for _, hash := range callers.kinds { // do the same work as for any other name
		if entry.hash == "" || kindOf(hash) != kindOf(entry.hash) {
			u.matches(hash, password.Reveal())
		}
	}
	return errWrong
}

// May returns nil if the caller with this name may open the mailbox. mailbox is the name
// that is sent to Exchange. below is the prefix that the session cannot leave; "" if the
// session gets the whole mailbox. Otherwise the error says why the caller may not open it.
func (u *File) May(name, mailbox, below string) error {
	callers, err := u.current()
	if err != nil {
		return err
	}
	if err := backend.CheckTarget(mailbox); err != nil {
		return err
	}
	if !callers.byName[strings.ToLower(name)].mayOpen(mailbox, below) {
		if below != "" {
			mailbox += "/" + levels(below)
		}
		return fmt.Errorf("%s may not open the mailbox %s: users_file does not list it for this caller", name, mailbox)
	}
	return nil
}

// mayOpen reports whether the caller's line lists the mailbox, the part of it below
// the prefix, or a pattern that matches one of them.
func (c caller) mayOpen(mailbox, below string) bool {
	_, domain, _ := strings.Cut(mailbox, "@")
	return slices.ContainsFunc(c.mailboxes, func(allowed string) bool {
		allowed, part, isPart := strings.Cut(allowed, "/")
		if isPart && !strings.EqualFold(levels(part), levels(below)) {
			return false
		}
		return allowed == "*" || strings.EqualFold(allowed, mailbox) ||
			domain != "" && strings.EqualFold(allowed, "*@"+domain)
	})
}

// levels returns a prefix with slashes between its levels and without empty levels, so that
// mayOpen can compare it.
func levels(prefix string) string { return strings.Join(folders.Levels(prefix), "/") }

// Named returns the name of the caller whose client certificate has the
// fingerprint cert, in lower-case hexadecimal. ok is false if no caller has it,
// or if the users file cannot be used.
func (u *File) Named(cert string) (name string, ok bool) {
	callers, err := u.current()
	if err != nil || cert == "" {
		return "", false
	}
	for _, entry := range callers.byName {
		if entry.cert == cert {
			return entry.name, true
		}
	}
	return "", false
}

// HasCertificates reports whether the users file names a certificate for any
// caller. It returns false if the file cannot be used.
func (u *File) HasCertificates() bool {
	callers, err := u.current()
	if err != nil {
		return false
	}
	for _, entry := range callers.byName {
		if entry.cert != "" {
			return true
		}
	}
	return false
}

// State returns the current state of the users file. Its change shows a change of the file.
// The state of a nil File is the zero value.
func (u *File) State() watchfile.State {
	if u == nil {
		return watchfile.State{}
	}
	return watchfile.StateOf(u.path)
}
