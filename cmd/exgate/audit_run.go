package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"exgate/proxy/audit"
)

// auditJob is one account to be read.
type auditJob struct {
	account string
	from    string // where the account is, to tell it from another one of this name
	read    func(ctx context.Context, to *audit.Counter, progress *auditProgress) error
}

// auditRun is one call of exgate audit.
type auditRun struct {
	*auditFlags
	options  audit.Options
	jobs     []auditJob
	progress *auditProgress

	mu    sync.Mutex
	file  *os.File                 // of --state; nil: none
	known map[string]audit.Account // the results of earlier calls
}

func (r *auditRun) run(ctx context.Context, out io.Writer) (err error) {
	if err := r.openState(); err != nil {
		return exitError{exitUsage, fmt.Errorf("--state: %w", err)}
	}
	if r.file != nil {
		defer func() { err = errors.Join(err, r.file.Close()) }()
	}
	accounts, err := r.all(ctx)
	if err != nil {
		return err
	}
	result := audit.NewReport(r.options, accounts, r.sessions, time.Now())
	if err := result.Write(out, r.format); err != nil {
		return err
	}
	failed := 0
	for i := range accounts {
		if accounts[i].HasFailed() {
			failed++
		}
	}
	if failed > 0 {
		return exitError{exitUnavailable, fmt.Errorf("accounts that could not be read, or not all of them: %d", failed)}
	}
	if left := result.Total.LeftBehind(); left > 0 {
		return exitError{exitData, fmt.Errorf("messages that would be left behind: %d", left)}
	}
	return nil
}

// all reads the accounts that are not known.
func (r *auditRun) all(ctx context.Context) ([]audit.Account, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	accounts := make([]audit.Account, len(r.jobs))
	work := make(chan int)
	var workers sync.WaitGroup
	for range min(r.parallel, len(r.jobs)) {
		workers.Go(func() {
			for i := range work {
				account, err := r.one(ctx, r.jobs[i])
				if err != nil {
					cancel(err)
					return
				}
				accounts[i] = *account
			}
		})
	}
	stop := r.progress.begin(len(r.jobs))
	defer stop()
feed:
	for i, job := range r.jobs {
		if known, ok := r.known[r.key(job)]; ok {
			accounts[i] = known
			r.progress.done(job.account)
			continue
		}
		select {
		case work <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	workers.Wait()
	if ctx.Err() == nil {
		return accounts, nil
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return nil, err
	}
	return nil, fmt.Errorf("stopped; with --state, the same call goes on: %w", ctx.Err())
}

// one reads an account. An error of the account is in the result.
func (r *auditRun) one(ctx context.Context, job auditJob) (*audit.Account, error) {
	counter, err := audit.NewCounter(r.options, job.account)
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	err = job.read(ctx, counter, r.progress)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.progress.done(job.account)
	account := counter.End(err)
	return account, r.keep(job, account)
}

// auditResult is a line of the state file.
type auditResult struct {
	Key     string        `json:"key"`
	Account audit.Account `json:"account"`
}

// key identifies an account, and what its messages would meet: another profile needs another
// reading.
func (r *auditRun) key(job auditJob) string {
	text, err := json.Marshal([]any{job.from, job.account, r.options})
	if err != nil {
		panic("audit: the options have no JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// maxStateLine is longer than the result of any account.
const maxStateLine = 64 << 20

// openState reads the results of earlier calls.
func (r *auditRun) openState() (err error) {
	if r.state == "" {
		return nil
	}
	if r.file, err = os.OpenFile(r.state, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	r.known = make(map[string]audit.Account)
	lines := bufio.NewScanner(r.file)
	lines.Buffer(nil, maxStateLine)
	for !r.again && lines.Scan() {
		var result auditResult
		// A line that a killed call has not completed is passed over.
		if json.Unmarshal(lines.Bytes(), &result) == nil && !result.Account.HasFailed() {
			r.known[result.Key] = result.Account
		}
	}
	if err := lines.Err(); err != nil {
		return errors.Join(err, r.file.Close())
	}
	_, err = r.file.WriteString("\n") // ends such a line
	return err
}

func (r *auditRun) keep(job auditJob, account *audit.Account) error {
	if r.file == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := json.NewEncoder(r.file).Encode(auditResult{r.key(job), *account}); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}
