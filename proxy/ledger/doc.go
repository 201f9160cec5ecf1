// Package ledger records in one SQLite file what became of each message, session, login and
// mailbox name. Package proxy and package delivery write to it; exgate report reads it, also
// while the gateway runs.
//
// # Writing
//
// One goroutine writes (writer.go). It takes the rows from a bounded queue, and commits many of
// them in one transaction. Only Journal.Intend waits for it on the way of a message: the intent
// is on the disk before Exchange has all of the message. It is a row of the table intents, which
// has no index and few rows, and goes alone. The row in the table messages, with its indexes,
// is written once, with the outcome, and mostly with the proof. If the file cannot be written,
// the mail goes on: the rows are lost, and the ledger counts them and says so.
//
// # Exactly once
//
// The ledger remembers for Window each message whose client may not know the outcome
// (attempts.go): the gateway was killed, the client has gone, or the outcome is not known.
// When an identical message comes, package delivery looks for the earlier one in Exchange
// before it sends the message.
//
// # Privacy
//
// A row has the Message-ID, date, size and SHA-256 of a message. It has the subject only with
// Options.Subjects, and no address but the name of the account. docs/ledger.md describes the
// tables.
package ledger
