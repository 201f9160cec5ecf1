// Package folders is what exgate knows about names of mailboxes: which one of
// Exchange's a client means, what a client is told an Exchange's one is called,
// which hold no mail, and which is the one for sent messages.
//
// Names are plain Unicode here; Decode and Encode change them from and to what
// stands on the wire. The package is pure: no network, no clock, no log.
//
// # One to one, without a state of its own
//
// A name is mapped level by level. Each level has a plain form: the name
// itself, with what Exchange would not take replaced by characters that look
// alike (escape.go), which can be undone. Where Exchange has a mailbox in that
// very spelling, that is it. Exchange does not tell names apart by case, a
// client does: where Exchange has the plain form in another spelling, the
// client means a second mailbox, whose name ends in a suffix that is made of
// the first one's (suffix.go): beside Trash, trash is
//
//	trash_exgate_5zpc2mg
//
// The suffix proves itself: it is a hash of what stands before it in the
// client's spelling, and a name that ends so by chance keeps it. So which of
// two is plain is what Exchange itself says by LIST: every gateway, and the next
// run of this one, reads it there, and nothing has to be kept anywhere else.
// A client's name that reads like one of ours is given a suffix of its own.
//
// What Upstream maps to a mailbox is what Client calls it, and a mailbox that
// no name leads to is not shown. The two therefore never make one of two. The
// same holds for spellings on the wire: where two read the same, the one that
// Encode writes is the mailbox, else the least of them.
package folders
