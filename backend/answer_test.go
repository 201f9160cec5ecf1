package backend

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// A server that answers a request of exgate's without end is left: what it says
// is kept by whoever asked.
func TestAnswerWithoutEnd(t *testing.T) {
	for _, tt := range []struct {
		name, line, want string
	}{
		{"lines", "* LIST () \"/\" a\r\n", fmt.Sprintf("the answer to LIST has more than %d lines", maxAnswerLines)},
		{"bytes", "* LIST () \"/\" " + strings.Repeat("x", gatherLimit/2) + "\r\n", fmt.Sprintf("the answer to LIST has more than %d bytes", maxAnswerBytes)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, nil, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				in.ReadString('\n')
				for out := bufio.NewWriter(conn); ; {
					if _, err := io.WriteString(out, tt.line); err != nil {
						return
					}
				}
			})
			lines, bytes := 0, 0
			req := NewRequest("LIST").Raw(`"" "*"`)
			req.Untagged = func(line []byte) bool {
				lines++
				bytes += len(line)
				return true
			}
			_, err := c.Do(t.Context(), req)
			if err == nil || !strings.Contains(err.Error(), tt.want) || FailureOf(err).Kind != KindLost {
				t.Errorf("got %v", err)
			}
			if lines > maxAnswerLines+1 || bytes > maxAnswerBytes+gatherLimit {
				t.Errorf("%d lines, %d bytes were taken", lines, bytes)
			}
			select {
			case <-c.Ended():
			default:
				t.Error("the connection is kept")
			}
		})
	}
}

// What a request did not ask for passes by and is kept by nobody, so that it
// counts for nothing.
func TestUnaskedLinesAreNoAnswer(t *testing.T) {
	c := connect(t, nil, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		in.ReadString('\n')
		out := bufio.NewWriter(conn)
		for range maxAnswerLines + 10 {
			io.WriteString(out, "* 1 EXISTS\r\n")
		}
		io.WriteString(out, "xg1 OK done\r\n")
		out.Flush()
		io.Copy(io.Discard, in)
	})
	req := NewRequest("NOOP")
	req.Untagged = func([]byte) bool { return false }
	if s := do(t, c, req); s.Word != "OK" {
		t.Error(s)
	}
}
