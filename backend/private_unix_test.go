//go:build unix

package backend

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckPrivate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "users")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	isRoot := os.Geteuid() == 0
	for _, tt := range []struct {
		mode    fs.FileMode
		isRoots bool // the file is root's; for a test that root runs
		ok      bool
	}{
		{0o600, false, true},
		{0o400, false, true},
		{0o440, false, false},
		{0o604, false, false},
		{0o620, false, false},
		{0o640, true, true},
		{0o660, true, false},
		{0o644, true, false},
	} {
		if tt.isRoots && !isRoot {
			continue // only root can make such a file
		}
		if isRoot {
			owner := 4242
			if tt.isRoots {
				owner = 0
			}
			if err := os.Chown(file, owner, 4243); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(file, tt.mode); err != nil {
			t.Fatal(err)
		}
		err := CheckPrivate(file)
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o, root's %t: %v", tt.mode, tt.isRoots, err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir+"/")
	if err := CheckPrivate(file); err != nil {
		t.Errorf("a credential of systemd's: %v", err)
	}
	if err := CheckPrivate(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such credential: %v", err)
	}
}

// What root writes can be read by the user for whom it is.
func TestWritePrivateForAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to other users")
	}
	const user, group = 4242, 4243
	for _, tt := range []struct {
		name             string
		dirUser, dirMode int // its group is group
		fileUser         int // of the file that is there already; -1: there is none
		fileMode         fs.FileMode
		wantUser         int
		wantGroup        int
		wantMode         fs.FileMode
	}{
		{"new, in a directory of the user", user, 0o700, -1, 0, user, group, 0o600},
		{"new, in one that is root's", 0, 0o750, -1, 0, 0, 0, 0o600},
		{"new, in one that hands on its group", 0, 0o2750, -1, 0, 0, group, 0o640},
		{"of the user", 0, 0o755, user, 0o600, user, group, 0o600},
		{"of root, for a group", 0, 0o755, 0, 0o640, 0, group, 0o640},
		{"of root, for nobody else", 0, 0o2750, 0, 0o600, 0, group, 0o600},
		{"of root, for all", 0, 0o755, 0, 0o644, 0, group, 0o640},
		{"of the user, for the group", user, 0o700, user, 0o640, user, group, 0o600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dir")
			file := filepath.Join(dir, "file")
			mode := fs.FileMode(tt.dirMode & 0o777)
			if tt.dirMode&0o2000 != 0 {
				mode |= fs.ModeSetgid
			}
			err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, tt.dirUser, group), os.Chmod(dir, mode))
			if tt.fileUser >= 0 {
				err = errors.Join(err, os.WriteFile(file, nil, 0o600), os.Chown(file, tt.fileUser, group), os.Chmod(file, tt.fileMode))
			}
			if err := errors.Join(err, WritePrivate(file, []byte("secret"))); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if uid, gid, _ := ownerOf(info); uid != tt.wantUser || gid != tt.wantGroup || info.Mode() != tt.wantMode {
				t.Errorf("user %d, group %d, mode %04o", uid, gid, info.Mode())
			}
			if err := CheckPrivate(file); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("directories on the way", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Chown(dir, user, group); err != nil {
			t.Fatal(err)
		}
		if err := WritePrivate(filepath.Join(dir, "a", "b", "file"), nil); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"a", "a/b", "a/b/file"} {
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			if uid, gid, _ := ownerOf(info); uid != user || gid != group || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: user %d, group %d, mode %v", path, uid, gid, info.Mode())
			}
		}
	})
}
