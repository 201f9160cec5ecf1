package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"exgate/proxy/guard"
)

const (
	// pendingLife is the time after which a login without an outcome is not waited for any more. Its gateway may have
	// lost Redis.
	pendingLife = 2 * time.Minute
	// failuresAtOnce is how many counts are told in one step. maxLearned is how many, the highest, a gateway asks for.
	failuresAtOnce, maxLearned = 100, 10_000
)

// Guesses returns the counts of failed logins of all gateways.
func (c *Cluster) Guesses() *guard.Guesses {
	if c == nil {
		return guard.NewGuesses(nil)
	}
	g := guard.NewGuesses(peers{c})
	c.guesses.add(g)
	c.learnFailures(g)
	return g
}

// Proofs returns what all gateways know of proven passwords. Without a password of Redis, the hashes of those passwords
// would have no key that is a secret, and the gateway keeps them to itself.
func (c *Cluster) Proofs() *guard.Proofs {
	if c == nil || !c.hasSecret {
		return guard.NewProofs(nil)
	}
	return guard.NewProofs(vault{c})
}

// peers implements guard.Peers.
type peers struct{ c *Cluster }

// Key implements guard.Peers. A client may have typed a password where the name belongs.
func (p peers) Key(of string) string { return p.c.hash("login", of) }

// Weight implements guard.Peers.
func (p peers) Weight() (n int, isAlone bool) {
	link := p.c.now()
	if link.lost.IsZero() {
		return 1, false
	}
	return max(1, len(link.gateways)), true
}

// Enter implements guard.Peers.
func (p peers) Enter(login string, limits []guard.Limit) (refused time.Duration, isFull, ok bool) {
	c := p.c
	args := []any{
		silentAfter.Milliseconds(), guard.ForgiveAfter.Milliseconds(), c.id, login, pendingLife.Milliseconds(),
	}
	for _, l := range limits {
		args = append(args, l.Key, l.Max)
	}
	cmd, ok := c.run(enterScript, append([]string{c.keys.gateways()}, c.loginKeys(limits)...), args...)
	if !ok {
		return 0, false, false
	}
	said, err := numbers(cmd.StringSlice())
	if err != nil || len(said) != 2 {
		c.log.Error("exgate does not understand Redis's answer about a login", "err", err)
		return 0, false, true
	}
	return milliseconds(said[0]), said[1] == 1, true
}

// Leave implements guard.Peers.
func (p peers) Leave(login string, limits []guard.Limit, how guard.Outcome) (failed int, ok bool) {
	c := p.c
	about := make([]string, 0, len(limits))
	for _, l := range limits {
		about = append(about, l.Key)
	}
	args := []any{
		guard.ForgiveAfter.Milliseconds(), c.id, login, int(how), guard.KnownFor.Milliseconds(), guard.MaxGuesses,
		c.keys.news(), c.newsOf(newsLogins, "", 0), c.newsOf(newsFailed, strings.Join(about, " "), time.Millisecond),
		c.newsOf(newsForgiven, limits[1].Key, 0),
	}
	for _, l := range limits {
		args = append(args, l.Key)
	}
	cmd, ok := c.run(leaveScript, c.loginKeys(limits), args...)
	if !ok {
		return 0, false
	}
	failed, err := cmd.Int()
	if err != nil {
		c.log.Error("exgate does not understand Redis's answer about a failed login", "err", err)
	}
	return failed, true
}

// loginKeys returns the keys of the failures, of a known address, and of the logins that are pending.
func (c *Cluster) loginKeys(limits []guard.Limit) []string {
	keys := []string{c.keys.failures(), c.keys.known(limits[1].Key)}
	for _, l := range limits {
		keys = append(keys, c.keys.pending(l.Key))
	}
	return keys
}

// retellLogins is a chore: it tells of failed logins what Redis may not know, and asks what the other gateways know.
type retellLogins struct{ c *Cluster }

func (r retellLogins) do() {
	for _, g := range r.c.guesses.all() {
		if !r.c.retellFailures(g) {
			return // and again when Redis is back
		}
		r.c.learnFailures(g)
	}
}

func (c *Cluster) retellFailures(g *guard.Guesses) (ok bool) {
	weight := max(1, len(c.now().gateways))
	for some := range slices.Chunk(g.Known(weight), failuresAtOnce) {
		if !c.tellFailures(some) {
			return false
		}
		g.Told(some, weight)
	}
	return true
}

func (c *Cluster) tellFailures(some []guard.Known) (ok bool) {
	args := []any{guard.ForgiveAfter.Milliseconds(), guard.MaxGuesses, c.keys.news()}
	for _, one := range some {
		news := c.newsOf(newsFailed, one.Key, time.Duration(one.Untold)*time.Millisecond)
		args = append(args, one.Key, one.Before, one.Untold, news)
	}
	_, ok = c.run(failedScript, []string{c.keys.failures()}, args...)
	return ok
}

func (c *Cluster) learnFailures(g *guard.Guesses) {
	asked := g.Now()
	cmd, ok := c.run(learnScript, []string{c.keys.failures()}, guard.ForgiveAfter.Milliseconds(), maxLearned)
	if !ok {
		return
	}
	all, err := cmd.StringSlice()
	for i := 0; i+1 < len(all) && err == nil; i += 2 {
		var n float64
		if n, err = strconv.ParseFloat(all[i+1], 64); err == nil {
			g.Learn(all[i], n, asked)
		}
	}
	if err != nil {
		c.log.Error("exgate does not understand Redis's answer about failed logins", "err", err)
	}
}

// vault implements guard.Vault.
type vault struct{ c *Cluster }

// Secret implements guard.Vault.
func (v vault) Secret() [sha256.Size]byte { return [sha256.Size]byte(v.c.sum("proof", "")) }

// Prove implements guard.Vault. If Redis is lost, this gateway knows of the password alone, and tells Redis with a
// failure.
func (v vault) Prove(hash [sha256.Size]byte, life time.Duration) {
	v.c.run(proveScript, []string{v.key(hash)}, life.Milliseconds())
}

// Miss implements guard.Vault.
func (v vault) Miss(hash [sha256.Size]byte, life time.Duration, known, most int) (misses int, ok bool) {
	cmd, ok := v.c.run(missScript, []string{v.key(hash)}, life.Milliseconds(), known, most)
	if !ok {
		return 0, false
	}
	misses, err := cmd.Int()
	if err != nil {
		v.c.log.Error("exgate does not understand Redis's answer about a password", "err", err)
		return -1, true
	}
	return misses, true
}

// Gateways implements guard.Vault.
func (v vault) Gateways() int {
	link := v.c.now()
	return max(1, len(link.gateways))
}

func (v vault) key(hash [sha256.Size]byte) string { return v.c.keys.proof(hex.EncodeToString(hash[:])) }
