package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// CheckPrivate returns an error if other users may read or write the file. It skips two
// cases: Windows has no such mode bits; and for systemd's credentials the bits show
// access lists, while systemd protects their directory itself (systemd.exec(5),
// LoadCredential=).
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if IsCredential(path) || runtime.GOOS == "windows" {
		return nil
	}
	if Readers(info) != 0 || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("other users can read %s (mode %04o): run chmod 600, and change the secret if they may "+
			"have read it",
			path, info.Mode().Perm())
	}
	return nil
}

// Readers returns the bits by which others may read a file. The group's bit does not
// count if the file is root's: root has then chosen the group, as for a service that
// runs as another user.
func Readers(info fs.FileInfo) fs.FileMode {
	if _, _, isRoots := ownerOf(info); isRoots {
		return info.Mode().Perm() & 0o004
	}
	return info.Mode().Perm() & 0o044
}

// IsCredential tells whether a file is one of systemd's credentials.
func IsCredential(path string) bool {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	return credentials != "" && filepath.Dir(filepath.Clean(path)) == filepath.Clean(credentials)
}

// WritePrivate writes a file that other users cannot read, completely or not at all.
// If the directory does not exist, it creates it with mode 0700.
//
// When root writes for a service that runs as another user, that user can still read the
// file. A file that exists keeps its owner, group and the group's right to read. A new one
// in a directory of another user belongs to that user. A new one in a directory of root's
// with the set-group-ID bit can be read by the directory's group.
func WritePrivate(path string, data []byte) (err error) {
	if err := makePrivateDir(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, giveAway(f, path), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// makePrivateDir creates a directory with mode 0700, and those above it. When root does
// so below a directory of another user, the new ones belong to that user.
func makePrivateDir(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if err := makePrivateDir(above); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(above)
	if err != nil || !writesAsRoot() {
		return err
	}
	if uid, gid, isRoots := ownerOf(info); !isRoots {
		return os.Lchown(dir, uid, gid)
	}
	return nil
}

// giveAway gives f, which will replace the file at path, to the owner that WritePrivate
// describes.
func giveAway(f *os.File, path string) error {
	if !writesAsRoot() {
		return nil
	}
	if old, err := os.Lstat(path); err == nil && old.Mode().IsRegular() {
		uid, gid, isRoots := ownerOf(old)
		if err := f.Chown(uid, gid); err != nil || !isRoots {
			return err
		}
		return f.Chmod(0o600 | old.Mode().Perm()&0o040)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	switch uid, gid, isRoots := ownerOf(dir); {
	case !isRoots:
		return f.Chown(uid, gid)
	case dir.Mode()&fs.ModeSetgid != 0: // f has the directory's group already
		return f.Chmod(0o640)
	}
	return nil
}
