// Package names maps the names of mailboxes between the client and Exchange, for
// the sessions of one account.
package names

import (
	"hash/maphash"

	"exgate/backend/folders"
)

// Mapping maps the names of mailboxes for one login; nil does not.
type Mapping struct {
	*folders.Mapper
	Options folders.Options
	seed    maphash.Seed
	told    map[uint64]bool // hashes of the names of which the log has been told
}

// New returns nil where nothing is mapped. The options have been
// validated by the configuration.
func New(opts folders.Options, user string) (*Mapping, error) {
	opts = opts.For(user)
	if !opts.Active() {
		return nil, nil
	}
	mapper, err := folders.NewMapper(opts)
	if err != nil {
		return nil, err
	}
	return &Mapping{Mapper: mapper, Options: opts, seed: maphash.MakeSeed(), told: make(map[uint64]bool)}, nil
}

// IsNews reports, once for each name, that the log has not been told of it.
func (n *Mapping) IsNews(name string) bool {
	hash := maphash.String(n.seed, name)
	if n.told[hash] || len(n.told) >= maxTold {
		return false
	}
	n.told[hash] = true
	return true
}

// maxTold bounds the names that a session remembers to have logged.
const maxTold = 10_000
