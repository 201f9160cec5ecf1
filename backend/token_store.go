package backend

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// TokenStore keeps refresh tokens between runs: each in a file of its own with
// mode 0600, encrypted with AES-256-GCM under a key in another file. The key
// can lie on another disk, or be given by a service manager; a copy of Dir
// alone, such as a backup, tells nothing then.
type TokenStore struct {
	Dir     string // of the files; made when first needed
	KeyFile string // 32 bytes in base64; made when first needed
}

// ErrNoToken says that no token is kept for an account.
var ErrNoToken = errors.New("no refresh token is kept")

// accountName is an account in the spelling under which its token is kept.
func accountName(account string) string { return strings.ToLower(account) }

// Load returns the refresh token of an account.
func (s *TokenStore) Load(client, account string) (Secret, error) {
	sealed, err := os.ReadFile(s.path(client, account))
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, fmt.Errorf("%w for %s: run exgate login %[2]s", ErrNoToken, account)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("refresh token: %w", err)
	}
	aead, err := s.cipher(false)
	if err != nil {
		return Secret{}, err
	}
	n := aead.NonceSize()
	if len(sealed) < n {
		return Secret{}, fmt.Errorf("refresh token of %s: the file is cut short: run exgate login %[1]s", account)
	}
	token, err := aead.Open(nil, sealed[:n], sealed[n:], binding(client, account))
	if err != nil {
		return Secret{}, fmt.Errorf("refresh token of %s: not encrypted with the key in %s: run exgate login %[1]s", account, s.KeyFile)
	}
	return NewSecret(string(token)), nil
}

// Save keeps the refresh token of an account in place of the one before.
func (s *TokenStore) Save(client, account string, token Secret) error {
	aead, err := s.cipher(true)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return WritePrivate(s.path(client, account), aead.Seal(nonce, nonce, []byte(token.Reveal()), binding(client, account)))
}

// binding ties a file to what it is for, so that files cannot be exchanged.
func binding(client, account string) []byte {
	return []byte("exgate refresh token 1\x00" + client + "\x00" + accountName(account))
}

func (s *TokenStore) path(client, account string) string {
	sum := sha256.Sum256(binding(client, account))
	return filepath.Join(s.Dir, hex.EncodeToString(sum[:16])+".token")
}

// cipher reads the key, or makes one if there is none and it may.
func (s *TokenStore) cipher(create bool) (cipher.AEAD, error) {
	key, err := s.key()
	if errors.Is(err, fs.ErrNotExist) && create {
		key = make([]byte, 32)
		rand.Read(key)
		err = WritePrivate(s.KeyFile, []byte(base64.StdEncoding.EncodeToString(key)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("key of the refresh tokens: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of the refresh tokens: %w", err)
	}
	return cipher.NewGCM(block)
}

func (s *TokenStore) key() ([]byte, error) {
	if err := CheckPrivate(s.KeyFile); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(s.KeyFile)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s does not hold 32 bytes in base64", s.KeyFile)
	}
	return key, nil
}

// CheckPrivate refuses a file that others may read. Windows has no such bits,
// and those of systemd's credentials show its access lists: it guards their
// directory itself (systemd.exec(5), LoadCredential=).
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if IsCredential(path) {
		return nil
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it, and change what is in it if they may have", path, info.Mode().Perm())
	}
	return nil
}

// IsCredential tells whether a file is one of systemd's credentials.
func IsCredential(path string) bool {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	return credentials != "" && filepath.Dir(filepath.Clean(path)) == filepath.Clean(credentials)
}

// WritePrivate writes a file of mode 0600, in a directory of 0700 that it may
// make, whole or not at all.
func WritePrivate(path string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
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
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
