package exchangesim

import (
	"fmt"
	"slices"
	"strings"
)

// changeFlags sets a message's flags, of which this client then knows. The
// caller holds the store's lock.
func (c *conn) changeFlags(m *message, to, named flags) {
	c.srv.store.setFlags(c.view.mailbox, m, to, named)
	c.view.told[m.uid] = m.change
}

func (c *conn) storeBySeq(a *args) (status, error) { return c.store(a, false) }
func (c *conn) storeByUID(a *args) (status, error) { return c.store(a, true) }

// store answers STORE and UID STORE.
func (c *conn) store(a *args, byUID bool) (status, error) {
	set, err := a.seqSet()
	if err != nil {
		return status{}, err
	}
	action, err := a.atom()
	if err != nil {
		return status{}, err
	}
	names, err := a.storeFlags()
	if err != nil {
		return status{}, err
	}
	action, silent := strings.CutSuffix(strings.ToUpper(action), ".SILENT")
	var change func(old, given flags) flags
	switch action {
	case "FLAGS":
		change = func(_, given flags) flags { return given }
	case "+FLAGS":
		change = func(old, given flags) flags { return old | given }
	case "-FLAGS":
		change = func(old, given flags) flags { return old &^ given }
	default:
		return status{}, errArgument
	}
	given, unknown := parseFlags(names)
	if unknown != "" && c.srv.quirks[quirkKeywordRefused] {
		return badArgument("quirk EX-08: flag " + unknown), nil
	}
	if c.view.readOnly {
		st := badState("quirk EX-18: the mailbox is open read-only")
		if c.srv.quirks[quirkReadOnlyStore] {
			st.kind = "NO"
		}
		return st, nil
	}
	named := given
	if action == "FLAGS" {
		named = permanentFlags
	}
	list, ok := c.changeAll(set, byUID, named, func(old flags) flags { return change(old, given) })
	if !ok {
		return badMessageSet("quirk EX-19: a number past the end"), nil
	}
	if !silent {
		for _, t := range list {
			uid := ""
			if byUID && !c.srv.quirks[quirkStoreNoUID] {
				uid = fmt.Sprintf(" UID %d", t.msg.uid)
			}
			c.printf("* %d FETCH (FLAGS %s%s)\r\n", t.seq, t.msg.flags, uid)
		}
	}
	c.sync(false)
	return completed("STORE"), nil
}

// storeFlags reads a list of flags, with or without parentheses.
func (a *args) storeFlags() ([]string, error) {
	var names []string
	if a.peek() == '(' {
		var err error
		if names, err = a.list(); err != nil {
			return nil, err
		}
		return names, a.end()
	}
	for a.peek() != 0 {
		name, err := a.atom()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// changeAll changes the flags of a set and returns copies of its messages.
func (c *conn) changeAll(set []seqRange, byUID bool, named flags, change func(flags) flags) ([]target, bool) {
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	list, ok := c.targets(set, byUID)
	for i, t := range list {
		c.changeFlags(t.msg, change(t.msg.flags), named)
		list[i].msg = t.msg.clone()
	}
	return list, ok
}

func (c *conn) expunge(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	return c.removeDeleted(func(uint32) bool { return true }), nil
}

// uidExpunge is UIDPLUS's (RFC 4315 section 2.1).
func (c *conn) uidExpunge(a *args) (status, error) {
	set, err := a.seqSet()
	if err != nil {
		return status{}, err
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	last := uint32(0)
	if n := len(c.view.uids); n > 0 {
		last = c.view.uids[n-1]
	}
	return c.removeDeleted(func(uid uint32) bool { return contains(set, uid, last) }), nil
}

func (c *conn) removeDeleted(wanted func(uid uint32) bool) status {
	if c.view.readOnly {
		return badState("the mailbox is open read-only")
	}
	c.srv.store.mu.Lock()
	c.view.mailbox.expunge(func(m *message) bool { return m.flags&flagDeleted != 0 && wanted(m.uid) })
	c.srv.store.mu.Unlock()
	c.sync(true)
	return completed("EXPUNGE")
}

func (c *conn) copyBySeq(a *args) (status, error) { return c.copyOrMove(a, "COPY", false) }
func (c *conn) copyByUID(a *args) (status, error) { return c.copyOrMove(a, "COPY", true) }
func (c *conn) moveBySeq(a *args) (status, error) { return c.copyOrMove(a, "MOVE", false) }
func (c *conn) moveByUID(a *args) (status, error) { return c.copyOrMove(a, "MOVE", true) }

// copyOrMove answers COPY and, as RFC 6851 section 4.3 has it, MOVE: COPYUID
// goes before the EXPUNGEs.
func (c *conn) copyOrMove(a *args, command string, byUID bool) (status, error) {
	set, err := a.seqSet()
	if err != nil {
		return status{}, err
	}
	name, err := oneName(a)
	if err != nil {
		return status{}, err
	}
	move := command == "MOVE"
	if move && c.view.readOnly {
		return badState("the mailbox is open read-only"), nil
	}
	copyUID, st := c.copyTargets(set, byUID, name, move)
	if st.kind != "" {
		return st, nil
	}
	st = completed(command)
	switch {
	case copyUID == "" || !c.srv.supports("UIDPLUS"):
	case !move:
		st.text = copyUID + " " + st.text
	case c.srv.quirks[quirkBareCopyUID]:
		c.printf("%s\r\n", copyUID)
	default:
		c.printf("* OK %s\r\n", copyUID)
	}
	c.sync(move)
	return st, nil
}

// largestCopy is the number of messages that COPY takes at once (quirk EX-80).
const largestCopy = 50

// copyTargets returns the COPYUID code; "" if there was nothing to copy. The
// status is a refusal, or empty.
func (c *conn) copyTargets(set []seqRange, byUID bool, name string, move bool) (string, status) {
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	to := c.account.find(name)
	if to == nil {
		return "", tryCreate(name)
	}
	list, ok := c.targets(set, byUID)
	if !ok {
		return "", badMessageSet("quirk EX-19: a number past the end")
	}
	if !move && int64(len(list)) > c.srv.limits[quirkLargeCopy] && c.srv.quirks[quirkLargeCopy] {
		return "", status{kind: "NO", text: "Server Unavailable. 15", why: "quirk EX-80: too many messages"}
	}
	var from, made []string
	var moved []uint32
	for _, t := range list {
		uid := to.add(t.msg.clone())
		from = append(from, fmt.Sprint(t.msg.uid))
		made = append(made, fmt.Sprint(uid))
		moved = append(moved, t.msg.uid)
	}
	if move {
		c.view.mailbox.expunge(func(m *message) bool { return slices.Contains(moved, m.uid) })
	}
	if len(list) == 0 {
		if c.srv.quirks[quirkEmptyCopyUID] {
			return fmt.Sprintf("[COPYUID %d  ]", to.uidValidity), status{}
		}
		return "", status{}
	}
	return fmt.Sprintf("[COPYUID %d %s %s]", to.uidValidity, strings.Join(from, ","), strings.Join(made, ",")), status{}
}
