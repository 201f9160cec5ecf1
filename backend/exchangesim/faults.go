package exchangesim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// faultKind is one accident that can be ordered by name. A new one is a row
// in faultKinds and a call of faults.take where it strikes.
type faultKind struct {
	name    string
	args    string // what follows the name, for messages
	about   string
	always  bool // without a count it strikes always; else once
	wantDur bool
	wantFor bool // the argument is a user
}

const (
	faultThrottle    = "throttle"
	faultCutLiteral  = "cut-mid-literal"
	faultRefuseLogin = "refuse-login"
	faultLiteralRun  = "literal-run-as-commands"
	faultUnopenable  = "unopenable"
	faultSlow        = "slow"
)

func faultKinds() []faultKind {
	return []faultKind{
		{name: faultThrottle, args: ":DURATION[:COUNT]", wantDur: true,
			about: "the next COUNT (1) APPENDs are refused with DURATION as the suggested backoff time"},
		{name: faultCutLiteral, args: "[:COUNT]",
			about: "the connection is cut in the middle of the next COUNT (1) literals, in either direction"},
		{name: faultRefuseLogin, args: "[:COUNT]", always: true,
			about: "the next COUNT (all) logins fail"},
		{name: faultLiteralRun, args: "[:COUNT]",
			about: "the messages of the next COUNT (1) APPENDs are run as commands from their first line, as if it were too long"},
		{name: faultUnopenable, args: ":USER", always: true, wantFor: true,
			about: "the mailbox of USER cannot be opened"},
		{name: faultSlow, args: ":DURATION", always: true, wantDur: true,
			about: "every reply waits for DURATION"},
	}
}

// FaultHelp has a line for each fault that Config.Faults and AddFault take.
func FaultHelp() []string {
	var lines []string
	for _, k := range faultKinds() {
		lines = append(lines, k.name+k.args+": "+k.about)
	}
	return lines
}

// fault is one order.
type fault struct {
	kind  string
	user  string        // of unopenable
	delay time.Duration // of throttle and slow
	left  int           // strikes left; negative: no end
}

// parseFault reads "name", "name:argument" or "name:argument:count".
func parseFault(spec string) (fault, error) {
	words := strings.Split(spec, ":")
	kinds := faultKinds()
	i := slices.IndexFunc(kinds, func(k faultKind) bool { return k.name == words[0] })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.name+k.args)
		}
		return fault{}, fmt.Errorf("fault %q is none of %s", spec, strings.Join(names, ", "))
	}
	k, f, args := kinds[i], fault{kind: kinds[i].name, left: 1}, words[1:]
	if k.always {
		f.left = -1
	}
	wrong := func(what string) (fault, error) {
		return fault{}, fmt.Errorf("fault %q: %s: write %s%s", spec, what, k.name, k.args)
	}
	if k.wantDur || k.wantFor {
		if len(args) == 0 || args[0] == "" {
			return wrong("its argument is missing")
		}
		if k.wantFor {
			f.user = args[0]
		} else if d, err := time.ParseDuration(args[0]); err != nil || d <= 0 {
			return wrong(strconv.Quote(args[0]) + " is no duration such as 3s")
		} else {
			f.delay = d
		}
		args = args[1:]
	}
	switch {
	case len(args) == 1 && strings.Contains(k.args, "COUNT"):
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 {
			return wrong(strconv.Quote(args[0]) + " is no count")
		}
		f.left = n
	case len(args) > 0:
		return wrong("too many arguments")
	}
	return f, nil
}

// faults are the orders not yet used up. The zero value has none.
type faults struct {
	mu   sync.Mutex
	list []fault
}

func (l *faults) add(spec string) error {
	f, err := parseFault(spec)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, f)
	return nil
}

// take uses up one strike of the first order of that kind, and for that user
// where the kind has one.
func (l *faults) take(kind, user string) (fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		f := &l.list[i]
		if f.kind != kind || f.left == 0 || f.user != "" && !strings.EqualFold(f.user, user) {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return *f, true
	}
	return fault{}, false
}
