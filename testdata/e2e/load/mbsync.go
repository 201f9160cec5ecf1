package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// syncer is one session of mbsync: it syncs a Maildir of ours, which changes
// between its runs, with a mailbox of its own.
//
// mbsync 1.4.4 never again sends a message whose APPEND was answered by NO
// (msg_copied in its sync.c gives the message up). So the syncer does as its user
// has to: it makes a new message of it, if NO says that nothing was stored. What
// was in flight when the connection ended, mbsync looks for and sends again.
type syncer struct {
	*run
	name           string
	user, password string
	dir            string
	want           map[string]string // flags by Message-ID
	unknown        map[string]bool   // by Message-ID: refused, and perhaps stored
	random         *rand.Rand
	made, runs     int
}

func newSyncer(r *run, i int) (*syncer, error) {
	s := &syncer{
		run: r, name: fmt.Sprintf("mbsync-%d", i), dir: filepath.Join(r.dir, fmt.Sprintf("mbsync-%d", i)),
		random: rand.New(rand.NewPCG(r.seed, uint64(1000+i))),
		want:   map[string]string{}, unknown: map[string]bool{},
	}
	s.user, s.password = r.login(i)
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(s.dir, "mail", sub), 0o700); err != nil {
			return nil, err
		}
	}
	host, port, _ := strings.Cut(r.gateway, ":")
	rc := fmt.Sprintf(`IMAPStore far
Host %s
Port %s
User %s
Pass %s
SSLType IMAPS
CertificateFile %s
Timeout 120
PipelineDepth 1

MaildirStore near
Path %[6]s/
Inbox %[6]s/mail

Channel all
Far :far:%[7]s
Near :near:
Create Far
Expunge Both
Sync All
SyncState %[6]s/state-
`, host, port, s.user, s.password, r.ca, s.dir, s.name)
	return s, os.WriteFile(filepath.Join(s.dir, "rc"), []byte(rc), 0o600)
}

// work edits and syncs until the context ends, and then until nothing is left
// to do.
func (s *syncer) work(ctx context.Context) error {
	if err := s.add(s.messages); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := s.sync(); err == nil {
			if err := s.edit(); err != nil {
				return err
			}
		}
	}
	// Its own "nothing to do" is not printed: two good runs that leave the
	// Maildir and its own notes as they were say the same.
	for quiet := 0; quiet < 2; {
		if time.Now().After(s.giveUp) {
			return fmt.Errorf("%s: gave up, mbsync does not come to an end", s.name)
		}
		before := s.listing()
		if s.sync() == nil && slices.Equal(before, s.listing()) {
			quiet++
		} else {
			quiet = 0
		}
	}
	return nil
}

// listing is the names of all files but the configuration, and the contents of
// mbsync's notes.
func (s *syncer) listing() (list []string) {
	_ = filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			list = append(list, path)
			if strings.HasPrefix(filepath.Base(path), "state-") {
				b, _ := os.ReadFile(path)
				list = append(list, string(b))
			}
		}
		return nil
	})
	return list
}

// sync runs mbsync once. What it complains of is counted. The error says that
// mbsync ended with one, or that the server refused something. After a refused
// STORE, mbsync ends with status 0 and tries again in its next run. It takes what
// the user changes before that for a change on both sides, and merges both.
func (s *syncer) sync() error {
	for _, sub := range []string{"cur", "new"} { // it sleeps for a second where these have just changed
		old := time.Now().Add(-time.Minute)
		if err := os.Chtimes(filepath.Join(s.dir, "mail", sub), old, old); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*silence)
	defer cancel()
	s.runs++
	cmd := exec.CommandContext(ctx, "mbsync", "-c", filepath.Join(s.dir, "rc"), "-a")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	refused := s.complaints(string(out))
	if err != nil {
		s.errors.add("mbsync: " + err.Error())
		time.Sleep(lateness)
	}
	return errors.Join(err, refused)
}

// refusedCommand is what mbsync says of a command that was answered by NO, and
// refusedMessage of the message that it gives up because of that.
var (
	refusedCommand = regexp.MustCompile(`^IMAP command '.*' returned an error: NO `)
	refusedMessage = regexp.MustCompile(`^Warning: far side refuses to store message (\d+) from near side`)
)

// complaints counts what a run of mbsync has printed, and returns an error if the
// server refused something.
func (s *syncer) complaints(out string) (refused error) {
	last := "" // the last refusal: mbsync has one command in flight
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "C: ") || strings.HasPrefix(line, "Processed ") {
			continue
		}
		s.errors.add("mbsync: " + line)
		if refusedCommand.MatchString(line) {
			last, refused = line, errors.New(line)
		} else if m := refusedMessage.FindStringSubmatch(line); m != nil {
			refused = errors.Join(errors.New(line), s.offerAgain(m[1], last))
		}
	}
	return refused
}

// offerAgain makes a new message of the one with the UID of mbsync's, unless the
// reply says that it may be stored.
func (s *syncer) offerAgain(uid, reply string) error {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "mail", "*", "*,U="+uid+":2,*"))
	if len(paths) != 1 {
		return fmt.Errorf("%s: the message %s has the files %q", s.name, uid, paths)
	}
	if strings.Contains(reply, "it is not known") {
		id := s.files()[paths[0]]
		delete(s.want, id)
		s.unknown[id] = true
		return nil
	}
	return os.Rename(paths[0], strings.Replace(paths[0], ",U="+uid+":2,", ":2,", 1))
}

// edit changes the Maildir as a user does: some new messages, some flags, some
// deleted.
func (s *syncer) edit() error {
	for _, id := range slices.Sorted(maps.Keys(s.want)) {
		switch n := s.random.IntN(20); {
		case n == 0 && len(s.want) > 5:
			if err := s.remove(id); err != nil {
				return err
			}
		case n < 3:
			if err := s.setFlags(id, s.flags()); err != nil {
				return err
			}
		}
	}
	if len(s.want) < 100 {
		return s.add(1 + s.random.IntN(5))
	}
	return nil
}

func (s *syncer) flags() string {
	w := worker{random: s.random}
	return w.flags()
}

// letters are the flags of a Maildir's file name, in its order.
var letters = strings.NewReplacer(`\Draft`, "D", `\Flagged`, "F", `\Answered`, "R", `\Seen`, "S", " ", "")

func maildirFlags(flags string) string {
	b := []byte(letters.Replace(flags))
	slices.Sort(b)
	return string(b)
}

func (s *syncer) add(n int) error {
	for range n {
		s.made++
		id, flags := fmt.Sprintf("%s.%d.%d@%s", s.name, s.seed, s.made, ownDomain), s.flags()
		message := bytes.ReplaceAll(makeMessage(s.random, id), []byte("\r\n"), []byte("\n"))
		name := fmt.Sprintf("%d.%d.load:2,%s", 1_000_000_000+s.made, os.Getpid(), maildirFlags(flags))
		if err := os.WriteFile(filepath.Join(s.dir, "mail", "cur", name), message, 0o600); err != nil {
			return err
		}
		s.want[id] = flags
	}
	return nil
}

func (s *syncer) setFlags(id, flags string) error {
	file, err := s.file(id)
	if err != nil {
		return err
	}
	base, _, _ := strings.Cut(filepath.Base(file), ":2,")
	s.want[id] = flags
	return os.Rename(file, filepath.Join(s.dir, "mail", "cur", base+":2,"+maildirFlags(flags)))
}

func (s *syncer) remove(id string) error {
	file, err := s.file(id)
	if err != nil {
		return err
	}
	delete(s.want, id)
	return os.Remove(file)
}

func (s *syncer) file(id string) (string, error) {
	for path, found := range s.files() {
		if found == id {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %s has gone from the Maildir", s.name, id)
}

var headerID = regexp.MustCompile(`(?i)^Message-ID:\s*<([^>]*)>`)

// files are those of the Maildir, with their Message-IDs.
func (s *syncer) files() map[string]string {
	files := map[string]string{}
	for _, sub := range []string{"cur", "new"} {
		paths, _ := filepath.Glob(filepath.Join(s.dir, "mail", sub, "*"))
		for _, path := range paths {
			f, err := os.Open(path)
			if err != nil {
				continue
			}
			for lines := bufio.NewScanner(f); lines.Scan() && lines.Text() != ""; {
				if m := headerID.FindStringSubmatch(lines.Text()); m != nil {
					files[path] = m[1]
				}
			}
			f.Close()
		}
	}
	return files
}

// near is what the Maildir holds, as client.contents has it.
func (s *syncer) near() (map[string][]string, error) {
	found := map[string][]string{}
	for path, id := range s.files() {
		if strings.HasSuffix(id, "@"+intruderDomain) || s.unknown[id] {
			continue
		}
		_, info, ok := strings.Cut(filepath.Base(path), ":2,")
		if !ok {
			info = ""
		}
		var flags []string
		for _, f := range someFlags {
			if strings.Contains(info, letters.Replace(f)) {
				flags = append(flags, f)
			}
		}
		found[id] = append(found[id], strings.Join(flags, " "))
	}
	if len(found) == 0 && len(s.want) > 0 {
		return nil, errors.New("the Maildir is empty")
	}
	return found, nil
}
