package survey

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"exgate/backend"
)

// prefix begins the names of the survey's folders, so that the next run recognises those of a run that was killed.
const prefix = "exgate-survey-"

// ours matches the names of the survey's folders at the top level: the prefix and the time of the run.
var ours = regexp.MustCompile(`^` + prefix + `\d{8}-\d{6}`)

// maxWalked bounds the folders in which the survey looks for mail.
const maxWalked = 200

// ErrMail refuses a mailbox with mail.
var ErrMail = errors.New("the mailbox has mail: use an empty test mailbox, or add --with-mail; the survey changes " +
	"and deletes only what it has stored itself")

// list returns the folders that match a pattern.
func (s *surveyor) list(ctx context.Context, pattern string) ([]backend.ProbedFolder, error) {
	r, err := s.answered(ctx, func() *backend.Request { return backend.NewRequest("LIST").Raw(`""`).String(pattern) })
	if err == nil && !r.ok() {
		err = fmt.Errorf("LIST: %s", r.told())
	}
	var folders []backend.ProbedFolder
	for _, line := range r.lines {
		if f, ok := backend.ParseFolder(line); ok {
			folders = append(folders, f)
		}
	}
	return folders, err
}

// refuseMail returns ErrMail if a folder has a message. The survey's own folders do not count.
func (s *surveyor) refuseMail(ctx context.Context) error {
	folders, err := s.list(ctx, "*")
	if err != nil || s.WithMail {
		return err
	}
	for i, f := range folders {
		if i == maxWalked {
			return fmt.Errorf("the mailbox has more than %d folders, so it is in use: %w", maxWalked, ErrMail)
		}
		noSelect := func(a string) bool { return strings.EqualFold(a, `\Noselect`) || strings.EqualFold(a, `\NonExistent`) }
		if ours.MatchString(f.Name) || slices.ContainsFunc(f.Attributes, noSelect) {
			continue
		}
		r, err := s.status(ctx, f.Name, "MESSAGES")
		if err != nil {
			return err
		}
		if n := item(r.lines, "MESSAGES"); n > 0 {
			return ErrMail
		}
	}
	return nil
}

func (s *surveyor) status(ctx context.Context, name, items string) (reply, error) {
	return s.answered(ctx, func() *backend.Request {
		return backend.NewRequest("STATUS").Mailbox(name).Raw("(" + items + ")")
	})
}

// prepare makes the survey's folder, and removes those of runs that were killed.
func (s *surveyor) prepare(ctx context.Context) error {
	s.main.selected = ""
	folders, err := s.list(ctx, "")
	if err != nil {
		return err
	}
	s.separator = "/"
	if len(folders) > 0 && folders[0].Separator != "" {
		s.separator = folders[0].Separator
	}
	if err := s.remove(ctx); err != nil {
		return err
	}
	s.folder = prefix + s.Now().UTC().Format("20060102-150405")
	r, err := s.create(ctx, s.folder)
	if err == nil && !r.ok() {
		err = fmt.Errorf("cannot create the survey's folder %s: %s", s.folder, r.told())
	}
	if err != nil {
		return err
	}
	// A message without any oddity must go in, or no refusal would mean anything.
	r, err = s.store(ctx, "", plain().text())
	if err == nil && !r.ok() {
		err = fmt.Errorf("the server refuses an ordinary message: %s", r.told())
	}
	if err != nil {
		return err
	}
	s.main.selected = s.folder
	r, err = s.command(ctx, "SELECT", s.folder)
	if err == nil && !r.ok() {
		err = fmt.Errorf("cannot select the survey's folder: %s", r.told())
	}
	return err
}

func (s *surveyor) create(ctx context.Context, name string) (reply, error) {
	return s.answered(ctx, func() *backend.Request { return backend.NewRequest("CREATE").Mailbox(name) })
}

func (s *surveyor) delete(ctx context.Context, name string) (reply, error) {
	return s.answered(ctx, func() *backend.Request { return backend.NewRequest("DELETE").Mailbox(name) })
}

// remove deletes the survey's folders, the deepest first, and what it has made at the top level.
func (s *surveyor) remove(ctx context.Context) error {
	s.main.close()
	s.main.selected = ""
	folders, err := s.list(ctx, prefix+"*")
	if err != nil {
		return err
	}
	var names []string
	for _, f := range folders {
		if ours.MatchString(f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := strings.Count(b, s.separator) - strings.Count(a, s.separator); d != 0 {
			return d
		}
		return strings.Compare(b, a)
	})
	names = append(names, s.state.Made...)
	for _, name := range names[:min(len(names), maxRemoved)] {
		r, err := s.delete(ctx, name)
		if err != nil {
			return err
		}
		if !r.ok() && !r.says("exist") {
			s.Progress("the folder %s could not be removed: %s", name, r.told())
		}
	}
	s.state.Made = nil
	return nil
}

// maxRemoved bounds the folders that are removed at once. A run makes some thirty, and few of them at a time.
const maxRemoved = 1000

// removeTime is what the removal of the folders may take after the survey was interrupted.
const removeTime = time.Minute

// child returns the name of a folder inside the survey's.
func (s *surveyor) child(name string) string { return s.folder + s.separator + name }
