package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exgate/backend"
	"exgate/config"
	"exgate/proxy/audit"
	"exgate/proxy/source"
)

// auditSource is the IMAP server of "exgate audit --source", and who logs in.
type auditSource struct {
	server                    backend.Options
	tls, caFile               string
	login, from               string
	passwordFile, passwordEnv string
	perSecond, bytes          float64
}

// newAuditSource returns the defaults. A hundred messages a second leave most of a server to its
// users; it is our own choice.
func newAuditSource() auditSource {
	return auditSource{tls: string(backend.TLSImplicit), perSecond: 100}
}

func (s *auditSource) flags(f *pflag.FlagSet) {
	f.StringVar(&s.server.Address, "source", "", "read the accounts of this IMAP server, `host:port`")
	f.StringVar(&s.tls, "source-tls", s.tls, "the protection of the connection: implicit, starttls or insecure-none")
	f.StringVar(&s.caFile, "source-ca", "", "PEM `file` with the authorities that sign the server's certificate "+
		"(default: those of the system)")
	f.StringVar(&s.server.ServerName, "source-name", "", "the `name` in the server's certificate, if it is not that of "+
		"--source")
	f.StringVar(&s.server.Pin, "source-pin", "", "the `SHA-256` of the server's certificate, in place of its verification")
	f.StringVar(&s.login, "login", "", "the account to read, by its login `name`; with --from: the admin who logs in for "+
		"the accounts of the list that have no password")
	f.StringVar(&s.from, "from", "", "read each account of this CSV `file` (mailbox, password, admin), as exgate check "+
		"--from reads it")
	f.StringVar(&s.passwordFile, "password-file", "", "`file` with the password of --login")
	f.StringVar(&s.passwordEnv, "password-env", "", "environment `variable` with the password of --login")
	f.Float64Var(&s.perSecond, "rate", s.perSecond, "`number` of messages a second that are read, of all accounts; 0: no "+
		"limit")
	f.Float64Var(&s.bytes, "bytes-rate", 0, "`number` of bytes a second that are read, of all accounts; 0: no limit")
}

// jobs returns a job for each account.
func (s *auditSource) jobs(cmd *cobra.Command) ([]auditJob, error) {
	if s.login == "" && s.from == "" {
		return nil, errors.New("--source needs --login or --from")
	}
	options, err := s.connect()
	if err != nil {
		return nil, err
	}
	users := []listedUser{{mailbox: s.login}}
	if s.from != "" {
		if users, err = readUsers(s.from); err != nil {
			return nil, fmt.Errorf("--from: %w", err)
		}
	}
	reader := &sourceReader{options: options, admins: make(map[string]*adminState)}
	var jobs []auditJob
	for _, u := range users {
		if u.password == "" {
			if s.login == "" {
				return nil, fmt.Errorf("--from: line %d has no password, and there is no --login", u.line)
			}
			if reader.password == "" {
				if reader.password, err = s.password(cmd); err != nil {
					return nil, err
				}
			}
			if s.from != "" {
				u.admin = cmp.Or(u.admin, s.login)
			}
		}
		jobs = append(jobs, auditJob{account: u.mailbox, from: s.server.Address + " " + u.admin, read: func(
			ctx context.Context, to *audit.Counter, progress *auditProgress,
		) error {
			return reader.read(ctx, u, to, progress)
		}})
	}
	return jobs, nil
}

// connect returns how the server is reached.
func (s *auditSource) connect() (o source.Options, err error) {
	s.server.TLS = backend.TLSMode(s.tls)
	if s.server.RootCAs, err = config.ReadAuthorities("--source-ca", s.caFile); err != nil {
		return o, err
	}
	if o.Dialer, err = backend.NewDialer(s.server); err != nil {
		return o, fmt.Errorf("--source: %w", err)
	}
	o.Messages, o.Bytes = backend.NewPace(s.perSecond, nil), backend.NewPace(s.bytes, nil)
	return o, nil
}

// password returns the password of --login.
func (s *auditSource) password(cmd *cobra.Command) (password string, err error) {
	switch {
	case s.passwordFile != "":
		if password, err = config.ReadSecretFile(s.passwordFile); err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
	case s.passwordEnv != "":
		if password, err = config.ReadSecretVariable(s.passwordEnv); err != nil {
			return "", fmt.Errorf("--password-env: %w", err)
		}
	default:
		if password, err = askSecret(cmd, "Password for "+s.login); err != nil {
			return "", err
		}
		if password == "" {
			return "", errors.New("the password of --login is empty")
		}
	}
	return password, nil
}

// sourceReader reads accounts of the server.
type sourceReader struct {
	options  source.Options
	password string // of --login

	mu     sync.Mutex
	admins map[string]*adminState // by login name and password
}

func (r *sourceReader) read(
	ctx context.Context, u listedUser, to *audit.Counter, progress *auditProgress,
) (err error) {
	login := source.Login{User: u.mailbox, Admin: u.admin, Password: backend.NewSecret(cmp.Or(u.password, r.password))}
	admin := r.admin(u)
	leave := admin.enter(u.line)
	defer leave()
	if !admin.mayTry() {
		return fmt.Errorf("not tried: too many logins of %s have failed in a row", cmp.Or(u.admin, u.mailbox))
	}
	sink := &sourceSink{ctx: ctx, account: u.mailbox, counter: to, progress: progress}
	sink.loggedIn = func() {
		admin.note(true, false)
		leave()
	}
	sink.loader.exact = true
	defer func() { err = errors.Join(err, sink.loader.close()) }()
	err = source.Read(ctx, r.options, login, sink)
	var refused *imap.Error
	var unreached *backend.Error
	switch {
	case !sink.isOpen && errors.As(err, &refused):
		admin.note(false, true)
	case errors.As(err, &unreached):
		err = fmt.Errorf("%w (here tls, ca_file, server_name and pin are --source-tls, --source-ca, --source-name and "+
			"--source-pin)", err)
	}
	return err
}

// admin returns what is known of the password of a login.
func (r *sourceReader) admin(u listedUser) *adminState {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := strings.ToLower(cmp.Or(u.admin, u.mailbox)) + "\x00" + u.password
	if r.admins[key] == nil {
		r.admins[key] = new(adminState)
	}
	return r.admins[key]
}

// sourceSink counts the messages of an account. It implements source.Sink.
type sourceSink struct {
	ctx      context.Context // of the reading
	account  string
	counter  *audit.Counter
	progress *auditProgress
	loader   loader
	loggedIn func() // called once, after the login
	isOpen   bool
	mailbox  string
}

// Mailboxes implements source.Sink.
func (s *sourceSink) Mailboxes(all []source.Mailbox) error {
	s.isOpen = true
	s.loggedIn()
	folders := make([]audit.Folder, len(all))
	for i, m := range all {
		folders[i] = audit.Folder{Name: m.Name, Separator: m.Separator, Attributes: m.Attributes}
	}
	return s.counter.Folders(folders)
}

// Open implements source.Sink.
func (s *sourceSink) Open(m source.Mailbox) {
	s.mailbox = m.Name
	s.progress.open(s.account, m.Name, int64(m.Messages))
}

// Wants implements source.Sink.
func (s *sourceSink) Wants(size int64) bool { return s.counter.Wants(size) }

// Message implements source.Sink.
func (s *sourceSink) Message(m source.Message) error {
	about := audit.About{
		Message: audit.Message{Mailbox: s.mailbox, UID: m.UID, Size: m.Size}, Flags: m.Flags, Date: &m.Date,
	}
	if m.HeaderOnly {
		header, err := io.ReadAll(m.Text)
		if err != nil {
			return err
		}
		s.counter.AddLarge(about, header)
		s.progress.read(s.account, int64(len(header)))
		return nil
	}
	if err := s.loader.read(m.Text); err != nil {
		return err
	}
	s.progress.read(s.account, s.loader.size)
	err := s.counter.Add(s.ctx, about, audit.Text{ReaderAt: &s.loader, Size: s.loader.size})
	if err != nil && s.ctx.Err() == nil { // the rest of the account goes on
		s.counter.Failed(about.Message, err.Error())
		return nil
	}
	return err
}

// Failed implements source.Sink.
func (s *sourceSink) Failed(m source.Mailbox, uid uint32, reason error) {
	s.counter.Failed(audit.Message{Mailbox: m.Name, UID: uid}, reason.Error())
}

// Lost implements source.Sink.
func (s *sourceSink) Lost(reason error) {
	s.progress.say(fmt.Sprintf("%s: connecting again: %v", s.account, reason))
}
