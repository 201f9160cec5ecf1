// Package folders maps names of mailboxes between clients and Exchange. It also knows
// which of Exchange's folders contain no mail, and which have a special use, such as sent
// mail.
//
// Names are plain Unicode in this package; Decode and Encode convert them from and to the
// wire format. The package is pure: it uses no network, no clock and no log.
//
// # One to one, without a state of its own
//
// A name is mapped level by level. Each level has a plain form: the name itself, with
// similar characters in place of those that Exchange refuses (escape.go). The plain form
// can be undone. If Exchange has a mailbox in exactly this spelling, the name means it.
// For Exchange, names that differ only in case are the same; for a client they are not. If
// Exchange has the plain form in another case, the client means a second mailbox, whose
// name gets a suffix (suffix.go). Beside Trash, trash is
//
//	trash_exgate_5zpc2mg
//
// The suffix is a hash of the client's spelling, so that a name that happens to end in the
// same way keeps its ending. Only Exchange's LIST decides which of two mailboxes has the
// plain name. Every gateway, and the next run of this one, reads it there, and no other
// state is needed. A client's name that looks like one with a suffix gets a suffix of its
// own.
//
// Client returns exactly the name that Upstream maps to the mailbox. Clients do not see a
// mailbox to which no name maps. The mapping therefore never makes one mailbox of two.
// The same holds for the spellings of names on the wire: if two spellings read the
// same, the one that Encode writes is the mailbox, else the least of them.
package folders
