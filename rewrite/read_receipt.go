package rewrite

// readReceipt is the fix read-receipt: it puts X- before the names of the
// fields that ask for a receipt (RFC 8098 section 2.1, and two older habits, of
// sendmail and of Pegasus Mail), since Exchange would send one again, even for
// old mail (quirk EX-11). imapsync's option gives the same name. Only the
// message's own header counts: nobody acknowledges a message that is attached.
func (p *planner) readReceipt(f *field) error {
	if f.header.top && f.isAny("Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To") {
		f.rename(fixReadReceipt, "X-")
	}
	return nil
}
