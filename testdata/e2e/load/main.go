// Command load is the client side of the end-to-end tests soak and kill9: it
// drives sessions of generated load and of mbsync through exgate to the
// simulated Exchange, and compares in the end what each mailbox holds with
// what its session has put there: every message exactly once, with its flags.
//
// What clients see of errors is counted by kind. The exit status is 1 when
// anything is lost, doubled, or has wrong flags, or when an error was seen
// that the gateway should not show.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	ownDomain      = "load.example"
	intruderDomain = "intruder.invalid" // exchangesim.IntruderDomain
)

// run is what all sessions share.
type run struct {
	seed       uint64
	gateway    string // host:port
	gatewayTLS *tls.Config
	ca         string // file, of the gateway's certificate
	direct     string // host:port of the simulator
	below      string // what stands before the names of the sessions' mailboxes there
	directTLS  *tls.Config
	dir        string
	messages   int       // of each Maildir at the beginning
	users      []string  // the accounts that the sessions have in turn
	names      string    // what the sessions of generated load are called
	giveUp     time.Time // when a session that gets nowhere ends
	errors     table     // as clients saw them
	violations table     // what no client may ever see
	waits      waits     // of the generated load for replies
}

// login is the account of the i-th session.
func (r *run) login(i int) (user, password string) {
	user = r.users[i%len(r.users)]
	name, _, _ := strings.Cut(user, "@")
	return user, name + "pass"
}

// violation counts what no client may see, and tells of it at once, with the
// time by which it is found in the logs.
func (r *run) violation(kind, detail string) {
	r.violations.add(kind)
	fmt.Printf("%s %s: %s\n", time.Now().UTC().Format("15:04:05.000"), kind, detail)
}

// session is a worker or a syncer.
type session interface {
	work(ctx context.Context) error
	// differences are what is wrong in the end.
	differences(direct *client) ([]difference, int, error)
	account() (user, password, name string)
}

func (w *worker) account() (user, password, name string) { return w.user, w.password, w.name }
func (s *syncer) account() (user, password, name string) { return s.user, s.password, s.name }

func (w *worker) differences(direct *client) (list []difference, messages int, err error) {
	for i, box := range w.boxes {
		found, err := contentsOf(direct, w.below+box)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, compare(w.want[i], found)...)
		messages += len(w.want[i])
	}
	return list, messages, nil
}

func (s *syncer) differences(direct *client) (list []difference, messages int, err error) {
	found, err := contentsOf(direct, s.below+s.name)
	if err != nil {
		return nil, 0, err
	}
	near, err := s.near()
	if err != nil {
		return nil, 0, err
	}
	maps.DeleteFunc(found, func(id string, _ []string) bool { return s.unknown[id] })
	list = compare(s.want, found)
	for _, d := range compare(s.want, near) {
		list = append(list, difference{d.kind + " in the Maildir", d.id, d.what})
	}
	return list, len(s.want), nil
}

func contentsOf(direct *client, mailbox string) (map[string][]string, error) {
	if err := direct.selectMailbox(mailbox); err != nil {
		return nil, err
	}
	return direct.contents()
}

func main() {
	r := &run{}
	var (
		workers   = flag.Int("workers", 16, "sessions of generated load")
		syncers   = flag.Int("mbsync", 4, "sessions of mbsync")
		duration  = flag.Duration("duration", 5*time.Minute, "how long the load goes on")
		finish    = flag.Duration("finish", 3*time.Minute, "how long a session may take to finish what it has begun")
		gatewayCA = flag.String("gateway-ca", "", "`file` with the certificate of the gateway")
		directCA  = flag.String("direct-ca", "", "`file` with the certificate of the simulator")
		orders    = flag.String("control", "", "`file` to write \"faults off\" to, before the sessions finish")
		spoil     = flag.String("spoil", "", "spoil one mailbox before the comparison, which must see it: "+
			"lost, doubled or flags")
		users = flag.String("users", "alice,bob,admin", "users of the simulator whose mailboxes are worked in, "+
			"as they log in")
		strict = flag.Bool("strict", true, "errors of kinds that the gateway should not show are failures")
	)
	flag.Uint64Var(&r.seed, "seed", uint64(time.Now().UnixNano()%1_000_000), "of everything that is random")
	flag.StringVar(&r.gateway, "gateway", "", "host:port of the gateway, TLS from the first byte")
	flag.StringVar(&r.direct, "direct", "", "host:port of the simulator, TLS from the first byte")
	flag.StringVar(&r.below, "below", "", "what the gateway puts before the names of mailboxes, such as INBOX/")
	flag.StringVar(&r.names, "names", "load", "what the sessions of generated load and their mailboxes are called")
	flag.StringVar(&r.dir, "dir", "", "directory for Maildirs")
	flag.IntVar(&r.messages, "messages", 20, "messages of each Maildir at the beginning")
	flag.Parse()
	r.users = strings.Split(*users, ",")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // ends the load early
	defer stop()
	fmt.Printf("load: seed %d, %d sessions of load, %d of mbsync, %v\n", r.seed, *workers, *syncers, *duration)
	r.ca = *gatewayCA
	r.giveUp = time.Now().Add(*duration + *finish)
	var err, directErr error
	r.gatewayTLS, err = trusting(*gatewayCA)
	r.directTLS, directErr = trusting(*directCA)
	if err := errors.Join(err, directErr); err != nil {
		fatal(err)
	}
	sessions, err := r.sessions(*workers, *syncers)
	if err != nil {
		fatal(err)
	}
	errs := r.drive(ctx, sessions, *duration, *orders)
	r.giveUp = time.Time{} // the rest is the simulator's own
	if err := r.spoil(*spoil, sessions); err != nil {
		fatal(err)
	}
	if failed := r.verdict(sessions, errs, *strict); failed > 0 {
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "load:", err)
	os.Exit(2)
}

// trusting is a client's configuration that trusts the certificate in a file.
func trusting(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}, nil
}

func (r *run) sessions(workers, syncers int) (list []session, err error) {
	for i := range workers {
		list = append(list, newWorker(r, i))
	}
	for i := range syncers {
		s, err := newSyncer(r, i)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// drive lets all sessions work for d, ends the faults, and waits until they
// have finished.
func (r *run) drive(ctx context.Context, sessions []session, d time.Duration, orders string) []error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	errs := make([]error, len(sessions))
	var working sync.WaitGroup
	for i, s := range sessions {
		working.Go(func() { errs[i] = s.work(ctx) })
	}
	<-ctx.Done()
	if orders != "" {
		if err := order(orders, "faults off\n"); err != nil {
			fatal(err)
		}
	}
	working.Wait()
	return errs
}

// order writes to what the simulator reads.
func order(file, line string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// verdict prints what came of each session, and returns how much of it failed.
func (r *run) verdict(sessions []session, errs []error, strict bool) (failed int) {
	passed := 0
	result := func(ok bool, format string, v ...any) {
		word := "ok  "
		if ok {
			passed++
		} else {
			word, failed = "FAIL", failed+1
		}
		fmt.Printf("%s %s\n", word, fmt.Sprintf(format, v...))
	}
	for i, s := range sessions {
		user, password, name := s.account()
		if errs[i] != nil {
			result(false, "%-10s %v", name, errs[i])
			continue
		}
		list, messages, err := r.judge(s, user, password)
		if err != nil {
			result(false, "%-10s cannot be compared: %v", name, err)
			continue
		}
		for _, d := range list {
			fmt.Printf("       %s: %s %s\n", d.kind, d.id, d.what)
		}
		result(len(list) == 0, "%-10s %3d messages, %d differences; %s", name, messages, len(list), activity(s))
	}
	wrong := r.errors.print("Errors that clients saw", strict)
	if strict {
		result(wrong == 0, "errors only of the kinds that are allowed (%d others)", wrong)
	}
	r.waits.print()
	r.violations.print("What no client may see", false)
	result(len(r.violations.counts) == 0, "nothing that no client may see")
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return failed
}

// judge reads a mailbox at the simulator itself.
func (r *run) judge(s session, user, password string) ([]difference, int, error) {
	direct, err := r.dial(r.direct, r.directTLS, user, password)
	if err != nil {
		return nil, 0, err
	}
	defer direct.logout()
	return s.differences(direct)
}

// activity says what a session has done.
func activity(s session) string {
	switch s := s.(type) {
	case *worker:
		var list []string
		for _, what := range slices.Sorted(maps.Keys(s.done)) {
			list = append(list, fmt.Sprintf("%s %d", what, s.done[what]))
		}
		return strings.Join(list, ", ")
	case *syncer:
		return fmt.Sprintf("%d runs, %d messages not known to be stored", s.runs, len(s.unknown))
	}
	return ""
}

// spoil does to the first session's first message what the comparison must
// find out.
func (r *run) spoil(what string, sessions []session) error {
	if what == "" {
		return nil
	}
	user, password, name := sessions[0].account()
	direct, err := r.dial(r.direct, r.directTLS, user, password)
	if err != nil {
		return err
	}
	defer direct.logout()
	if err := direct.selectMailbox(r.below + name); err != nil {
		return err
	}
	commands := map[string][]string{
		"lost":    {`STORE 1 +FLAGS (\Deleted)`, "EXPUNGE"},
		"doubled": {"COPY 1 " + r.below + name},
		"flags":   {`STORE 1 FLAGS (\Answered \Flagged \Seen \Draft \Deleted)`},
	}[what]
	if commands == nil {
		return fmt.Errorf("-spoil %s: none of lost, doubled, flags", what)
	}
	for _, command := range commands {
		if _, err := direct.do("%s", command); err != nil {
			return err
		}
	}
	return nil
}
