package amend

import (
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// searchKeyArgs has the number of arguments of the keys of SEARCH that have some (RFC 9051
// section 6.4.4, RFC 5032).
var searchKeyArgs = map[string]int{
	"BCC": 1, "BEFORE": 1, "BODY": 1, "CC": 1, "FROM": 1, "KEYWORD": 1, "LARGER": 1, "ON": 1, "SENTBEFORE": 1,
	"SENTON": 1, "SENTSINCE": 1, "SINCE": 1, "SMALLER": 1, "SUBJECT": 1, "TEXT": 1, "TO": 1, "UID": 1, "UNKEYWORD": 1,
	"HEADER": 2, "OLDER": 1, "YOUNGER": 1,
}

// foreignKeys are keys of SEARCH of extensions that no Exchange has. Exchange counts each
// as an error (docs/exchange.md#ex-19).
var foreignKeys = []foreign{
	{"X-GM-", "X-GM-EXT-1"}, {"MODSEQ", "CONDSTORE"}, {"OLDER", "WITHIN"}, {"YOUNGER", "WITHIN"},
	{"FUZZY", "SEARCH=FUZZY"}, {"EMAILID", "OBJECTID"}, {"THREADID", "OBJECTID"}, {"SAVED", "SAVEDATE"},
	{"FILTER", "FILTERS"}, {"ANNOTATION", "ANNOTATE-EXPERIMENT-1"}, {"$", "SEARCHRES"},
}

// editKeys edits the keys of a SEARCH. It stops at what it does not understand: Exchange
// judges it.
func (cmd *Command) editKeys() error {
	for {
		cmd.args.Space()
		if cmd.args.Take('(') || cmd.args.Take(')') {
			continue
		}
		from := cmd.here()
		word, ok := cmd.args.Atom()
		if !ok {
			return nil
		}
		if cmd.isForeign(foreignKeys, word) {
			return cmd.refuseForeign("the search key " + word)
		}
		key := strings.ToUpper(word)
		value := ""
		for range searchKeyArgs[key] {
			cmd.args.Space()
			if value, ok = cmd.readText(); !ok {
				return nil
			}
		}
		if key == "FROM" {
			cmd.searchAddress(from, value)
		}
	}
}

// readText reads a string of a SEARCH, where a closing parenthesis may follow an atom.
func (cmd *Command) readText() (string, bool) {
	if c := cmd.args.Peek(); c == 0 || c == '"' {
		return cmd.args.String()
	}
	return cmd.args.Atom()
}

// searchAddress puts two keys in place of FROM with an address, which was read since from:
// Exchange may look only in the name for FROM, and in the whole field for HEADER FROM
// (docs/exchange.md#ex-82).
func (cmd *Command) searchAddress(from position, value string) {
	if !cmd.hasFix(backend.FixSearchFrom) || !strings.Contains(value, "@") || from.text != cmd.here().text ||
		wire.NeedsLiteral(value) || wire.NeedsEscape(value) {
		return
	}
	cmd.Session.Repaired("search-from")
	address := strconv.Quote(value)
	cmd.replace(from, "OR FROM "+address+" HEADER FROM "+address)
}
