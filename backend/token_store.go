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
	"strings"
)

// TokenStore keeps refresh tokens between runs. Each token has its own file of mode
// 0600, encrypted with AES-256-GCM. The key is in another file, which may be on
// another disk or come from a service manager. A copy of Dir alone, such as a
// backup, then reveals nothing.
type TokenStore struct {
	Dir     string // the directory of the files; created when needed
	KeyFile string // 32 bytes in base64; created when needed
}

// ErrNoToken says that the store has no token for an account.
var ErrNoToken = errors.New("no refresh token is stored")

// accountName returns the spelling of an account under which its token is stored.
func accountName(account string) string { return strings.ToLower(account) }

// Load returns the refresh token of an account.
func (s *TokenStore) Load(client, account string) (Secret, error) {
	sealed, err := os.ReadFile(s.path(client, account))
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, fmt.Errorf("%w for %s: run exgate login %[2]s", ErrNoToken, account)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("cannot read the refresh token: %w", err)
	}
	aead, err := s.cipher(false)
	if err != nil {
		return Secret{}, err
	}
	n := aead.NonceSize()
	if len(sealed) < n {
		return Secret{}, fmt.Errorf(
			"the file with the refresh token of %s is incomplete: run exgate login %[1]s",
			account,
		)
	}
	token, err := aead.Open(nil, sealed[:n], sealed[n:], binding(client, account))
	if err != nil {
		return Secret{}, fmt.Errorf("the key in %[2]s does not decrypt the refresh token of %[1]s: run exgate "+
			"login %[1]s",
			account, s.KeyFile)
	}
	return NewSecret(string(token)), nil
}

// Save stores the refresh token of an account. It replaces an earlier token.
func (s *TokenStore) Save(client, account string, token Secret) error {
	aead, err := s.cipher(true)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, []byte(token.Reveal()), binding(client, account))
	return WritePrivate(s.path(client, account), sealed)
}

// binding returns the data that ties a file to its client and account, so that
// nobody can swap files.
func binding(client, account string) []byte {
	return []byte("exgate refresh token 1\x00" + client + "\x00" + accountName(account))
}

func (s *TokenStore) path(client, account string) string {
	sum := sha256.Sum256(binding(client, account))
	return filepath.Join(s.Dir, hex.EncodeToString(sum[:16])+".token")
}

// cipher returns the cipher with the stored key. If there is no key and create is
// set, it creates one.
func (s *TokenStore) cipher(create bool) (cipher.AEAD, error) {
	key, err := s.key()
	if errors.Is(err, fs.ErrNotExist) && create {
		key = make([]byte, 32)
		rand.Read(key)
		err = WritePrivate(s.KeyFile, []byte(base64.StdEncoding.EncodeToString(key)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the key of the refresh tokens: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cannot use the key of the refresh tokens: %w", err)
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
