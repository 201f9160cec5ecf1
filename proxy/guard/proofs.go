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
// A proof excuses maxMisses failures, until Exchange accepts the password again. So an
// admin whose password was changed meanwhile soon counts as one who guesses.
//
// Proofs keeps no password. It keeps a hash of the password, with a key that is made for
// each run of exgate. Proofs is safe for use by several goroutines.
type Proofs struct {
	now func() time.Time
	key [sha256.Size]byte

	mu     sync.Mutex
	proven map[[sha256.Size]byte]proof
}

// proof is a password that Exchange has accepted.
type proof struct {
	at     time.Time // when Exchange last accepted it
	misses int       // failures since then that were excused
}

const (
	// provenFor is how long Proofs takes a password as right after a successful login. It
	// outlasts the copying of a large mailbox, during which nobody logs in. An old password
	// does little harm meanwhile: Active Directory does not count a failure with one of the
	// last two passwords towards a lock-out (TechNet Wiki, "Active Directory: Bad Passwords
	// and Account Lockout"), and maxMisses bounds the tries.
	provenFor = 12 * time.Hour
	// maxMisses is how many mailboxes in a row may fail to open. A list of mailboxes with
	// that many mistakes in one place is rare, and a search for names of mailboxes is longer.
	maxMisses = 200
	// maxProofs limits the number of passwords that Proofs remembers.
	maxProofs = 10_000
)

// NewProofs returns Proofs that remembers no password yet.
func NewProofs() *Proofs {
	p := &Proofs{now: time.Now, proven: make(map[[sha256.Size]byte]proof)}
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
	p.proven[p.hash(server, account, password)] = proof{at: p.now()}
}

// Miss notes that a login with this password has failed. It returns true if that was no
// guess: the server has accepted this password within provenFor, and fewer than maxMisses
// failures followed.
func (p *Proofs) Miss(server, account string, password backend.Secret) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	hash := p.hash(server, account, password)
	known, ok := p.proven[hash]
	if !ok || p.now().Sub(known.at) > provenFor || known.misses >= maxMisses {
		return false
	}
	known.misses++
	p.proven[hash] = known
	return true
}

// sweep drops old passwords, and then others, until there is room for one more. p.mu is
// held.
func (p *Proofs) sweep() {
	for hash, known := range p.proven {
		if p.now().Sub(known.at) > provenFor {
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
