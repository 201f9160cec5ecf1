package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/config"
)

// namesCommand lists the folders that exgate has given another name, and renames them.
func namesCommand() *cobra.Command {
	n := namesRun{format: "text"}
	cmd := &cobra.Command{
		Use:   "names",
		Short: "List the folders called *_exgate_* in Exchange, and rename them",
		Long: "Lists the folders of one or many mailboxes that exgate has called *_exgate_* in Exchange, with their " +
			"names for\n" +
			"clients. With new names, it says what it would do; with --apply it renames them. Write the new names into " +
			"the\n" +
			"column \"new\" of the CSV list, and give it to --rename; or give them with --new, for all mailboxes.\n\n" +
			"Rename when the last copy is done: for a client that copies again, a renamed folder is another one.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return n.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&n.login, "login", "", "log in with this `name`, as a client would; with --from, as this admin")
	flags.StringVar(&n.from, "from", "", "go through the mailboxes of this CSV `file` (mailbox, password, admin)")
	flags.StringVar(&n.rename, "rename", "", "take the new names from this CSV `file`")
	flags.StringArrayVar(&n.names, "new", nil, "rename a folder, in every mailbox that has it: `EXCHANGE=NEW` "+
		"(may be repeated)")
	flags.BoolVar(&n.apply, "apply", false, "rename the folders; without it, nothing is changed")
	flags.StringVar(&n.format, "format", n.format, "text, csv or json")
	return cmd
}

// namesRun is one call of exgate names.
type namesRun struct {
	login, from, rename, format string
	names                       []string
	apply                       bool

	list   *listRun
	wanted wantedNames
}

// A madeName is a folder that exgate has given its name in Exchange.
type madeName struct {
	Mailbox  string `json:"mailbox"`
	Admin    string `json:"admin,omitempty"`
	Exchange string `json:"exchange"`
	Client   string `json:"client"`
	New      string `json:"new,omitempty"`
	State    string `json:"state,omitempty"` // of the renaming; "": no new name is given
	Why      string `json:"why,omitempty"`

	wire, to string // the names on the wire, before and after
	depth    int
	messages int64 // before; -1: not known
}

// The values of madeName.State.
const (
	nameReady   = "ready" // it would be renamed
	nameRenamed = "renamed"
	nameRefused = "refused" // by exgate
	nameFailed  = "failed"  // the folder has its old name
	nameUnknown = "unknown" // look at the mailbox
	nameAbsent  = "absent"  // there is no such folder
	nameClosed  = "closed"  // the mailbox does not open
)

func (n *namesRun) run(cmd *cobra.Command) error {
	c, _, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	switch {
	case n.format != "text" && n.format != "csv" && n.format != "json":
		return exitError{exitUsage, fmt.Errorf("--format: %q is not one of text, csv, json", n.format)}
	case n.login == "" && n.from == "":
		return exitError{exitUsage, errors.New("give --login or --from: whose folders?")}
	case n.apply && n.rename == "" && len(n.names) == 0:
		return exitError{exitUsage, errors.New("--apply needs --rename or --new")}
	}
	if n.wanted, err = readWantedNames(n.rename, n.names); err != nil {
		return exitError{exitUsage, err}
	}
	users, err := n.users(cmd, c)
	if err != nil {
		return exitError{exitUsage, err}
	}
	var all []madeName
	for i, u := range users {
		all = append(all, n.mailbox(cmd.Context(), u)...)
		if cmd.Context().Err() != nil {
			break
		}
		if len(users) > 1 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d mailboxes\n", i+1, len(users))
		}
	}
	all = append(all, n.wanted.of(users)...)
	if err := writeNames(cmd.OutOrStdout(), n.format, all, len(users)); err != nil {
		return err
	}
	return errors.Join(namesError(all), cmd.Context().Err())
}

// users returns the mailboxes, and asks for a password that is needed.
func (n *namesRun) users(cmd *cobra.Command, c *config.Config) (users []listedUser, err error) {
	n.list = &listRun{c: c, probers: map[string]*listProber{}, admins: map[string]*adminState{}}
	if n.from == "" {
		users = []listedUser{{mailbox: n.login}}
		l, err := n.list.prepare(users[0])
		if l.listProber == nil {
			return nil, err
		}
		if !l.server.Holds() {
			n.list.password, err = askSecret(cmd, "Password for "+n.login)
			return users, err
		}
		return users, nil
	}
	if users, err = readUsers(n.from); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	for i := range users {
		if users[i].admin == "" {
			users[i].admin = n.login
		}
		if n.login != "" && users[i].password == "" && n.list.password == "" {
			if n.list.password, err = askSecret(cmd, "Password for "+n.login); err != nil {
				return nil, err
			}
		}
	}
	return users, nil
}

// mailbox lists, and renames, the folders of one mailbox.
func (n *namesRun) mailbox(ctx context.Context, u listedUser) []madeName {
	closed := func(err error) []madeName {
		return []madeName{{Mailbox: u.mailbox, Admin: u.admin, State: nameClosed,
			Why: strings.Join(strings.Fields(err.Error()), " ")}}
	}
	l, err := n.list.prepare(u)
	if err != nil {
		return closed(err)
	}
	if !l.admin.mayTry() {
		return closed(errors.New("not tried: too many logins of this account have failed in a row"))
	}
	session, err := l.server.Open(ctx, l.id, l.cred, nil)
	if err != nil {
		l.admin.note(false, true)
		return closed(err)
	}
	l.admin.note(true, false)
	r := &renamer{login: l, session: session}
	defer func() { r.session.Close() }()
	probed, err := session.Folders(ctx)
	if err != nil {
		return closed(err)
	}
	profile, _ := l.detect(session.Evidence)
	options := l.to.Names(l.c.Profile(profile).Names).For(l.id.User)
	made, err := madeNames(options, probed)
	if err != nil {
		return closed(err)
	}
	for i := range made {
		m := &made[i]
		m.Mailbox, m.Admin = u.mailbox, u.admin
		m.New = n.wanted.take(u.mailbox, m.Exchange)
	}
	planNames(options, probed, made)
	if n.apply {
		r.rename(ctx, made)
	}
	return made
}

// madeNames returns the folders of a mailbox whose names exgate has made.
func madeNames(options folders.Options, probed []backend.ProbedFolder) (made []madeName, err error) {
	reports, err := folderReports(options, probed)
	if err != nil {
		return nil, err
	}
	for i, r := range reports {
		separator := probed[i].Separator
		if separator == "" || !r.Shown {
			continue
		}
		levels := strings.Split(r.Exchange, separator)
		last := levels[len(levels)-1]
		switch {
		case folders.Mark(last) == folders.MarkMore:
			continue // its name goes on in the folder below it
		case folders.Mark(last) == folders.MarkApart && !strings.HasSuffix(r.Client, last):
		case len(levels) > 1 && folders.Mark(levels[len(levels)-2]) == folders.MarkMore &&
			!strings.Contains(r.Client, levels[len(levels)-2]):
		default:
			continue
		}
		made = append(made, madeName{Exchange: r.Exchange, Client: r.Client, wire: probed[i].Name, depth: len(levels),
			messages: -1})
	}
	return made, nil
}
