package names

import (
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend/folders"
)

// Known is the knowledge of one account's mailboxes, which all sessions of the
// account share. The zero value knows no mailbox. Known is safe for use by
// several goroutines.
type Known struct {
	mu       sync.Mutex
	list     *folders.List
	listedAt time.Time
	// implied has the mailboxes that Exchange created as parents of another
	// one. Creating such a mailbox afterwards is no error.
	implied map[string]bool
	// aliases has the names by which clients call each mailbox. Only
	// folders.Merge allows more than one.
	aliases map[string][]string
}

// Get returns the list of mailboxes and the time since it was set. The list is nil
// if it is not known.
func (k *Known) Get() (list *folders.List, age time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.list, time.Since(k.listedAt)
}

// Set replaces the list of mailboxes by one that was read just now.
func (k *Known) Set(list *folders.List) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list, k.listedAt = list, time.Now()
}

// Extend adds mailboxes that were listed besides those that are known. part belongs to Known
// afterwards.
func (k *Known) Extend(part *folders.List) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.list == nil {
		k.list, k.listedAt = part, time.Now()
		return
	}
	for _, name := range part.Names() {
		k.list.AddWire(part.Wire(name))
	}
}

// Forget drops the list of mailboxes, so that the next session that needs the
// list reads it again.
func (k *Known) Forget() { k.Set(nil) }

// Made adds a new mailbox to list. It also notes which parents of the mailbox
// Exchange has created with it.
func (k *Known) Made(list *folders.List, mailbox string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := strings.LastIndex(mailbox, list.Separator); i > 0; i = strings.LastIndex(mailbox[:i], list.Separator) {
		if list.Has(mailbox[:i]) {
			break
		}
		if k.implied == nil || len(k.implied) >= maxImplied {
			k.implied = make(map[string]bool)
		}
		k.implied[mailbox[:i]] = true
	}
	list.Add(mailbox)
}

// maxImplied limits the mailboxes that are noted as parents. At the limit the earlier
// ones are forgotten: a client that creates one of them hears that it exists.
const maxImplied = 10_000

// WasImplied reports whether Exchange created the mailbox as a parent of another
// one. It returns true once for each such mailbox.
func (k *Known) WasImplied(mailbox string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	wasImplied := k.implied[mailbox]
	delete(k.implied, mailbox)
	return wasImplied
}

// Call notes that a client calls the mailbox by name. It returns all names by
// which clients have called the mailbox.
func (k *Known) Call(mailbox, name string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.aliases[mailbox]) < maxAliases && !slices.Contains(k.aliases[mailbox], name) {
		if k.aliases == nil {
			k.aliases = make(map[string][]string)
		}
		k.aliases[mailbox] = append(k.aliases[mailbox], name)
	}
	return k.aliases[mailbox]
}

// maxAliases limits the names of one mailbox that are noted. It only matters whether
// a mailbox has more than one.
const maxAliases = 16

// Called returns the names by which clients have called the mailbox.
func (k *Known) Called(mailbox string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.aliases[mailbox]
}

// AnyAge is the age limit of callers that accept a list of any age.
const AnyAge = time.Duration(1<<63 - 1)

// FreshEnough is how old a list may be when exgate concludes from it that a mailbox
// does not exist. After an older list was read, another program of the user may
// have created the mailbox.
const FreshEnough = 2 * time.Second
