package exchangesim

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// faultWord is one word of faultKind.args: DURATION in ":DURATION[:COUNT]".
type faultWord struct {
	name     string
	optional bool
}

var faultWordPattern = regexp.MustCompile(`(\[?):([A-Z]+)`)

func (k faultKind) words() []faultWord {
	var words []faultWord
	for _, m := range faultWordPattern.FindAllStringSubmatch(k.args, -1) {
		words = append(words, faultWord{name: m[2], optional: m[1] != ""})
	}
	return words
}

// findFaultKind returns the kind of the fault with this name. A fault that ends a
// connection has one name for each ending; end is the one in this name.
func findFaultKind(name string) (k faultKind, end ending, ok bool) {
	for _, k := range faultKinds() {
		if k.name == name && !k.ends {
			return k, "", true
		}
		for _, end := range endings {
			if k.ends && string(end)+strings.TrimPrefix(k.name, string(endCut)) == name {
				return k, end, true
			}
		}
	}
	return faultKind{}, "", false
}

// parseFault reads what FaultHelp describes: a name, its arguments after
// colons, and "@K".
func parseFault(spec string) (fault, error) {
	text, spare := spec, 0
	if i := strings.LastIndexByte(spec, '@'); i >= 0 {
		if n, err := strconv.Atoi(spec[i+1:]); err == nil && n > 0 {
			text, spare = spec[:i], n-1
		}
	}
	name, rest, more := strings.Cut(text, ":")
	k, end, ok := findFaultKind(name)
	if !ok {
		var names []string
		for _, k := range faultKinds() {
			names = append(names, k.name+k.args)
		}
		return fault{}, fmt.Errorf("fault %q is not one of %s", spec, strings.Join(names, ", "))
	}
	f := fault{kind: k.name, end: end, verb: k.verb, spare: spare, left: 1}
	if k.always {
		f.left = -1
	}
	f.defaults()
	if wrong := f.setWords(k.words(), rest, more); wrong != "" {
		return fault{}, fmt.Errorf("fault %q: %s: write %s%s", spec, wrong, name, k.args)
	}
	return f, nil
}

// defaults of arguments that can be left out.
func (f *fault) defaults() {
	switch f.kind {
	case faultConnectionLimit:
		f.limit, f.shape = maxConnectionsPerUser, showNotConnected
	case faultThrottleEvery, faultThrottleAccount:
		f.shape = shapeNo
	case faultRandom:
		f.rate, f.kinds = 0.02, randomNames()
	}
}

// setWords sets the arguments, and says what is wrong with them.
func (f *fault) setWords(words []faultWord, rest string, more bool) (wrong string) {
	for i, w := range words {
		if !more {
			if slices.ContainsFunc(words[i:], func(w faultWord) bool { return !w.optional }) {
				return "an argument is missing"
			}
			return ""
		}
		value, after, another := strings.Cut(rest, ":")
		switch last := i == len(words)-1; {
		case w.name == "TEXT" && last: // it may hold colons
			value, another = rest, false
		case w.optional && !last && !words[i+1].optional && strings.Trim(value, "0123456789") != "":
			continue // left out, though something follows
		}
		if value == "" {
			return "an argument is missing"
		}
		if wrong := f.set(w.name, value); wrong != "" {
			return wrong
		}
		rest, more = after, another
	}
	if more {
		return "too many arguments"
	}
	return ""
}

// set sets one argument, and says what is wrong with it.
func (f *fault) set(word, value string) (wrong string) {
	q := strconv.Quote(value)
	var err error
	switch word {
	case "DURATION":
		if f.delay, err = time.ParseDuration(value); err != nil || f.delay <= 0 {
			return q + " is not a duration such as 3s"
		}
	case "COUNT":
		if f.left, err = strconv.Atoi(value); err != nil || f.left < 1 {
			return q + " is not a count"
		}
	case "N":
		if f.limit, err = strconv.Atoi(value); err != nil || f.limit < 1 {
			return q + " is not a number of 1 or more"
		}
	case "BYTES":
		if f.bytes, err = strconv.ParseInt(value, 10, 64); err != nil || f.bytes < 0 {
			return q + " is not a number of bytes"
		}
	case "USER":
		f.user = value
	case "VERB":
		return f.setVerb(value)
	case "TEXT":
		return f.setText(value)
	case "SHAPE":
		return f.setShape(value, shapeNo, shapeBad, shapeBadBye)
	case "SHOW":
		return f.setShape(value, showNotConnected, showRefused)
	case "SEED":
		if f.seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			return q + " is not a 64-bit number"
		}
	case "RATE":
		if f.rate, err = strconv.ParseFloat(value, 64); err != nil || math.IsNaN(f.rate) || f.rate < 0 || f.rate > 1 {
			return q + " is not a probability from 0 to 1"
		}
	case "KINDS":
		f.kinds = strings.Split(value, ",")
		for _, name := range f.kinds {
			if !slices.Contains(randomNames(), name) {
				return strconv.Quote(name) + " is not one of " + strings.Join(randomNames(), ", ")
			}
		}
	}
	return ""
}

func (f *fault) setVerb(value string) (wrong string) {
	f.verb = strings.ToUpper(value)
	_, known := commandTable()[f.verb]
	switch {
	case known || f.verb == verbAny:
		return ""
	case f.verb == verbGreeting && slices.Contains([]string{faultCut, faultCutReply, faultBye, faultDrip}, f.kind),
		f.verb == verbWaiting && slices.Contains([]string{faultCut, faultBye}, f.kind):
		return ""
	case f.verb == verbGreeting || f.verb == verbWaiting:
		return "this fault cannot happen at " + f.verb
	}
	return strconv.Quote(value) + " is not a command, " + verbAny + ", " + verbGreeting + " or " + verbWaiting
}

func (f *fault) setShape(value string, allowed ...string) (wrong string) {
	f.shape = value
	if !slices.Contains(allowed, value) {
		return strconv.Quote(value) + " is not one of " + strings.Join(allowed, ", ")
	}
	return ""
}

// setText takes the words of a BYE, or a whole status of a refusal.
func (f *fault) setText(value string) (wrong string) {
	f.text = printable(value)
	if f.kind == faultBye {
		switch value {
		case "13":
			f.text = byeRefused
		case "14":
			f.text = byeClosed
		case "AccessTokenExpired":
			f.text = byeTokenExpired
		}
		return ""
	}
	kind, text, ok := strings.Cut(f.text, " ")
	if kind = strings.ToUpper(kind); !ok || text == "" || kind != "NO" && kind != "BAD" {
		return strconv.Quote(value) + " is not a refusal such as NO Server Unavailable. 15"
	}
	f.text, f.shape = text, kind
	return ""
}
