package exchangesim

// command describes how one verb is run.
type command struct {
	states connState
	needs  string // capability without which the version does not know the verb
	run    func(*conn, *args) (status, error)
}

// commandTable has all verbs. Those for any state work even for a user whose
// mailbox cannot be opened (MailKit#1496 shows CAPABILITY answered then).
func commandTable() map[string]command {
	const in = authenticated | selected
	return map[string]command{
		"CAPABILITY": {anyState, "", (*conn).capability},
		"LOGOUT":     {anyState, "", (*conn).logout},
		"ID":         {anyState, "ID", (*conn).id},

		"STARTTLS":     {notAuthenticated, "", (*conn).startTLS},
		"LOGIN":        {notAuthenticated, "", (*conn).login},
		"AUTHENTICATE": {notAuthenticated, "", (*conn).authenticate},

		"NOOP":        {in, "", (*conn).noop},
		"NAMESPACE":   {in, "", (*conn).namespace},
		"LIST":        {in, "", (*conn).list},
		"LSUB":        {in, "", (*conn).lsub},
		"STATUS":      {in, "", (*conn).status},
		"CREATE":      {in, "", (*conn).create},
		"DELETE":      {in, "", (*conn).delete},
		"RENAME":      {in, "", (*conn).rename},
		"SUBSCRIBE":   {in, "", (*conn).subscribe},
		"UNSUBSCRIBE": {in, "", (*conn).unsubscribe},
		"SELECT":      {in, "", (*conn).selectMailbox},
		"EXAMINE":     {in, "", (*conn).examine},
		"APPEND":      {in, "", (*conn).append},
		"IDLE":        {in, "", (*conn).idle},

		"CHECK":       {selected, "", (*conn).check},
		"CLOSE":       {selected, "", (*conn).closeMailbox},
		"UNSELECT":    {selected, "UNSELECT", (*conn).unselect},
		"EXPUNGE":     {selected, "", (*conn).expunge},
		"UID EXPUNGE": {selected, "UIDPLUS", (*conn).uidExpunge},
		"FETCH":       {selected, "", (*conn).fetchBySeq},
		"UID FETCH":   {selected, "", (*conn).fetchByUID},
		"STORE":       {selected, "", (*conn).storeBySeq},
		"UID STORE":   {selected, "", (*conn).storeByUID},
		"SEARCH":      {selected, "", (*conn).searchForSeq},
		"UID SEARCH":  {selected, "", (*conn).searchForUID},
		"COPY":        {selected, "", (*conn).copyBySeq},
		"UID COPY":    {selected, "", (*conn).copyByUID},
		"MOVE":        {selected, "MOVE", (*conn).moveBySeq},
		"UID MOVE":    {selected, "MOVE", (*conn).moveByUID},
	}
}
