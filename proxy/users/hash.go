package users

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// argon are the parameters of an argon2id hash: RFC 9106.
type argon struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
	salt    []byte
	key     []byte
}

// ownArgon are those of the hashes made here (OWASP's Password Storage Cheat
// Sheet); maxArgon bound what the users file may ask of the machine.
var (
	ownArgon = argon{memory: 19 << 10, time: 2, threads: 1}
	maxArgon = argon{memory: 256 << 10, time: 16, threads: 16}
)

// Hash is a password as the users file has it.
func Hash(password string) string {
	a := ownArgon
	a.salt = make([]byte, 16)
	rand.Read(a.salt)
	a.key = a.of(password, 32)
	return a.String()
}

func (a *argon) of(password string, length uint32) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, length)
}

// String is the PHC form, as other programs write it.
func (a *argon) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.time, a.threads,
		b64.EncodeToString(a.salt), b64.EncodeToString(a.key))
}

var errHash = errors.New("the second word is neither an argon2id hash ($argon2id$…), a bcrypt hash ($2y$…) nor sha256:FINGERPRINT: exgate user add writes one")

func parseArgon(hash string) (*argon, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return nil, errHash
	}
	var a argon
	var version int
	if n, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &a.memory, &a.time, &a.threads); n != 4 || err != nil || version != argon2.Version {
		return nil, errHash
	}
	var err, err2 error
	a.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	a.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil || len(a.salt) < 8 || len(a.key) < 16 || len(a.key) > 64 {
		return nil, errHash
	}
	if a.time == 0 || a.threads == 0 {
		return nil, errHash
	}
	if a.memory > maxArgon.memory || a.time > maxArgon.time || a.threads > maxArgon.threads {
		return nil, fmt.Errorf("the argon2id hash asks for more than m=%d,t=%d,p=%d", maxArgon.memory, maxArgon.time, maxArgon.threads)
	}
	return &a, nil
}

// maxBcryptCost takes about 4 s.
const maxBcryptCost = 16

func isBcrypt(hash string) bool { return strings.HasPrefix(hash, "$2") }

// checkHash says what is wrong with a hash, without repeating it.
func checkHash(hash string) error {
	if !isBcrypt(hash) {
		_, err := parseArgon(hash)
		return err
	}
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil:
		return errHash
	case cost > maxBcryptCost:
		return fmt.Errorf("the bcrypt hash has the cost %d, more than %d", cost, maxBcryptCost)
	}
	return nil
}

// matchesHash tells whether the hash is the password's.
func matchesHash(hash, password string) bool {
	if isBcrypt(hash) {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	a, err := parseArgon(hash)
	return err == nil && subtle.ConstantTimeCompare(a.of(password, uint32(len(a.key))), a.key) == 1
}

// kindOf returns what decides how much work a hash is, the same for all of the same
// work. The hash has passed checkHash.
func kindOf(hash string) string {
	if isBcrypt(hash) {
		cost, _ := bcrypt.Cost([]byte(hash))
		return fmt.Sprint("bcrypt ", cost)
	}
	a, err := parseArgon(hash)
	if err != nil {
		return ""
	}
	return fmt.Sprint("argon2id ", a.memory, a.time, a.threads, len(a.salt), len(a.key))
}
