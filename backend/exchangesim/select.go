package exchangesim

// permanentFlags are what STORE keeps; there is no \* (quirk EX-08).
const permanentFlags = flagSeen | flagAnswered | flagFlagged | flagDeleted | flagDraft | flagMDNSent

func (c *conn) selectMailbox(a *args) (status, error) { return c.openMailbox(a, "SELECT", false) }
func (c *conn) examine(a *args) (status, error)       { return c.openMailbox(a, "EXAMINE", true) }

// openMailbox answers SELECT and EXAMINE with the lines seen on 2010
// (offlineimap#62, MailKit#1446). No client needs RECENT, which is always 0
// there, so that nothing here counts it.
func (c *conn) openMailbox(a *args, command string, readOnly bool) (status, error) {
	name, err := a.mailbox()
	if err != nil {
		return status{}, err
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	if c.blankEnd(name) {
		return status{}, errClosing
	}
	c.view = nil // a failed SELECT leaves none selected (RFC 3501 section 6.3.1)
	s := c.srv.store
	s.mu.Lock()
	mb := c.account.find(name)
	if mb == nil || c.lacks(name) {
		s.mu.Unlock()
		return noMailbox(name), nil
	}
	c.view = newView(s, mb, readOnly)
	unseen := 0
	for i, m := range mb.messages {
		if m.flags&flagSeen == 0 {
			unseen = i + 1
			break
		}
	}
	validity, next := mb.uidValidity, mb.uidNext
	s.mu.Unlock()

	permanent, access := permanentFlags, "READ-WRITE"
	if readOnly {
		permanent, access = 0, "READ-ONLY"
	}
	c.printf("* %d EXISTS\r\n* 0 RECENT\r\n", len(c.view.uids))
	c.intrude(true)
	c.printf("* FLAGS %s\r\n", permanentFlags)
	c.printf("* OK [PERMANENTFLAGS %s] Permanent flags\r\n", permanent)
	if unseen > 0 {
		c.printf("* OK [UNSEEN %d] Is the first unseen message\r\n", unseen)
	}
	c.printf("* OK [UIDVALIDITY %d] UIDVALIDITY value\r\n", validity)
	if !c.srv.quirks[quirkUIDNextMissing] {
		c.printf("* OK [UIDNEXT %d] The next unique identifier value\r\n", next)
	}
	st := completed(command)
	st.text = "[" + access + "] " + st.text
	return st, nil
}

func (c *conn) check(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.sync(true)
	return completed("CHECK"), nil
}

// closeMailbox removes what is marked \Deleted without a word about it (RFC
// 3501 section 6.4.2).
func (c *conn) closeMailbox(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	if !c.view.readOnly {
		c.srv.store.mu.Lock()
		c.view.mailbox.expunge(func(m *message) bool { return m.flags&flagDeleted != 0 && c.view.seq(m.uid) != 0 })
		c.srv.store.mu.Unlock()
	}
	c.view = nil
	return completed("CLOSE"), nil
}

func (c *conn) unselect(a *args) (status, error) {
	if err := a.end(); err != nil {
		return status{}, err
	}
	c.view = nil
	return completed("UNSELECT"), nil
}
