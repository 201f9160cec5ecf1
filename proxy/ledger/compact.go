package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Compact removes the rows that are older than retention, unless that is 0, and gives the free
// space of the file back to the disk. A gateway may write the ledger meanwhile: its rows wait,
// and its messages wait for them as they do where the disk hangs. Compact needs as much free
// space as the file has.
func Compact(ctx context.Context, file string, retention time.Duration) (before, after int64, err error) {
	if before, err = sizeOf(file); err != nil {
		return 0, 0, err
	}
	s, err := openStore(ctx, file)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if retention > 0 {
		old := sweep{before: time.Now().Add(-retention).UnixMilli()}
		for isOver := false; !isOver; {
			if isOver, err = old.step(s); err != nil {
				return 0, 0, err
			}
		}
	}
	for _, step := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := s.conn.ExecContext(ctx, step); err != nil {
			return 0, 0, err
		}
	}
	after, err = sizeOf(file)
	return before, after, err
}

// sizeOf returns the size of a ledger, with what SQLite keeps beside it.
func sizeOf(file string) (int64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	size := info.Size()
	if info, err := os.Stat(file + "-wal"); err == nil {
		size += info.Size()
	}
	return size, nil
}
