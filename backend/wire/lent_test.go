package wire

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"exgate/backend/testkit"
)

// waitsFor waits until the connection has lent a buffer, or has none lent.
func waitsFor(t *testing.T, r *records, waits bool) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("lent: %t", waits), func() bool {
		r.lent.mu.Lock()
		defer r.lent.mu.Unlock()
		return (r.lent.mem != nil) == waits
	})
}

// The whole pages of a buffer are given back, and not a byte beside it.
func TestBuffersAreGivenBackWhileTheyAreLent(t *testing.T) {
	if !canGiveBack {
		t.Skip("there is nothing to give back to on " + runtime.GOOS)
	}
	page := os.Getpagesize()
	tests := map[string]struct {
		from, size int
		looks      int
		most       int // bytes within the buffer that stay
		want       bool
	}{
		"whole pages":                {0, 4 * page, 2, 0, true},
		"half a page before":         {2048, 4*page + 2048, 2, page, true},
		"half a page behind":         {0, 4*page + 2048, 2, 2048, true},
		"both":                       {1024, 4*page + 2048, 2, 2 * page, true},
		"no alignment of any object": {7, 4 * page, 2, 0, false},
		"seen once":                  {0, 4 * page, 1, 0, false},
		"small":                      {0, minLent - 1, 2, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			defer there.Close()
			r := &records{Conn: here}
			whole := make([]byte, 8*page) // begins at a page, as large objects do
			for i := range whole {
				whole[i] = 0xa5
			}
			mem := whole[tt.from : tt.from+tt.size]
			ended := make(chan error, 1)
			go func() {
				_, err := r.Read(mem)
				ended <- err
			}()
			if tt.size >= minLent {
				waitsFor(t, r, true)
			}
			given := 0
			for range tt.looks {
				given += r.lent.giveBack()
			}
			if given > 0 != tt.want || tt.want && given < tt.size-tt.most {
				t.Errorf("%d bytes of %d were given back", given, tt.size)
			}
			if !slices.Equal(whole[:tt.from], bytes.Repeat([]byte{0xa5}, tt.from)) ||
				!slices.Equal(whole[tt.from+tt.size:], bytes.Repeat([]byte{0xa5}, len(whole)-tt.from-tt.size)) {
				t.Error("bytes beside the buffer were overwritten")
			}
			if zeros := bytes.Count(mem, []byte{0}); zeros != given {
				t.Errorf("%d bytes are zero, %d were given back", zeros, given)
			}
			here.Close()
			if err := <-ended; err == nil {
				t.Error("the Read has ended without an error")
			}
			waitsFor(t, r, false)
		})
	}
}

// A connection whose buffer was given back passes every byte, and gives it back again.
func TestTLSReadsAfterItsBufferWasGivenBack(t *testing.T) {
	if !canGiveBack {
		t.Skip("there is nothing to give back to on " + runtime.GOOS)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			from, to := socketPair(t)
			client, server := tlsPair(t, from, to, version)
			var lenders Lenders
			lenders.Add(client)
			text := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
			arrived := make(chan []byte)
			go func() {
				defer close(arrived)
				for {
					got := make([]byte, len(text))
					if _, err := io.ReadFull(client, got); err != nil {
						return
					}
					arrived <- got
				}
			}()
			for range 3 {
				if _, err := server.Write(text); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(<-arrived, text) {
					t.Fatal("other bytes have come")
				}
				waitsFor(t, client.records, true)
				lenders.GiveBack()
				if lenders.GiveBack() < maxRecord/2 {
					t.Error("the buffer was not given back")
				}
			}
			client.Close()
			for range arrived {
				t.Error("more has come")
			}
		})
	}
}

// The list of lenders keeps no connection alive that has ended.
func TestLendersEnd(t *testing.T) {
	var some Lenders
	func() {
		for range 100 {
			some.add(new(lent))
		}
	}()
	kept := new(lent)
	some.add(kept)
	for began := time.Now(); len(some.alive()) != 1; runtime.GC() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d are alive", len(some.alive()))
		}
	}
	if got := some.alive(); got[0] != kept || len(some.all) != 1 {
		t.Errorf("%d are listed", len(some.all))
	}
}
