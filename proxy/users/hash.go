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

// argon holds the parameters and the result of an argon2id hash (RFC 9106).
type argon struct {
	memory  uint32 // KiB
	time    uint32 // passes over the memory
	threads uint8
	salt    []byte
	key     []byte
}

// ownArgon has the parameters of the hashes that Hash makes. They are those of
// OWASP's Password Storage Cheat Sheet. maxArgon limits the memory and the time
// that a hash in the users file may cost at each login.
var (
	ownArgon = argon{memory: 19 << 10, time: 2, threads: 1}
	maxArgon = argon{memory: 256 << 10, time: 16, threads: 16}
)

// Hash returns an argon2id hash of the password, with a random salt, in the form
// that the users file expects.
func Hash(password string) string {
	a := ownArgon
	a.salt = make([]byte, 16)
	rand.Read(a.salt)
	a.key = a.derive(password, 32)
	return a.String()
}

// derive computes length bytes of key from the password and the parameters.
func (a *argon) derive(password string, length uint32) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, length)
}

// String returns the hash in the PHC string format, which other programs write
// and read too.
func (a *argon) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.time, a.threads,
		b64.EncodeToString(a.salt), b64.EncodeToString(a.key))
}

// errHash does not repeat the invalid hash, since it may be a password.
var errHash = errors.New("the second word is neither an argon2id hash ($argon2id$…), a bcrypt hash ($2y$…) " +
	"nor sha256:FINGERPRINT: let exgate user add write the line")

// parseArgon reads an argon2id hash in the PHC string format. It refuses
// parameters beyond maxArgon.
func parseArgon(hash string) (*argon, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return nil, errHash
	}
	var a argon
	var version int
	n, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &a.memory, &a.time, &a.threads)
	if n != 4 || err != nil || version != argon2.Version {
		return nil, errHash
	}
	var errSalt, errKey error
	a.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	a.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(a.salt) < 8 || len(a.key) < 16 || len(a.key) > 64 {
		return nil, errHash
	}
	if a.time == 0 || a.threads == 0 {
		return nil, errHash
	}
	if a.memory > maxArgon.memory || a.time > maxArgon.time || a.threads > maxArgon.threads {
		return nil, fmt.Errorf("the parameters of the argon2id hash exceed m=%d,t=%d,p=%d: use exgate user add",
			maxArgon.memory, maxArgon.time, maxArgon.threads)
	}
	return &a, nil
}

// maxBcryptCost is the highest accepted cost: one check of it takes about 4 s.
const maxBcryptCost = 16

// isBcrypt reports whether the hash claims to be one of bcrypt.
func isBcrypt(hash string) bool { return strings.HasPrefix(hash, "$2") }

// checkHash returns an error if the users file may not contain the hash. The
// error does not repeat the hash.
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
		return fmt.Errorf("the bcrypt hash has cost %d, above the maximum of %d", cost, maxBcryptCost)
	}
	return nil
}

// matchesHash reports whether hash is a hash of the password.
func matchesHash(hash, password string) bool {
	if isBcrypt(hash) {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	a, err := parseArgon(hash)
	return err == nil && subtle.ConstantTimeCompare(a.derive(password, uint32(len(a.key))), a.key) == 1
}

// kindOf returns the kind and the cost of a hash: equal texts mean equal work. The
// hash has passed checkHash.
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
