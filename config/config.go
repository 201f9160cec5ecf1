// Package config reads and checks the configuration: the keys of the YAML file
// with their defaults (this file, and one for each section), reading them from
// file, environment and flags (load.go), finding mistakes (validate.go), and the
// settings for each version of Exchange (profiles.go).
package config

import (
	"time"

	"exgate/backend"
	"exgate/config/profile"
)

// Mode is enforce or observe; docs/design.md#modes tells what each switches.
type Mode string

const (
	Enforce Mode = "enforce"
	Observe Mode = "observe"
)

// Config is the whole configuration. The tag "key" is a key's spelling in the
// file. The comment above a field is its description, from which sample.yaml and
// docs/config.md are generated. The tag "sample" is the value that the sample
// sets; the tag "example" is a value that the sample shows commented out.
type Config struct {
	// enforce: exgate repairs, paces and refuses messages. observe: exgate changes
	// nothing; for each message and each name of a mailbox it logs what it would have
	// done, and for a message Exchange's reply.
	Mode Mode `key:"mode" sample:"enforce"`
	// Directory for the state that exgate keeps between runs, such as its
	// self-signed certificate and the list of messages that Exchange executed as
	// commands. Unset: the state directory that systemd gives the service, or the
	// directory exgate in the user's configuration directory.
	StateDir string `key:"state_dir" example:"/var/lib/exgate"`

	// The addresses for clients, as host:port. An empty host means every address of
	// the machine; port 0 means a free port. At least one is needed.
	Listen Listen `key:"listen"`
	// The certificate that clients see. Unset: exgate creates a self-signed one and
	// keeps it in state_dir.
	TLS TLS `key:"tls"`
	// The Exchange server.
	Upstream Upstream `key:"upstream"`
	// Further servers. A login goes to the first one that matches, or to the one
	// that routes_file names. Each has a name, match, and the keys of upstream.
	// match is a list of mailboxes or DOMAIN\user, in which * stands for anything.
	Upstreams []FurtherUpstream `key:"upstreams" example:"[{name: online, match: ['*@cloud.example.com'], address: 'outlook.office365.com:993'}]"`
	// File that assigns mailboxes to upstreams, one line for each: the mailbox and
	// the name of the upstream (default is the first). These may follow:
	// mailbox=NAME, the mailbox's name there; form=FORM, the form of the login;
	// prefix=PREFIX, the mailbox that contains all mailboxes of this user, instead
	// of the prefix under names. exgate reads the file again when it changes, and
	// ends the sessions of users who were moved.
	RoutesFile string `key:"routes_file" example:"/etc/exgate/routes"`
	// File that lists the accounts allowed to use the gateway's credentials
	// (upstream.login.admin or upstream.oauth2), and the mailboxes that each may
	// open. exgate user add writes it; docs/logins.md describes it. exgate reads
	// the file again when it changes.
	UsersFile string `key:"users_file" example:"/etc/exgate/users"`
	// The repairs. For a key that is unset, the profile decides.
	Fixes Fixes `key:"fixes"`
	// The mapping between Exchange's names of mailboxes and the clients' names. For
	// a key that is unset, the profile decides.
	Names Names `key:"names"`
	// Limits for clients, messages and the spool.
	Limits Limits `key:"limits"`
	// Temporary files for messages on their way to Exchange.
	Spool Spool `key:"spool"`
	// Copies of originals and attachments, for messages that lose something.
	Quarantine Quarantine `key:"quarantine"`
	// The record of each message, session and failed login, for profiles of Exchange.
	Ledger Ledger `key:"ledger"`
	// The functions that stay active in mode observe.
	Observe ObserveMode `key:"observe"`
	// Redis or Valkey, in which several gateways share their limits.
	Cluster Cluster `key:"cluster"`
	// The log and the wire trace.
	Log Log `key:"log"`
	// When exgate is stopped, commands in flight may take this long to finish.
	DrainTimeout time.Duration `key:"drain_timeout"`
}

// ObserveMode has the two switches of the modes table in docs/design.md#modes.
type ObserveMode struct {
	// exgate keeps to the pace.
	Pace bool `key:"pace"`
	// exgate waits out Exchange's "Suggested Backoff Time" and sends the command
	// again.
	Throttle bool `key:"throttle"`
	// exgate resumes the session when Exchange drops the connection.
	Resume bool `key:"resume"`
}

// Default is the configuration of an empty file. It lacks the values that only
// the operator knows: a listener and the upstream's address.
func Default() *Config {
	return &Config{
		Mode:    Enforce,
		Cluster: Cluster{Name: "exgate"},
		Upstream: Upstream{
			TLS:     backend.TLSImplicit,
			Profile: profile.Auto,
			Resume:  true,
			Login:   Login{MaxFailures: backend.DefaultMaxFailures},

			ReplyTimeout: backend.DefaultReply,
			// The connections are those of the design, below Exchange's 16.
			Pace: Pace{
				MaxBackoff:            backend.DefaultMaxBackoff,
				ConnectionsPerAccount: 12,
				MaxWait:               backend.DefaultMaxWait,
				OverBudget:            OverBudgetRefuse,
			},
		},
		// The largest message of a profile is 45 MB; the spool holds a few of
		// them per connection, and stays below what a small disk has.
		Limits: Limits{
			ConnectionsPerAddress: 200,
			FailedLogins:          20,
			SpoolMemoryPerMessage: 4 << 20,
			SpoolMemory:           64 << 20,
			SpoolPerSession:       200_000_000,
			SpoolPerAccount:       400_000_000,
			SpoolTotal:            2_000_000_000,
		},
		Fixes:        Fixes{Filter: Filter{When: FilterLongLines, Timeout: time.Minute}},
		Quarantine:   Quarantine{Quota: 10_000_000_000, Keep: 90 * 24 * time.Hour},
		Ledger:       Ledger{Retention: 365 * 24 * time.Hour, Size: 4_000_000_000, ReportEvery: time.Hour},
		Log:          Log{Format: FormatAuto, Trace: TraceOff},
		DrainTimeout: time.Minute, // below the 90 s that systemd waits
	}
}
