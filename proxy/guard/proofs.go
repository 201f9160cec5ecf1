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
// each run of exgate, or is the vault's. Proofs is safe for use by several goroutines.
type Proofs struct {
	now   func() time.Time
	vault Vault // nil: the gateway is alone
	key   [sha256.Size]byte

	mu     sync.Mutex
	proven map[[sha256.Size]byte]proof
	oldest time.Time // no proof is older; set by sweep
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

// Vault is what several gateways know together of proven passwords. Package cluster has one.
type Vault interface {
	// Secret returns the key of the hashes.
	Secret() [sha256.Size]byte
	// Prove notes that a password was accepted.
	Prove(hash [sha256.Size]byte, life time.Duration)
	// Miss counts a failure with a password, unless there were most failures since it was
	// accepted. If the vault has lost the password, it takes what this gateway knows of it;
	// life is 0 if that is nothing. misses are the failures with this one, -1 if it does not
	// count. ok is false if the vault cannot be asked.
	Miss(hash [sha256.Size]byte, life time.Duration, known, most int) (misses int, ok bool)
	// Gateways returns the number of gateways.
	Gateways() int
}

// NewProofs returns Proofs that remembers no password yet. Without a vault, the gateway
// remembers alone.
func NewProofs(vault Vault) *Proofs {
	p := &Proofs{now: time.Now, vault: vault, proven: make(map[[sha256.Size]byte]proof)}
	if rand.Read(p.key[:]); vault != nil {
		p.key = vault.Secret()
	}
	return p
}

// Add notes that a server has accepted the password of an account. It ignores an empty
// password. The vault is told of passwords of admins only, and of others with the first
// failure that they excuse: it need not have the hash of each user's password.
func (p *Proofs) Add(server, account string, password backend.Secret, isAdmin bool) {
	if password.IsNone() {
		return
	}
	hash := p.hash(server, account, password)
	if p.vault != nil && isAdmin {
		p.vault.Prove(hash, provenFor)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.proven[hash]; !known && len(p.proven) >= maxProofs {
		p.sweep()
	}
	p.proven[hash] = proof{at: p.now()}
}

// Miss notes that a login with this password has failed. It returns true if that was no
// guess: the server has accepted this password within provenFor, and fewer than maxMisses
// failures followed.
func (p *Proofs) Miss(server, account string, password backend.Secret) bool {
	hash := p.hash(server, account, password)
	if p.vault == nil {
		return p.miss(hash, maxMisses)
	}
	life, known := p.known(hash)
	misses, ok := p.vault.Miss(hash, life, known, maxMisses)
	if !ok {
		return p.miss(hash, max(1, maxMisses/p.vault.Gateways()))
	}
	p.note(hash, misses)
	return misses >= 0
}

// miss counts a failure with a password of which this gateway knows, unless there were most.
func (p *Proofs) miss(hash [sha256.Size]byte, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.proven[hash]
	if !ok || p.now().Sub(known.at) > provenFor || known.misses >= most {
		return false
	}
	known.misses++
	p.proven[hash] = known
	return true
}

// known returns how long this gateway takes a password as right, and its failures.
func (p *Proofs) known(hash [sha256.Size]byte) (life time.Duration, misses int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.proven[hash]
	if !ok {
		return 0, 0
	}
	return max(0, provenFor-p.now().Sub(known.at)), known.misses
}

// note notes how many failures all gateways have counted.
func (p *Proofs) note(hash [sha256.Size]byte, misses int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.proven[hash]; ok {
		known.misses = max(known.misses, misses)
		p.proven[hash] = known
	}
}

// sweep drops old passwords, and then others, until there is room for one more. It looks through all of them only when
// one may be old: with more accounts than maxProofs, each login comes here. p.mu is held.
func (p *Proofs) sweep() {
	if now := p.now(); now.Sub(p.oldest) > provenFor {
		p.oldest = now
		for hash, known := range p.proven {
			switch {
			case now.Sub(known.at) > provenFor:
				delete(p.proven, hash)
			case known.at.Before(p.oldest):
				p.oldest = known.at
			}
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
