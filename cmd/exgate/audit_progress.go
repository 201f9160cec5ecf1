package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/proxy/words"
)

// auditProgress writes a line every few seconds, so that nobody takes a long audit for one
// that hangs.
type auditProgress struct {
	w     io.Writer
	every time.Duration

	mu              sync.Mutex
	accounts, ended int
	messages, bytes int64
	at              map[string]auditPlace // by account
}

// auditPlace is where the reading of an account is.
type auditPlace struct {
	mailbox string
	n, of   int64 // messages of the mailbox; of: 0 if that is not known
}

func newAuditProgress(w io.Writer) *auditProgress {
	return &auditProgress{w: w, every: 5 * time.Second, at: make(map[string]auditPlace)}
}

// begin starts the lines; stop ends them.
func (p *auditProgress) begin(accounts int) (stop func()) {
	p.accounts = accounts
	end := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		ticker := time.NewTicker(p.every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.say(p.line())
			case <-end:
				return
			}
		}
	})
	return func() {
		close(end)
		writing.Wait()
	}
}

// say writes a line, which may have the words of a server.
func (p *auditProgress) say(line string) {
	fmt.Fprintln(p.w, printable(strings.Join(strings.Fields(line), " ")))
}

// maxPlaces limits the accounts that a line names.
const maxPlaces = 4

func (p *auditProgress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%d of %d accounts done, %d messages, %s", p.ended, p.accounts, p.messages,
		words.Size(p.bytes))
	for i, account := range slices.Sorted(maps.Keys(p.at)) {
		if i == maxPlaces {
			return line + ", ..."
		}
		at := p.at[account]
		line += fmt.Sprintf("; %s: %.60s", account, at.mailbox)
		if at.of > 0 {
			line += fmt.Sprintf(" %d of %d", at.n, at.of)
		}
	}
	return line
}

// open notes that a mailbox with so many messages is read now.
func (p *auditProgress) open(account, mailbox string, of int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[account] = auditPlace{mailbox: mailbox, of: of}
}

// read notes a message that was read.
func (p *auditProgress) read(account string, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages++
	p.bytes += size
	at := p.at[account]
	at.n++
	p.at[account] = at
}

// done notes that an account is done.
func (p *auditProgress) done(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended++
	delete(p.at, account)
}
