package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"exgate/rewrite"
)

// fixLine is the report of one message.
type fixLine struct {
	File    string         `json:"file"`
	Message int            `json:"message,omitempty"` // its number in an mbox, from 1
	Size    int64          `json:"size"`              // in bytes, with CRLF
	Fixed   int64          `json:"fixed_size,omitempty"`
	Changed bool           `json:"changed"`
	Fixes   map[string]int `json:"fixes,omitempty"`
	Signed  int            `json:"signed_parts_changed,omitempty"`
	Lossy   bool           `json:"lossy,omitempty"`
	Other   bool           `json:"no_message,omitempty"` // it has no header, and was copied
	Refused string         `json:"refused,omitempty"`    // the rule that refused it
	Reason  string         `json:"reason,omitempty"`
}

// plan plans the repair of the message in the loader, and describes the plan. The plan is
// nil if the engine refuses the message.
func (l *fixLine) plan(
	ctx context.Context, m *loader, o rewrite.Options, limit int64,
) (*rewrite.Plan, error) {
	plan, err := rewrite.NewPlan(ctx, m, m.size, o)
	var refused *rewrite.RefusedError
	switch {
	case errors.As(err, &refused):
		l.Refused, l.Reason = refused.Rule, refused.Reason
		return nil, nil
	case err != nil:
		return nil, err
	}
	l.describe(plan, limit)
	return plan, nil
}

// describe reports what a plan changes, and whether its result may be sent.
func (l *fixLine) describe(plan *rewrite.Plan, limit int64) {
	report := plan.Report()
	l.Fixed, l.Changed, l.Signed, l.Lossy = plan.Size(), plan.HasChanged(), report.Signed, report.Lossy
	if len(report.Fixes) > 0 {
		l.Fixes = map[string]int{}
	}
	for _, f := range report.Fixes {
		l.Fixes[f.Name] = f.Count
	}
	switch {
	case len(report.Unrepaired) > 0:
		l.Refused, l.Reason = report.Unrepaired[0].Rule, report.Unrepaired[0].String()
	case limit > 0 && plan.Size() > limit:
		l.Refused, l.Reason = "oversize", fmt.Sprintf("the message has %d bytes; the limit is %d", plan.Size(), limit)
	}
}

// write reports one message. As text it reports only refused messages.
func (r *fixRun) write(l fixLine) error {
	if r.report == "json" {
		return json.NewEncoder(r.log).Encode(l)
	}
	if l.Refused == "" {
		return nil
	}
	where := l.File
	if l.Message > 0 {
		where += fmt.Sprintf(", message %d", l.Message)
	}
	_, err := fmt.Fprintf(r.log, "exgate: %s: refused by rule %s: %s\n", where, l.Refused, l.Reason)
	return err
}

// writeOther reports a file that is no message.
func (r *fixRun) writeOther(name string, size int64) error {
	if r.report == "json" {
		return json.NewEncoder(r.log).Encode(fixLine{File: name, Size: size, Other: true})
	}
	_, err := fmt.Fprintf(r.log, "exgate: %s: no message, since it begins with no header: copied as it is\n", name)
	return err
}

func (r *fixRun) summary(w io.Writer) {
	fmt.Fprintf(w, "%d messages, %d changed, %d refused", r.messages, r.changed, r.refused)
	if r.others > 0 {
		fmt.Fprintf(w, "; %d other files, copied as they are", r.others)
	}
	fmt.Fprintln(w)
	for _, name := range slices.SortedFunc(maps.Keys(r.counts), strings.Compare) {
		fmt.Fprintf(w, "  %-16s %d\n", name, r.counts[name])
	}
}
