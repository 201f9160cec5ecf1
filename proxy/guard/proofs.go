package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"exgate/backend"
)

// Proofs remembers for provenFor which passwords Exchange has accepted. An admin may log in
// with such a password and ask for a mailbox that does not open. Then the name of the
// mailbox was wrong, and the admin has not guessed a password. Exchange gives the same
// answer to both (docs/exchange.md#login-failures).
//
// Proofs keeps no password. It keeps a hash of the password, with a key that is made for
// each run of exgate. Proofs is safe for use by several goroutines.
type Proofs struct {
	now func() time.Time
	key [sha256.Size]byte

	mu     sync.Mutex
	proven map[[sha256.Size]byte]time.Time // when Exchange last accepted the password
}

const (
	// provenFor is how long Proofs takes a password as right after a successful login. It
	// is short, because the password may be changed meanwhile, and each login with the old
	// password is a failure for Exchange.
	provenFor = 10 * time.Minute
	// maxProofs limits the number of passwords that Proofs remembers.
	maxProofs = 10_000
)

// NewProofs returns Proofs that remembers no password yet.
func NewProofs() *Proofs {
	p := &Proofs{now: time.Now, proven: make(map[[sha256.Size]byte]time.Time)}
	rand.Read(p.key[:])
	return p
}

// Add notes that a server has accepted the password of an account. It ignores an empty
// password.
func (p *Proofs) Add(server, account string, password backend.Secret) {
	if password.None() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.proven) >= maxProofs {
		p.sweep()
	}
	p.proven[p.hash(server, account, password)] = p.now()
}

// Has reports whether the server has accepted the password of the account within provenFor.
func (p *Proofs) Has(server, account string, password backend.Secret) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known := p.proven[p.hash(server, account, password)]
	return known && p.now().Sub(at) <= provenFor
}

// sweep drops old passwords, and then others, until there is room for one more. p.mu is
// held.
func (p *Proofs) sweep() {
	for hash, at := range p.proven {
		if p.now().Sub(at) > provenFor {
			delete(p.proven, hash)
		}
	}
	for hash := range p.proven {
		if len(p.proven) < maxProofs {
			return
		}
		delete(p.proven, hash) // which one does not matter: Exchange only has to accept this password again
	}
}

func (p *Proofs) hash(server, account string, password backend.Secret) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, p.key[:])
	for _, part := range []string{server, account, password.Reveal()} {
		partSum := sha256.Sum256([]byte(part))
		mac.Write(partSum[:])
	}
	return [sha256.Size]byte(mac.Sum(nil))
}
