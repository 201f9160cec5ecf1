package names

import (
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend/folders"
)

// Known is what the sessions of an account know of its mailboxes. The zero
// value knows nothing.
type Known struct {
	mu   sync.Mutex
	list *folders.List
	at   time.Time
	// implied are mailboxes that were made because one below them was: making
	// them afterwards is no error.
	implied map[string]bool
	// shared are mailboxes that clients know by more than one name, which only
	// folders.Merge lets happen.
	shared map[string][]string
}

// Get returns the list, and how old it is; nil if there is none.
func (k *Known) Get() (*folders.List, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.list, time.Since(k.at)
}

func (k *Known) Set(list *folders.List) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list, k.at = list, time.Now()
}

// Forget has the list read again.
func (k *Known) Forget() { k.Set(nil) }

// Made notes a new mailbox, and those above it that Exchange made with it.
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

// maxImplied bounds the mailboxes that are noted as made with one below them: of more,
// a client that makes one afterwards hears that it exists.
const maxImplied = 10_000

// WasImplied tells, once, whether a mailbox was made with one below it.
func (k *Known) WasImplied(mailbox string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	implied := k.implied[mailbox]
	delete(k.implied, mailbox)
	return implied
}

// Call notes by which name a client calls a mailbox, and returns all of them.
func (k *Known) Call(mailbox, name string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.shared[mailbox]) < maxCalled && !slices.Contains(k.shared[mailbox], name) {
		if k.shared == nil {
			k.shared = make(map[string][]string)
		}
		k.shared[mailbox] = append(k.shared[mailbox], name)
	}
	return k.shared[mailbox]
}

// maxCalled bounds the names of a mailbox that are noted: that there are two of them
// is what matters.
const maxCalled = 16

// Called are the names of a mailbox that clients have used.
func (k *Known) Called(mailbox string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.shared[mailbox]
}

// AnyAge is the age of a list that may be taken unless it is found wanting.
const AnyAge = time.Duration(1<<63 - 1)

// FreshEnough is the age of a list by which a name that is not in it does not
// exist: other programs of the user's may just have made it.
const FreshEnough = 2 * time.Second
