package exchangesim

import (
	"fmt"
	"slices"
	"strings"
)

func (c *conn) namespace(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	if c.srv.quirks[quirkNamespaceCloses] {
		return status{}, errClosing
	}
	c.printf("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n")
	return completed("NAMESPACE"), nil
}

func (c *conn) list(a *args) (status, error) {
	return c.listNames(a, "LIST", func(*mailbox) bool { return true })
}

func (c *conn) lsub(a *args) (status, error) {
	return c.listNames(a, "LSUB", func(mb *mailbox) bool { return mb.subscribed })
}

func (c *conn) listNames(a *args, command string, wanted func(*mailbox) bool) (status, error) {
	reference, err := a.mailbox()
	if err != nil {
		return status{}, err
	}
	pattern, err := a.mailbox()
	if err != nil {
		return status{}, err
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	if pattern == "" { // asks for the separator; text as in node-imap#602
		c.printf("* %s (\\Noselect \\HasChildren) \"/\" \"\"\r\n", command)
		return completed(command), nil
	}
	c.w.WriteString(c.listing(command, reference+pattern, wanted)) // printf says where its error shows
	return completed(command), nil
}

// listing is the lines of LIST or LSUB. It is built before it is written, as
// the store's lock must not be held then.
func (c *conn) listing(command, pattern string, wanted func(*mailbox) bool) string {
	c.srv.store.mu.Lock()
	defer c.srv.store.mu.Unlock()
	var b strings.Builder
	all := c.account.sorted()
	for _, mb := range all {
		if strings.Contains(mb.name, slash) { // quirk EX-45
			continue
		}
		if !wanted(mb) || !matchName(c.fold(pattern), c.fold(mb.name)) {
			continue
		}
		attr := `\HasNoChildren`
		if slices.ContainsFunc(all, func(o *mailbox) bool { return c.inside(o.name, mb.name) }) {
			attr = `\HasChildren`
		}
		// \Marked was seen on some mailboxes; that it means unseen messages
		// is inferred.
		if slices.ContainsFunc(mb.messages, func(m *message) bool { return m.flags&flagSeen == 0 }) {
			attr = `\Marked ` + attr
		}
		name := mb.name
		if name == "Public Folders" && c.srv.quirks[quirkPublicFolders] {
			name += separator
		}
		fmt.Fprintf(&b, "* %s (%s) \"/\" %s\r\n", command, attr, c.listedName(name))
	}
	return b.String()
}

// fold makes names comparable: always for INBOX, else by quirk EX-14.
func (c *conn) fold(name string) string {
	if c.account.foldCase || strings.EqualFold(name, "INBOX") {
		return foldName(name)
	}
	return name
}

// inside reports whether name is below parent.
func (c *conn) inside(name, parent string) bool {
	return strings.HasPrefix(c.fold(name), c.fold(parent)+separator)
}

// listedName writes a name as LIST does: an atom where it can be one, quoted
// with a space, a literal with quote or backslash (S22.Imap#12), and with a
// TAB as it is (quirk EX-21).
func (c *conn) listedName(name string) string {
	switch {
	case strings.ContainsAny(name, "\"\\"):
		return fmt.Sprintf("{%d}\r\n%s", len(name), name)
	case strings.Contains(name, "\t") && c.srv.quirks[quirkTabNames]:
		return name
	case strings.ContainsAny(name, " \t()%*{]") || name == "":
		return `"` + name + `"`
	}
	return name
}

func (c *conn) status(a *args) (status, error) {
	name, err := a.mailbox()
	if err != nil {
		return status{}, err
	}
	items, err := a.list()
	if err != nil {
		return status{}, err
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	if c.blankEnd(name) {
		return status{}, errClosing
	}
	counts, listed, ok := c.counts(name)
	if !ok || c.lacks(name) {
		return noMailbox(name), nil
	}
	var values []string
	for _, item := range items {
		item = strings.ToUpper(item)
		n, ok := counts[item]
		if !ok {
			return badArgument("unknown STATUS item " + item), nil
		}
		values = append(values, fmt.Sprintf("%s %d", item, n))
	}
	end := ""
	if c.srv.quirks[quirkStatusBlank] {
		end = " "
	}
	c.printf("* STATUS %s (%s)%s\r\n", listed, strings.Join(values, " "), end)
	return completed("STATUS"), nil
}

// counts are the values of STATUS, and the mailbox's name as LIST writes it.
func (c *conn) counts(name string) (counts map[string]uint32, listed string, ok bool) {
	c.srv.store.mu.Lock()
	defer c.srv.store.mu.Unlock()
	mb := c.account.find(name)
	if mb == nil {
		return nil, "", false
	}
	unseen := uint32(0)
	for _, m := range mb.messages {
		if m.flags&flagSeen == 0 {
			unseen++
		}
	}
	return map[string]uint32{
		"MESSAGES": uint32(len(mb.messages)), "RECENT": 0, "UNSEEN": unseen,
		"UIDNEXT": mb.uidNext, "UIDVALIDITY": mb.uidValidity,
	}, c.listedName(mb.name), true
}

// trimLevels drops blanks at the ends of each level.
func trimLevels(name string) string {
	levels := strings.Split(name, separator)
	for i, level := range levels {
		levels[i] = strings.Trim(level, " ")
	}
	return strings.Join(levels, separator)
}

// blankEnd reports whether the connection is closed now, since the mailbox that
// was opened before this one has a name that ends in a blank (quirk EX-42).
func (c *conn) blankEnd(name string) (closes bool) {
	closes = c.blankOpened && c.srv.quirks[quirkBlankEndCloses]
	c.blankOpened = strings.HasSuffix(name, " ")
	return closes
}

// oneName reads the only argument of a command.
func oneName(a *args) (string, error) {
	name, err := a.mailbox()
	if err != nil {
		return "", err
	}
	return name, a.end()
}

// create makes the mailbox and its missing parents.
func (c *conn) create(a *args) (status, error) {
	name, err := oneName(a)
	if err != nil {
		return status{}, err
	}
	name = strings.TrimSuffix(name, separator) // "will have children", RFC 3501 section 6.3.3
	if c.srv.quirks[quirkBlankEndDropped] {
		name = trimLevels(name)
	}
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, refused := c.refuseName("CREATE", name); refused {
		return st, nil
	}
	s.create(c.account, name)
	return completed("CREATE"), nil
}

// refuseName says why no mailbox of that name can be made. The caller holds
// the store's lock.
func (c *conn) refuseName(command, name string) (status, bool) {
	switch {
	case name == "" || strings.HasPrefix(name, separator) || strings.HasSuffix(name, separator) ||
		strings.Contains(name, separator+separator) ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }):
		return badArgument("not a name for a mailbox"), true
	case c.srv.quirks[quirkNameLength] && c.srv.isTooLongName(name):
		return badArgument("quirk EX-44: a level of the name is too long"), true
	case c.srv.like.Limits[quirkNameLength] > 0 && c.srv.isTooLongName(name):
		return failed(command, "quirk EX-44: a level of the name is too long"), true
	case c.srv.quirks[quirkReservedFiles] && strings.EqualFold(name, "Files"):
		return status{kind: "NO", text: "Folder name is reserved", why: "quirk EX-15"}, true
	case c.account.find(name) != nil:
		return status{
			kind: "NO",
			text: "Mailbox already exists.",
			why:  "quirk EX-14: " + c.account.find(name).name,
		}, true
	}
	return status{}, false
}

// delete removes a mailbox. That one with children is refused is inferred; RFC
// 3501 section 6.3.4 wants them kept.
func (c *conn) delete(a *args) (status, error) {
	name, err := oneName(a)
	if err != nil {
		return status{}, err
	}
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	mb := c.account.find(name)
	switch {
	case mb == nil:
		return noMailbox(name), nil
	case mb.standard:
		return failed("DELETE", "a folder of Exchange's own"), nil
	}
	for _, other := range c.account.mailboxes {
		if c.inside(other.name, mb.name) {
			return failed("DELETE", "the mailbox has children"), nil
		}
	}
	delete(c.account.mailboxes, c.account.key(name))
	mb.expunge(func(*message) bool { return true })
	return completed("DELETE"), nil
}

// rename moves a mailbox with all below it. Change of case alone is a rename
// like any other.
func (c *conn) rename(a *args) (status, error) {
	from, err := a.mailbox()
	if err != nil {
		return status{}, err
	}
	to, err := oneName(a)
	if err != nil {
		return status{}, err
	}
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	mb := c.account.find(from)
	switch {
	case mb == nil:
		return noMailbox(from), nil
	case mb.standard:
		return failed("RENAME", "a folder of Exchange's own"), nil
	case c.inside(to, from):
		return failed("RENAME", "the new name is inside the old one"), nil
	}
	if c.account.find(to) != mb {
		if st, refused := c.refuseName("RENAME", to); refused {
			return st, nil
		}
	}
	if parent := parentName(to); parent != "" && c.account.find(parent) == nil {
		s.create(c.account, parent)
	}
	for _, other := range c.account.sorted() {
		if other != mb && !c.inside(other.name, mb.name) {
			continue
		}
		delete(c.account.mailboxes, c.account.key(other.name))
		if other != mb {
			other.name = to + other.name[len(mb.name):]
			c.account.mailboxes[c.account.key(other.name)] = other
		}
	}
	mb.name = to
	c.account.mailboxes[c.account.key(to)] = mb
	return completed("RENAME"), nil
}

func (c *conn) subscribe(a *args) (status, error)   { return c.setSubscribed(a, "SUBSCRIBE", true) }
func (c *conn) unsubscribe(a *args) (status, error) { return c.setSubscribed(a, "UNSUBSCRIBE", false) }

func (c *conn) setSubscribed(a *args, command string, to bool) (status, error) {
	name, err := oneName(a)
	if err != nil {
		return status{}, err
	}
	c.srv.store.mu.Lock()
	defer c.srv.store.mu.Unlock()
	mb := c.account.find(name)
	if mb == nil {
		return noMailbox(name), nil
	}
	mb.subscribed = to
	return completed(command), nil
}
