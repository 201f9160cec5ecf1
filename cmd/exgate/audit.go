package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exgate/config"
	"exgate/config/profile"
	proxymailbox "exgate/proxy/mailbox"
	"exgate/rewrite"
)

// auditCommand is "exgate audit": it reads messages before they are moved, and stores nothing.
func auditCommand() *cobra.Command {
	var profileName, format string
	cmd := &cobra.Command{
		Use:   "audit [file | mbox | Maildir]...",
		Short: "Tell what will happen to messages before they are moved",
		Long: "Reads messages in files, mbox files, Maildirs or folders, stores nothing, and says what the gateway " +
			"would do with\n" +
			"them: what it would repair, what it would refuse, and how long they take at the pace of the profile. " +
			"A message that\n" +
			"cannot be read is named and passed over.\n\n" +
			"Exit codes: 0: all messages would arrive; 65: some would be refused, or could not be read.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := config.Default()
			if named, err := cmd.Flags().GetString("config"); err == nil && named != "" {
				if c, _, err = loadConfig(cmd); err != nil {
					return err
				}
				if !cmd.Flags().Changed("profile") {
					profileName = c.Upstream.Profile
				}
			}
			p := c.Profile(profileName)
			if p.Name != profileName {
				return exitError{exitUsage, fmt.Errorf("--profile: %q is not one of %s", profileName,
					strings.Join(profile.Names(), ", "))}
			}
			if format != "text" && format != "json" {
				return exitError{exitUsage, fmt.Errorf("--format: %q is not one of text, json", format)}
			}
			return newAuditRun(p).run(cmd, args, format)
		},
	}
	cmd.Flags().StringVar(&profileName, "profile", profile.Auto,
		"the profile that the messages would meet; with --config, the default is the configured profile")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// The bounds of an audit's memory.
const (
	maxAuditListed = 1000      // messages of each list in the report; the counts have all
	maxAuditIDs    = 1_000_000 // hashes of Message-IDs
	maxLargest     = 10
)

// auditReport is the report, for people and programs.
type auditReport struct {
	Profile    string         `json:"profile"`
	Messages   int            `json:"messages"`
	Bytes      int64          `json:"bytes"` // with CRLF
	Changed    int            `json:"changed"`
	Fixes      map[string]int `json:"fixes"` // messages by fix
	Refused    int            `json:"refused"`
	Rules      map[string]int `json:"rules"` // refused messages by rule
	Duplicates int            `json:"duplicates"`
	NoDate     int            `json:"no_date"` // messages whose header has no Date
	Unread     int            `json:"unread"`
	Others     int            `json:"no_messages"` // files of folders that are no messages
	Seconds    float64        `json:"seconds"`     // at the pace of the profile
	Left       []auditMessage `json:"left_behind"`
	Largest    []auditMessage `json:"largest"`
	Failures   []auditMessage `json:"failures"`
}

// auditMessage is one message of a list in the report.
type auditMessage struct {
	File   string `json:"file"`
	Index  int    `json:"message,omitempty"` // its number in an mbox, from 1
	ID     string `json:"message_id,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Reason string `json:"reason,omitempty"`
	Switch string `json:"switch,omitempty"` // the setting with which it would arrive
}

// auditRun reads the messages of one call.
type auditRun struct {
	profile profile.Profile
	report  auditReport
	loader  loader
	box     mbox
	seed    maphash.Seed
	ids     map[uint64]struct{}
}

func newAuditRun(p profile.Profile) *auditRun {
	p.Message.Stage = rewrite.StageProfile
	p.Message.Oversize = rewrite.OversizeRefuse // an audit stores no attachments that are removed
	return &auditRun{
		profile: p, seed: maphash.MakeSeed(), ids: make(map[uint64]struct{}),
		report: auditReport{Profile: p.Name, Fixes: map[string]int{}, Rules: map[string]int{}},
	}
}

func (r *auditRun) run(cmd *cobra.Command, args []string, format string) (err error) {
	defer func() { err = errors.Join(err, r.loader.close()) }()
	files, total, err := findAllMail(args, os.DevNull)
	if err != nil {
		return exitError{exitUsage, err}
	}
	bar := newBar(cmd.ErrOrStderr(), total)
	for _, f := range files {
		if err := r.file(cmd.Context(), f); cmd.Context().Err() != nil {
			return fmt.Errorf("stopped at %s: %w", f.from, cmd.Context().Err())
		} else if err != nil {
			r.report.Unread++
			list(&r.report.Failures, auditMessage{File: f.from, Reason: err.Error()})
		}
		bar.add(f.size)
	}
	bar.end()
	r.report.Seconds = r.seconds()
	if format == "json" {
		err = encodeJSON(cmd.OutOrStdout(), r.report)
	} else {
		err = r.report.print(cmd.OutOrStdout())
	}
	if left := r.report.Refused + r.report.Unread; err == nil && left > 0 {
		err = exitError{exitData, fmt.Errorf("messages that would be left behind: %d", left)}
	}
	return err
}

// seconds is how long one account's messages take at the pace of the profile, if nothing
// else slows them.
func (r *auditRun) seconds() (seconds float64) {
	if pace := r.profile.Pace.Each.Messages; pace > 0 {
		seconds = float64(r.report.Messages-r.report.Refused) / pace
	}
	if pace := r.profile.Pace.Each.Bytes; pace > 0 {
		seconds = max(seconds, float64(r.report.Bytes)/pace)
	}
	return seconds
}

func list(to *[]auditMessage, m auditMessage) {
	if len(*to) < maxAuditListed {
		*to = append(*to, m)
	}
}

func (r *auditRun) file(ctx context.Context, f mailFile) error {
	in, err := os.Open(f.from)
	if err != nil {
		return err
	}
	defer in.Close()
	several, err := isMbox(in)
	if err != nil {
		return err
	}
	if !several {
		file := io.NewSectionReader(in, 0, f.size)
		isMessage, err := f.isMessage(file)
		if err != nil {
			return err
		}
		if !isMessage {
			r.report.Others++
			return nil
		}
		return r.message(ctx, auditMessage{File: f.from}, file)
	}
	n, err := r.box.each(in, f.size, func(n int, _ mboxMessage, text *io.SectionReader) error {
		return r.message(ctx, auditMessage{File: f.from, Index: n}, text)
	})
	if err != nil {
		return fmt.Errorf("message %d: %w", n, err)
	}
	return nil
}

// message audits one message.
func (r *auditRun) message(ctx context.Context, m auditMessage, from *io.SectionReader) error {
	if err := r.loader.read(from); err != nil {
		return err
	}
	var line fixLine
	if _, err := line.plan(ctx, &r.loader, r.profile.Message, r.profile.MessageLimit); err != nil {
		return err
	}
	id, hasDate, err := r.header()
	if err != nil {
		return err
	}
	m.Size, m.ID = r.loader.size, id
	r.report.Messages++
	r.report.Bytes += m.Size
	if !hasDate {
		r.report.NoDate++
	}
	r.countID(id)
	r.report.Largest = append(r.report.Largest, m)
	slices.SortStableFunc(r.report.Largest, func(a, b auditMessage) int { return cmp.Compare(b.Size, a.Size) })
	r.report.Largest = r.report.Largest[:min(len(r.report.Largest), maxLargest)]
	if line.Refused == "" {
		if line.Changed {
			r.report.Changed++
		}
		for name := range line.Fixes {
			r.report.Fixes[name]++
		}
		return nil
	}
	r.report.Refused++
	r.report.Rules[line.Refused]++
	m.Reason = line.Reason
	if line.Refused == "oversize" {
		m.Switch = "limits.message_size, if Exchange's own limit allows it, or fixes.oversize: detach"
	} else {
		escalated := r.profile.Message
		escalated.Stage = rewrite.StageEnvelope
		var again fixLine
		if _, err := again.plan(ctx, &r.loader, escalated, r.profile.MessageLimit); err != nil {
			return err
		}
		if again.Refused == "" {
			m.Switch = "fixes.escalate: envelope"
		}
	}
	list(&r.report.Left, m)
	return nil
}

// header returns the Message-ID of the message in the loader, and whether it has a Date.
func (r *auditRun) header() (id string, hasDate bool, err error) {
	top := make([]byte, min(r.loader.size, mboxHeader))
	if _, err := r.loader.ReadAt(top, 0); err != nil && err != io.EOF {
		return "", false, err
	}
	var date string
	fields := map[string]*string{"message-id": &id, "date": &date}
	proxymailbox.FirstFields(top, fields)
	_, lacksDate := fields["date"] // FirstFields removes what it finds
	id = strings.TrimSpace(id)
	return id[:min(len(id), 200)], !lacksDate, nil
}

func (r *auditRun) countID(id string) {
	if id == "" {
		return
	}
	sum := maphash.String(r.seed, id)
	if _, again := r.ids[sum]; again {
		r.report.Duplicates++
	} else if len(r.ids) < maxAuditIDs {
		r.ids[sum] = struct{}{}
	}
}

// print writes the report for people.
func (a *auditReport) print(out io.Writer) error {
	var b strings.Builder
	took := time.Duration(a.Seconds * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(&b, "%d messages, %d bytes; profile %s\n", a.Messages, a.Bytes, a.Profile)
	fmt.Fprintf(&b, "%d would be repaired, %d refused; as one account they take %s at the pace of the profile\n",
		a.Changed, a.Refused, took)
	fmt.Fprintf(&b, "%d have the Message-ID of another, %d have no Date, %d could not be read, %d files are no "+
		"messages\n", a.Duplicates, a.NoDate, a.Unread, a.Others)
	for _, counts := range []struct {
		title string
		by    map[string]int
	}{{"messages by fix", a.Fixes}, {"refused by rule", a.Rules}} {
		for i, name := range slices.Sorted(maps.Keys(counts.by)) {
			if i == 0 {
				fmt.Fprintf(&b, "\n%s:\n", counts.title)
			}
			fmt.Fprintf(&b, "  %-16s %d\n", name, counts.by[name])
		}
	}
	for _, messages := range []struct {
		title string
		all   []auditMessage
	}{{"left behind", a.Left}, {"could not be read", a.Failures}, {"largest", a.Largest}} {
		for i, m := range messages.all {
			if i == 0 {
				fmt.Fprintf(&b, "\n%s:\n", messages.title)
			}
			where := m.File
			if m.Index > 0 {
				where += fmt.Sprintf(", message %d", m.Index)
			}
			about := strings.TrimSpace(m.ID + " " + m.Reason)
			fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %s: %d bytes %s", where, m.Size, about), " "))
			if m.Switch != "" {
				fmt.Fprintf(&b, "    would arrive with %s\n", m.Switch)
			}
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
