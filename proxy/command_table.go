package proxy

import (
	"strings"

	"exgate/proxy/amend"
)

// lane is the way of a command through the gateway.
type lane int

const (
	refused lane = iota // answered BAD in every mode
	direct              // relayed as it is, but for {n+}, which becomes {n}
	amended             // edited, then relayed; direct if the profile needs no edit
	owned               // answered by exgate: LOGIN, AUTHENTICATE, PROXYAUTH and APPEND by the own lane
)

// state is the state of a session (RFC 9051 section 3).
type state int

const (
	beforeLogin state = 1 << iota
	afterLogin
)

// effect is what a command does to the client's view of the selected mailbox, if
// the upstream answers OK.
type effect int

const (
	keepsView   effect = iota
	opensView          // SELECT, EXAMINE
	closesView         // CLOSE, UNSELECT
	fetchesView        // FETCH: may bring whole messages, which are paced
)

// rule is one row of the command table, for one or more verbs.
type rule struct {
	verbs   string // separated by commas
	lane    lane
	states  state
	effect  effect
	repeats bool // it may be sent again if the upstream was lost before its reply
	edits   amend.Edits
	why     string // reason for the lane, also for users (docs/commands.md)
}

// again and once are the values of rule.repeats (docs/design.md#resume). A command
// may be sent again if a second run changes nothing that the first has not
// changed. A second COPY, MOVE or EXPUNGE would.
const (
	again = true
	once  = false
)

// always allows a command before and after the login.
const always = beforeLogin | afterLogin

// noEdits stands in rows without an editor.
var noEdits amend.Edits

//go:generate go test -run ^TestCommandsAreDocumented$ . -update

// ruleTable is the command table. Its verbs are those registered with IANA and
// those internal to Exchange. A command that is not in the table gets BAD if the
// server is Exchange, which would count it as one of the ten errors after which
// it closes the connection. Profile plain relays it.
var ruleTable = []rule{
	{"CAPABILITY,NOOP,LOGOUT",
		direct, always, keepsView, again, noEdits, "RFC 9051 §6.1; before the login, the gateway answers"},
	{"ID", amended, always, keepsView, again, amend.ID, "RFC 2971; before the login, the gateway answers"},

	{"STARTTLS", owned, beforeLogin, keepsView, once, noEdits, "the gateway makes the TLS handshake"},
	{"LOGIN,AUTHENTICATE",
		owned, beforeLogin, keepsView, once, noEdits, "the name is mapped to what this Exchange accepts"},
	{"APPEND", owned, afterLogin, keepsView, once, amend.Append,
		"the message is repaired; relayed if no fix concerns it"},

	{"PROXYAUTH", owned, afterLogin, keepsView, once, noEdits, "an admin goes on to a user's mailbox"},

	{"SELECT,EXAMINE", amended, afterLogin, opensView, again, amend.Select, "RFC 9051 §6.3"},
	{"CLOSE,UNSELECT", direct, afterLogin, closesView, again, noEdits, "RFC 9051 §6.4"},
	{"FETCH,UID FETCH", amended, afterLogin, fetchesView, again, amend.Fetch,
		"RFC 9051 §6.4; whole messages are paced"},
	{"IDLE", amended, afterLogin, keepsView, again, amend.Idle,
		"RFC 9051 §6.3; after its + only DONE is passed on, any other line is a command"},
	{"ENABLE", amended, afterLogin, keepsView, again, amend.Enable, "RFC 9051 §6.3.1"},
	{"NAMESPACE", amended, afterLogin, keepsView, again, amend.Namespace, "RFC 9051 §6.3.10"},
	{"SUBSCRIBE,UNSUBSCRIBE", amended, afterLogin, keepsView, again, amend.FirstName, "RFC 9051 §6.3"},
	{"STATUS", amended, afterLogin, keepsView, again, amend.Status, "RFC 9051 §6.3.11"},
	{"LIST,LSUB", amended, afterLogin, keepsView, again, amend.List, "RFC 9051 §6.3.9, RFC 3501 §6.3.9"},
	{"CREATE", amended, afterLogin, keepsView, once, amend.NewName, "RFC 9051 §6.3.4"},
	{"DELETE", amended, afterLogin, keepsView, once, amend.OldName, "RFC 9051 §6.3.5"},
	{"RENAME", amended, afterLogin, keepsView, once, amend.BothNames, "RFC 9051 §6.3.6"},
	{"SEARCH,UID SEARCH", amended, afterLogin, keepsView, again, amend.Search, "RFC 9051 §6.4.4"},
	{"STORE,UID STORE", amended, afterLogin, keepsView, again, amend.Store, "RFC 9051 §6.4.6"},
	{"EXPUNGE,UID EXPUNGE", amended, afterLogin, keepsView, once, amend.Expunge, "RFC 9051 §6.4"},
	{"COPY,UID COPY", amended, afterLogin, keepsView, once, amend.Copy, "RFC 9051 §6.4.7"},
	{"MOVE,UID MOVE", amended, afterLogin, keepsView, once, amend.Move, "RFC 9051 §6.4.8"},
	{"CHECK", direct, afterLogin, keepsView, again, noEdits, "RFC 3501 §6.4.1"},
	{"SORT,THREAD,UID SORT,UID THREAD", amended, afterLogin, keepsView, again, amend.Extension(noEdits), "RFC 5256"},
	{"GETQUOTA", amended, afterLogin, keepsView, again, amend.Extension(noEdits),
		"RFC 9208: its argument is a quota root, not a mailbox"},
	{"GETQUOTAROOT", amended, afterLogin, keepsView, again, amend.Extension(amend.FirstName), "RFC 9208"},
	{"GETACL,LISTRIGHTS,MYRIGHTS", amended, afterLogin, keepsView, again, amend.Extension(amend.FirstName), "RFC 4314"},
	{"GETMETADATA", amended, afterLogin, keepsView, again, amend.Extension(amend.OptionName), "RFC 5464"},
	{"GETANNOTATION", amended, afterLogin, keepsView, again, amend.Extension(amend.FirstName), "RFC 5257"},
	{"SETQUOTA",
		amended, afterLogin, keepsView, once, amend.Extension(amend.NoNames),
		"RFC 9208: the quota root may be that of the whole mailbox"},
	{"SETACL,DELETEACL,SETMETADATA,SETANNOTATION",
		amended, afterLogin, keepsView, once, amend.Extension(amend.FirstName), "RFC 4314, RFC 5464, RFC 5257"},
	{"ESEARCH,NOTIFY", amended, afterLogin, keepsView, once, amend.Extension(amend.NoNames), "RFC 7377, RFC 5465"},
	{"CANCELUPDATE", amended, afterLogin, keepsView, once, amend.Extension(noEdits), "RFC 5267"},
	{"LANGUAGE,COMPARATOR", amended, afterLogin, keepsView, once, amend.Extension(noEdits), "RFC 5255"},
	{"RLIST,RLSUB", amended, afterLogin, keepsView, again, amend.Extension(amend.NoNames), "RFC 2193"},
	{"CONVERT,UID CONVERT,CONVERSIONS", amended, afterLogin, keepsView, once, amend.Extension(noEdits), "RFC 5259"},
	{"GETJMAPACCESS", amended, afterLogin, keepsView, once, amend.Extension(amend.NoNames),
		"RFC 9698: JMAP uses the server's names of mailboxes"},

	{"COMPRESS", refused, afterLogin, keepsView, once, noEdits, "it would hide what follows from the gateway"},
	{"REPLACE,UID REPLACE", refused, afterLogin, keepsView, once, noEdits, "it would store a message without repairs"},
	{"UNAUTHENTICATE,GENURLAUTH,RESETKEY,URLFETCH",
		refused, afterLogin, keepsView, once, noEdits, "it would bypass the login of the gateway"},
	{"XPROXY,XPROXY2,XPROXY3,BACKENDAUTHENTICATE,CLIENTACCESSRULES,CLIENTNETWORKPRESENCELOCATION",
		refused, always, keepsView, once, noEdits, "it is internal to Exchange's own proxying"},
}

// ruleOf is ruleTable by verb.
var ruleOf = func() map[string]*rule {
	m := make(map[string]*rule)
	for i := range ruleTable {
		for verb := range strings.SplitSeq(ruleTable[i].verbs, ",") {
			m[verb] = &ruleTable[i]
		}
	}
	return m
}()

// isShown reports whether the trace shows the arguments of a command after the
// login. It hides those of commands that carry a login, such as PROXYAUTH, or
// that are refused.
func (r *rule) isShown() bool {
	return r.lane != refused && r.states&afterLogin != 0 && r != ruleOf["PROXYAUTH"]
}

// shownInTrace is the trace.Shown of the command table.
func shownInTrace(verb string) (isKnown, isShown bool) {
	r := ruleOf[verb]
	return r != nil, r != nil && r.isShown()
}
