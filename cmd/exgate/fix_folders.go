package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
)

// mailFile is a file to repair, and the path of the result.
type mailFile struct {
	from, to string
	found    bool // in a folder, which may have files of other kinds, too
	size     int64
	mode     fs.FileMode
	modified time.Time
}

// folders repairs the files that the arguments name, into the output folder.
func (r *fixRun) folders(ctx context.Context, args []string, log io.Writer) error {
	files, total, err := findAllMail(args, r.output)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := os.Mkdir(r.output, 0o700); err != nil {
		return exitError{exitUsage, fmt.Errorf("--output: %w", err)}
	}
	bar := newBar(log, total)
	defer bar.end()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped before %s: %w", f.from, err)
		}
		if err := r.file(ctx, f, bar); err != nil {
			return fmt.Errorf("%s: %w", f.from, err)
		}
	}
	return nil
}

// findAllMail lists the files of the arguments. total is their size.
func findAllMail(args []string, output string) (files []mailFile, total int64, err error) {
	for _, arg := range args {
		found, err := findMail(arg, output)
		if err != nil {
			return nil, 0, err
		}
		for _, f := range found {
			total += f.size
		}
		files = append(files, found...)
	}
	return files, total, nil
}

// findMail lists the files of an argument: a file; the messages of a Maildir,
// which are in cur and new; or all files of another folder.
func findMail(arg, output string) ([]mailFile, error) {
	var files []mailFile
	var lastFolder string
	var inMaildir bool // the files of that folder are a Maildir's own
	base := filepath.Base(filepath.Clean(arg))
	out, err := filepath.Abs(output)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if abs, err := filepath.Abs(path); err == nil && abs == out {
			return fmt.Errorf("--output: %s is inside a folder that is to be repaired: choose another folder", output)
		}
		if d.IsDir() {
			if d.Name() == "tmp" && isMaildir(filepath.Dir(path)) {
				return filepath.SkipDir // incomplete deliveries
			}
			return nil
		}
		folder := filepath.Dir(path)
		if folder != lastFolder {
			lastFolder, inMaildir = folder, isMaildir(folder)
		}
		if !d.Type().IsRegular() || inMaildir {
			return nil // a file of the Maildir itself, not a message
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(arg, path)
		if err != nil {
			return err
		}
		files = append(files, mailFile{path, filepath.Join(output, base, relative), path != arg, info.Size(),
			info.Mode().Perm(), info.ModTime()})
		return nil
	})
	return files, err
}

func isMaildir(path string) bool {
	cur, err := os.Stat(filepath.Join(path, "cur"))
	return err == nil && cur.IsDir()
}

// file repairs the messages of one file.
func (r *fixRun) file(ctx context.Context, f mailFile, bar *bar) (err error) {
	in, err := os.Open(f.from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(f.to), 0o700); err != nil {
		return err
	}
	out, err := openNew(f.to, f.mode)
	if err != nil {
		return err
	}
	if r.writer == nil {
		r.writer = bufio.NewWriterSize(nil, 256<<10)
	}
	r.writer.Reset(out)
	err = r.contents(ctx, f, in, r.writer, bar)
	if err == nil {
		err = r.writer.Flush()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(f.to, time.Time{}, f.modified)
}

// contents repairs a file with one message, or an mbox. It copies any other file.
func (r *fixRun) contents(ctx context.Context, f mailFile, in *os.File, w io.Writer, bar *bar) error {
	several, err := isMbox(in)
	if err != nil {
		return err
	}
	if !several {
		return r.single(ctx, f, io.NewSectionReader(in, 0, f.size), w, bar)
	}
	_, err = r.box.each(in, f.size, func(n int, m mboxMessage, message *io.SectionReader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Write(m.fromLine); err != nil {
			return err
		}
		if err := r.one(ctx, f.from, n, message, w, bar); err != nil {
			return err
		}
		_, err := w.Write(m.separator)
		return err
	})
	return err
}

// single repairs the message that is all of a file, if it is one.
func (r *fixRun) single(ctx context.Context, f mailFile, file *io.SectionReader, w io.Writer, bar *bar) error {
	isMessage, err := f.isMessage(file)
	if err != nil {
		return err
	}
	if !isMessage {
		r.others++
		bar.add(file.Size())
		if _, err := io.Copy(w, file); err != nil {
			return err
		}
		return r.writeOther(f.from, file.Size())
	}
	return r.one(ctx, f.from, 0, file, w, bar)
}

// isMessage reports whether the file is a message: it is named on the command line, or
// begins as one.
func (f *mailFile) isMessage(file *io.SectionReader) (bool, error) {
	if !f.found {
		return true, nil
	}
	top := make([]byte, min(file.Size(), topSize))
	if _, err := file.ReadAt(top, 0); err != nil && err != io.EOF {
		return false, err
	}
	return beginsMessage(top), nil
}

// topSize is how much of a file tells whether it is a message.
const topSize = 2 << 10

// beginsMessage reports whether a header begins here: the first line is a field, or a
// later one has a name that nearly every message has. An index, a database or a
// script has neither.
func beginsMessage(top []byte) bool {
	first := true
	for line := range bytes.Lines(top) {
		name, _, ok := strings.Cut(string(line), ":")
		name = strings.TrimRight(name, " \t")
		isName := ok && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' })
		isUsual := func(usual string) bool { return strings.EqualFold(usual, name) }
		if isName && (first || slices.ContainsFunc(usualFields, isUsual)) {
			return true
		}
		first = false
	}
	return false
}

var usualFields = []string{"From", "To", "Subject", "Date", "Received", "Return-Path", "Message-ID", "MIME-Version",
	"Content-Type"}

// one repairs one message. It writes a refused message unchanged.
func (r *fixRun) one(
	ctx context.Context, name string, index int, message *io.SectionReader, w io.Writer, bar *bar,
) error {
	if err := r.loader.read(message); err != nil {
		return err
	}
	fixed, err := r.fix(ctx, name, index, w)
	if err == nil && fixed == nil {
		err = r.loader.writeAsItCame(ctx, w)
	}
	bar.add(message.Size())
	return err
}

// bar shows the progress on a terminal.
type bar struct {
	w           io.Writer // nil: not on a terminal
	done, total int64
	began, next time.Time
}

// barWidth is the number of characters between the brackets.
const barWidth = 40

func newBar(log io.Writer, total int64) *bar {
	b := &bar{total: max(total, 1), began: time.Now()}
	if f, ok := log.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.w = log
	}
	return b
}

func (b *bar) add(n int64) {
	b.done += n
	if b.w == nil {
		return
	}
	now := time.Now()
	if now.Before(b.next) {
		return
	}
	b.next = now.Add(100 * time.Millisecond)
	b.show(now)
}

func (b *bar) show(now time.Time) {
	full := int(min(b.done, b.total) * barWidth / b.total)
	speed := float64(b.done) / 1e6 / max(now.Sub(b.began).Seconds(), 0.001)
	fmt.Fprintf(
		b.w,
		"\r[%s%s] %3d %% of %d MB, %.0f MB/s ",
		strings.Repeat("=", full),
		strings.Repeat(" ", barWidth-full),
		min(b.done, b.total)*100/b.total,
		b.total/1e6,
		speed,
	)
}

func (b *bar) end() {
	if b.w != nil {
		b.show(time.Now())
		fmt.Fprintln(b.w)
	}
}
