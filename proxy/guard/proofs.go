package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"exgate/backend"
)

// Proofs remembers for a while which passwords Exchange has just taken. An admin
// whose password is among them, and who asks for a mailbox that does not open,
// has missed a mailbox and guessed no password: Exchange says the same to both
// (docs/exchange.md#login-failures).
//
// A password itself is not kept, but a hash of it under a key of this run.
type Proofs struct {
	now func() time.Time
	key [sha256.Size]byte

	mu     sync.Mutex
	proven map[[sha256.Size]byte]time.Time // when Exchange took it
}

const (
	// provenFor is how long a password is taken for right after a good login.
	// It is short: a password that has been changed meanwhile costs failures.
	provenFor = 10 * time.Minute
	// maxProofs bounds the passwords that are remembered.
	maxProofs = 10_000
)

// NewProofs returns Proofs without any.
func NewProofs() *Proofs {
	p := &Proofs{now: time.Now, proven: make(map[[sha256.Size]byte]time.Time)}
	rand.Read(p.key[:])
	return p
}

// Add notes that a server has taken the password of an account.
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

// Has reports whether the server has just taken the password of the account.
func (p *Proofs) Has(server, account string, password backend.Secret) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known := p.proven[p.hash(server, account, password)]
	return known && p.now().Sub(at) <= provenFor
}

// sweep makes room for one more. p.mu is held.
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
		delete(p.proven, hash) // any one: its account has to prove itself anew
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
