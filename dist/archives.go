package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// entry is a file of an archive.
type entry struct {
	source string // on disk
	name   string // in the archive
	mode   fs.FileMode
}

// archives writes an archive for each system: the program, the documents and what belongs to
// the system.
func (r *release) archives() error {
	for _, t := range r.targets {
		entries, err := r.archived(t)
		if err != nil {
			return err
		}
		name, write := r.name("-"+t.String()+".tar.gz"), r.writeTar
		if t.os == "windows" {
			name, write = r.name("-"+t.String()+".zip"), r.writeZip
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		if err := errors.Join(write(f, entries), f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// archived returns the files of an archive in their order.
func (r *release) archived(t target) ([]entry, error) {
	top := "exgate-" + r.version
	program := r.program(t)
	entries := []entry{{program, path.Join(top, filepath.Base(program)), 0o755}}
	add := func(source, dir string) {
		entries = append(entries, entry{source, path.Join(top, dir, filepath.Base(source)), 0o644})
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md"} {
		add(filepath.Join(root, name), "")
	}
	add(filepath.Join(root, "config", "sample.yaml"), "")
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		add(doc, "docs")
	}
	if t.os == "linux" {
		add(filepath.Join(root, "docs", "exgate.service"), "docs")
		add(filepath.Join(root, "docs", "exgate.socket"), "docs")
	}
	if t.os != "windows" {
		pages, err := filepath.Glob(filepath.Join(r.stage, "man", "*.1"))
		if err != nil {
			return nil, err
		}
		for _, page := range pages {
			add(page, "man")
		}
		for shell := range completions {
			add(filepath.Join(r.stage, "completion", shell), "completion")
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return entries, nil
}

func (r *release) writeTar(w io.Writer, entries []entry) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range entries {
		data, err := os.ReadFile(e.source)
		if err != nil {
			return err
		}
		err = t.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode), Size: int64(len(data)), ModTime: r.time,
		})
		if err != nil {
			return err
		}
		if _, err := t.Write(data); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func (r *release) writeZip(w io.Writer, entries []entry) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		data, err := os.ReadFile(e.source)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: r.time}
		header.SetMode(e.mode)
		file, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := file.Write(data); err != nil {
			return err
		}
	}
	return z.Close()
}
