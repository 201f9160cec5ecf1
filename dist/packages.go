package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers its format
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers its format
)

// packages writes the Debian and RPM packages for Linux.
func (r *release) packages() error {
	contents, err := r.contents()
	if err != nil {
		return err
	}
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		for _, format := range r.formats {
			if err := r.writePackage(t, format, contents); err != nil {
				return fmt.Errorf("%s of %s: %w", format, t, err)
			}
		}
	}
	return nil
}

// contents returns the files of a package except the program.
func (r *release) contents() (files.Contents, error) {
	var contents files.Contents
	add := func(source, destination, kind string, mode fs.FileMode, group string) {
		contents = append(contents, &files.Content{
			Source: source, Destination: destination, Type: kind,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: group, Mode: mode, MTime: r.time},
		})
	}
	// New files there get the group exgate, whose members may read them.
	add("", "/etc/exgate", files.TypeDir, 0o750|fs.ModeSetgid, "exgate")
	add(filepath.Join(r.stage, "etc", "exgate.yaml"), "/etc/exgate/exgate.yaml", files.TypeConfigNoReplace, 0o640,
		"exgate")
	add(filepath.Join(root, "docs", "exgate.service"), "/usr/lib/systemd/system/exgate.service", "", 0o644, "root")
	add(filepath.Join(root, "LICENSE"), "/usr/share/doc/exgate/copyright", "", 0o644, "root")
	for _, pattern := range []string{"*.md", "*.socket", "monitoring/*"} {
		documents, err := filepath.Glob(filepath.Join(root, "docs", pattern))
		if err != nil {
			return nil, err
		}
		for _, document := range documents {
			name, err := filepath.Rel(root, document)
			if err != nil {
				return nil, err
			}
			add(document, "/usr/share/doc/exgate/"+filepath.ToSlash(name), "", 0o644, "root")
		}
	}
	for _, document := range []string{"README.md", "CHANGELOG.md", "SECURITY.md"} {
		add(filepath.Join(root, document), "/usr/share/doc/exgate/"+document, "", 0o644, "root")
	}
	pages, err := r.manPages()
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		add(page, "/usr/share/man/man1/"+filepath.Base(page), "", 0o644, "root")
	}
	for shell, place := range completions {
		add(filepath.Join(r.stage, "completion", shell), place, "", 0o644, "root")
	}
	return contents, nil
}

func (r *release) writePackage(t target, format string, contents files.Contents) error {
	program := &files.Content{
		Source: r.program(t), Destination: "/usr/bin/exgate",
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: r.time},
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "exgate", Arch: t.arch, Platform: t.os, Version: r.version, MTime: r.time,
		Section: "mail", Priority: "optional", License: "MIT",
		Maintainer: "the maintainers of exgate <exgate@localhost>",
		Description: "IMAP gateway for Microsoft Exchange\n" +
			"exgate stands between any IMAP client and Exchange, and repairs what Exchange refuses or changes.",
		Overridables: nfpm.Overridables{
			Contents:   append(files.Contents{program}, contents...),
			Recommends: []string{"ca-certificates"},
			Deb:        nfpm.Deb{Compression: "gzip", Predepends: []string{"passwd"}},
			RPM: nfpm.RPM{
				Compression: "gzip", BuildHost: "localhost", Summary: "IMAP gateway for Microsoft Exchange",
			},
			Scripts: nfpm.Scripts{
				PreInstall: "scripts/preinstall.sh", PostInstall: "scripts/postinstall.sh",
				PreRemove: "scripts/preremove.sh", PostRemove: "scripts/postremove.sh",
			},
		},
	})
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(r.out, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	return errors.Join(packager.Package(info, f), f.Close())
}
