package proxy

import (
	"strings"

	"exgate/backend/wire"
)

// flags is for STORE.
var flags = edits{editStore, mergesNames}

// editStore looks at the flags that are set.
func editStore(a *amendment) (done bool, err error) {
	a.args.Space()
	if _, ok := a.args.Atom(); !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes messages and flags")
	}
	a.args.Space()
	if a.args.Peek() == '(' { // UNCHANGEDSINCE, RFC 7162
		if _, ok := a.args.List(); !ok {
			return false, wire.SyntaxError(a.cmd.verb + ": the modifiers have no end")
		}
		a.args.Space()
	}
	item, _ := a.args.Atom()
	a.args.Space()
	set := a.flags()
	if !strings.HasPrefix(item, "-") && containsFold(set, `\Deleted`) && mergesNames(a.c.login) {
		return guardDeletion(a)
	}
	return false, nil
}

// flags reads flags in parentheses, or without.
func (a *amendment) flags() (list []string) {
	if a.args.Peek() == '(' {
		list, _ = a.args.List()
		return list
	}
	for {
		flag, ok := a.args.Atom()
		if !ok {
			return list
		}
		list = append(list, flag)
		a.args.Space()
	}
}
