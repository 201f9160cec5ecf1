package cluster

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"exgate/backend"
)

// newSecret returns the key of the hashes in Redis. Whoever reads the data of Redis, but does not know its password,
// cannot try what was hashed.
func newSecret(password backend.Secret, cluster string) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(password.Reveal()), nil, "exgate cluster "+cluster, sha256.Size)
}

// sum returns a hash of something for a purpose, the same at all gateways.
func (c *Cluster) sum(purpose, of string) []byte {
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(purpose + "\x00" + of))
	return mac.Sum(nil)
}

// hash is sum as the name of a key.
func (c *Cluster) hash(purpose, of string) string { return hex.EncodeToString(c.sum(purpose, of)[:16]) }
