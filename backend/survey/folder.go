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
	if err == nil && !r.isOK() {
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
	if err := s.refuseOther(ctx, func(string) bool { return true }); err != nil {
		return err
	}
	if err := s.remove(ctx); err != nil {
		return err
	}
	if err := s.createFolder(ctx); err != nil {
		return err
	}
	// A message without any oddity must go in, or no refusal would mean anything.
	r, err := s.store(ctx, "", plain().text())
	if err == nil && !r.isOK() {
		err = fmt.Errorf("the server refuses an ordinary message: %s", r.told())
	}
	if err != nil {
		return err
	}
	s.main.selected = s.folder
	r, err = s.command(ctx, "SELECT", s.folder)
	if err == nil && !r.isOK() {
		err = fmt.Errorf("cannot select the survey's folder: %s", r.told())
	}
	return err
}

// createFolder makes the survey's folder. The state has its name before that, so that the next run knows it for its
// own.
func (s *surveyor) createFolder(ctx context.Context) error {
	name := prefix + s.Now().UTC().Format(folderTime)
	s.state.Made = append(s.state.Made, name)
	if err := s.Save(s.state); err != nil {
		return err
	}
	r, err := s.create(ctx, name)
	if err == nil && !r.isOK() { // it may be another survey's
		s.state.unmake(name)
		err = fmt.Errorf("cannot create the survey's folder %s: %s", name, r.told())
	}
	if err != nil {
		return err
	}
	s.folder = name
	// Of two that began at the same time, the later one gives way.
	return s.refuseOther(ctx, func(other string) bool { return other < name })
}

// RunningError refuses a mailbox in which another survey is at work: each would remove what the other has made.
type RunningError struct {
	Folder string
	Until  time.Time // when the folder counts as that of a run that was killed
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("another survey is at work in this mailbox: the folder %s is not this survey's. Wait until the "+
		"other one has ended. If it was killed, call it again with its --out, remove the folder with a mail program, "+
		"or wait until %s UTC", e.Folder, e.Until.Format("15:04"))
}

// lease is how long a survey may be at work in its folder. A run takes some minutes, and longer where it is throttled.
const lease = 2 * time.Hour

// folderTime is the time in a folder's name.
const folderTime = "20060102-150405"

// refuseOther returns a RunningError if a folder matches that another survey may be at work in.
func (s *surveyor) refuseOther(ctx context.Context, matches func(root string) bool) error {
	folders, err := s.list(ctx, prefix+"*")
	if err != nil {
		return err
	}
	for _, f := range folders {
		if root := ours.FindString(f.Name); root != "" && !s.mayRemove(root) && matches(root) {
			return &RunningError{Folder: root, Until: began(root).Add(lease)}
		}
	}
	return nil
}

// mayRemove reports whether the folder is this survey's, or that of a run that was killed.
func (s *surveyor) mayRemove(root string) bool {
	return slices.Contains(s.state.Made, root) || s.Now().Sub(began(root)).Abs() >= lease
}

// began returns the time in the name of a survey's folder.
func began(root string) time.Time {
	t, _ := time.Parse(folderTime, strings.TrimPrefix(root, prefix)) // the zero time is long ago
	return t
}

func (s *surveyor) create(ctx context.Context, name string) (reply, error) {
	return s.answered(ctx, func() *backend.Request { return backend.NewRequest("CREATE").Mailbox(name) })
}

func (s *surveyor) delete(ctx context.Context, name string) (reply, error) {
	return s.answered(ctx, func() *backend.Request { return backend.NewRequest("DELETE").Mailbox(name) })
}

// remove deletes the survey's folders, those of runs that were killed, and what it has made at the top level, the
// deepest first.
func (s *surveyor) remove(ctx context.Context) error {
	s.main.close()
	s.main.selected = ""
	folders, err := s.list(ctx, prefix+"*")
	if err != nil {
		return err
	}
	names := slices.Clone(s.state.Made)
	for _, f := range folders {
		if root := ours.FindString(f.Name); root != "" && s.mayRemove(root) && !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := strings.Count(b, s.separator) - strings.Count(a, s.separator); d != 0 {
			return d
		}
		return strings.Compare(b, a)
	})
	for _, name := range names[:min(len(names), maxRemoved)] {
		r, err := s.delete(ctx, name)
		if err != nil {
			return err
		}
		if !r.isOK() && !r.says("exist") {
			s.Progress("the folder %s could not be removed: %s", name, r.told())
			continue
		}
		s.state.unmake(name)
	}
	return nil
}

// maxRemoved bounds the folders that are removed at once. A run makes some thirty, and few of them at a time.
const maxRemoved = 1000

// removeTime is what the removal of the folders may take after the survey was interrupted.
const removeTime = time.Minute

// child returns the name of a folder inside the survey's.
func (s *surveyor) child(name string) string { return s.folder + s.separator + name }
