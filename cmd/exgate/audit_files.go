package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"exgate/backend/folders"
	"exgate/proxy/audit"
)

// fileJobs returns a job for each argument.
func fileJobs(args []string) (jobs []auditJob, err error) {
	for _, arg := range args {
		files, err := findMail(arg, os.DevNull)
		if err != nil {
			return nil, err
		}
		from, err := filepath.Abs(arg)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, auditJob{account: arg, from: from, read: func(
			ctx context.Context, to *audit.Counter, progress *auditProgress,
		) error {
			r := &auditFiles{arg: arg, counter: to, progress: progress}
			return r.all(ctx, files)
		}})
	}
	return jobs, nil
}

// auditFiles reads the files of one argument.
type auditFiles struct {
	arg      string
	counter  *audit.Counter
	progress *auditProgress
	loader   loader
	box      mbox
	folders  []audit.Folder
}

func (r *auditFiles) all(ctx context.Context, files []mailFile) (err error) {
	defer func() { err = errors.Join(err, r.loader.close()) }()
	for _, f := range files {
		mailbox := r.mailbox(f)
		if err := r.file(ctx, f, mailbox); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			r.counter.Failed(audit.Message{Mailbox: mailbox}, err.Error())
		}
	}
	return r.counter.Folders(r.folders)
}

// mailbox returns the mailbox of a file: its folder in a Maildir or another folder, else the
// file itself.
func (r *auditFiles) mailbox(f mailFile) string {
	relative, err := filepath.Rel(r.arg, f.from)
	if err != nil || relative == "." {
		return filepath.Base(f.from)
	}
	dir := filepath.Dir(relative)
	if base := filepath.Base(dir); base == "cur" || base == "new" {
		dir = filepath.Dir(dir)
	}
	if dir == "." {
		return "INBOX"
	}
	name := filepath.ToSlash(dir)
	if rest, ok := strings.CutPrefix(name, "."); ok && !strings.Contains(name, "/") { // Maildir++
		name = strings.ReplaceAll(rest, ".", "/")
	}
	decoded, _ := folders.Decode(name)
	return strings.ToValidUTF8(decoded, "?")
}

// open notes that a mailbox has messages.
func (r *auditFiles) open(mailbox string) {
	if slices.ContainsFunc(r.folders, func(f audit.Folder) bool { return f.Name == mailbox }) {
		return
	}
	r.folders = append(r.folders, audit.Folder{Name: mailbox, Separator: "/"})
	r.progress.open(r.arg, mailbox, 0)
}

func (r *auditFiles) file(ctx context.Context, f mailFile, mailbox string) error {
	in, err := os.Open(f.from)
	if err != nil {
		return err
	}
	defer in.Close()
	several, err := isMbox(in)
	if err != nil {
		return err
	}
	about := audit.About{Message: audit.Message{Mailbox: mailbox}}
	if !several {
		file := io.NewSectionReader(in, 0, f.size)
		isMessage, err := f.isMessage(file)
		if err != nil {
			return err
		}
		if !isMessage {
			r.counter.Other()
			return nil
		}
		r.open(mailbox)
		about.Flags = maildirFlags(f.from)
		return r.message(ctx, about, file)
	}
	if f.found { // each mbox of a folder is a mailbox
		relative, err := filepath.Rel(r.arg, f.from)
		if err != nil {
			return err
		}
		mailbox = filepath.ToSlash(relative)
		about.Mailbox = mailbox
	}
	r.open(mailbox)
	_, err = r.box.each(in, f.size, func(n int, _ mboxMessage, text *io.SectionReader) error {
		about.Index = n
		if err := r.message(ctx, about, text); err != nil && ctx.Err() == nil {
			r.counter.Failed(about.Message, err.Error())
		}
		return ctx.Err()
	})
	return err
}

// message counts one message.
func (r *auditFiles) message(ctx context.Context, about audit.About, from *io.SectionReader) error {
	if err := r.loader.read(from); err != nil {
		return err
	}
	r.progress.read(r.arg, r.loader.size)
	return r.counter.Add(ctx, about, audit.Text{ReaderAt: &r.loader, Size: r.loader.size})
}

// maildirFlags returns the flags in the name of a file (cr.yp.to/proto/maildir.html).
func maildirFlags(file string) (flags []string) {
	_, letters, _ := strings.Cut(filepath.Base(file), ":2,")
	for _, letter := range letters {
		if flag, ok := map[rune]string{
			'D': `\Draft`, 'F': `\Flagged`, 'R': `\Answered`, 'S': `\Seen`, 'T': `\Deleted`,
		}[letter]; ok {
			flags = append(flags, flag)
		}
	}
	return flags
}
