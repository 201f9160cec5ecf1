package delivery

import (
	"crypto/sha256"
	"hash"
	"io"

	"exgate/proxy/mailbox"
	"exgate/proxy/spool"
)

// Receiver returns the writer of the message of an upload, which fills the spool. Where there is a ledger, it sums
// the message as it comes: the client sends the next piece meanwhile.
func (s *Sender) Receiver(up *Upload) io.Writer {
	if s.Journal == nil {
		return up.Spool
	}
	up.sum = &sum{message: up.Spool}
	return up.sum
}

// sum is the SHA-256 of a message without the fields with which a client marks its attempts, so that the attempts
// of one message are equal. What is written to it goes to the message.
type sum struct {
	message *spool.Spool
	hash    hash.Hash // nil: nothing is summed yet, since the header has not come whole
}

func (s *sum) Write(p []byte) (int, error) {
	n, err := s.message.Write(p)
	switch {
	case err != nil:
	case s.hash != nil:
		s.hash.Write(p)
	default:
		s.begin(false) // if it fails, value says so
	}
	return n, err
}

// value returns the sum of all that was written.
func (s *sum) value() (value [sha256.Size]byte, err error) {
	if s.hash == nil {
		if err := s.begin(true); err != nil {
			return value, err
		}
	}
	s.hash.Sum(value[:0])
	return value, nil
}

// begin sums what has come, if the header is whole or ends here.
func (s *sum) begin(isEnd bool) error {
	header := s.message.Header(mailbox.MaxDatedHeader)
	marks, isWhole := mailbox.ClientMarks(header)
	if !isWhole && !isEnd && len(header) < mailbox.MaxDatedHeader {
		return nil
	}
	hash, from := sha256.New(), int64(0)
	for _, mark := range append(marks, [2]int{int(s.message.Size()), 0}) {
		to := int64(mark[0])
		if text := s.message.Bytes(); text != nil {
			hash.Write(text[from:to])
		} else if _, err := io.Copy(hash, io.NewSectionReader(s.message, from, to-from)); err != nil {
			return err
		}
		from = int64(mark[1])
	}
	s.hash = hash
	return nil
}
